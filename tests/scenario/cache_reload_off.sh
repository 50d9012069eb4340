#!/bin/bash
# [cache] comes and goes by reloads: without it there is nothing of it, and what was kept is
# forgotten; a reload with faults in it changes nothing.
# shellcheck source=tests/scenario/cache_common.bash
. "$TOP/tests/scenario/cache_common.bash"

start_cached as=service
# off, on: a reload without [cache], and with it.
off() {
    unset 'setting[cache/max_size]' 'setting[cache/as]'
    reload
}
on() {
    reload max_size= as=service
}
# gone GUID: nothing of a cache is seen, and each lookup goes upstream.
gone() {
    look M11AA -H "X-GUID: $1" -H 'If-None-Match: *'
    is status 304
    without Cache-Status Age
    upstream_lookups 1
    lacks "$(access "$1")" ' cache=' ' flight='
    lacks "$(operators /metrics)" postcoded_cache_
    has "$(forget)" '"code":"not_found"'
}
conditional() {
    [ "$(counter lookups_conditional)" = "$1" ] || fail "$(counter lookups_conditional) conditional"
}

look M11AA
look M11AA -H 'X-GUID: hit'
is cache hit
has "$(access hit)" ' cache=hit'
items 1
upstream_lookups 1

off
gone off-1
gone off-2
conditional 2 # the callers' own go upstream again
on
items 0
look M11AA -H 'If-None-Match: "other"' -H 'X-GUID: again'
is cache fwd=uri-miss
has "$(access again)" ' cache=miss '
look M11AA
is cache hit
upstream_lookups 1
conditional 2
items 1

# A daemon that begins without one.
off
stop_daemon
start_daemon
eventually is_ready
known_lookups=$(counter lookups)
gone off-3
on
look M11AA
is cache fwd=uri-miss
look M11AA
is cache hit
cache_counts miss=1 hit=1
upstream_lookups 1

# A reload that fails leaves cache and answers as they are.
for fault in 'honour off' 'ttl_max soon' 'as nobody' 'max_size 1'; do
    before=$(metric postcoded_reloads_total 'result="failure"')
    set_key cache "${fault% *}" "${fault#* }"
    configure
    kill -HUP "$daemon"
    eventually metric_is postcoded_reloads_total $((before + 1)) 'result="failure"'
    look M11AA
    is cache hit
    set_key cache "${fault% *}" ''
    set_key cache as service
done
upstream_lookups 0
reload
look M11AA
is cache hit
lacks "$(cat "$here/log")" ' error GUID'
stop_daemon
