#!/bin/bash
# An upstream is removed while a shared call to it is held: those who wait are answered by it, it is
# gone afterwards, and one of the same name that comes later has nothing of it.
# shellcheck source=tests/scenario/cache_held_common.bash
. "$TOP/tests/scenario/cache_held_common.bash"
# shellcheck source=tests/scenario/upstreams_common.bash
. "$TOP/tests/scenario/upstreams_common.bash"

several_keys
set_key server workers 1
set_key server request_timeout 60s
set_key cache as service
set_key cache stale_while_revalidate 1h
with_rest() {
    add_upstream "$1"
    set_key "route $1" upstream "$1"
    set_key "route $1" prefix "/$1/"
}
with_rest rest
remove() {
    unset 'setting[upstream extra/address]' 'setting[upstream extra/client_id]' \
        'setting[upstream extra/client_secret]' 'setting[route extra/upstream]' 'setting[route extra/prefix]'
}
gone() {
    [ "$(grep -c 'extra was removed, and its last lookup has ended' "$here/log")" = "$1" ]
}
begin_at() { # NAME ROUTE POSTCODE
    at=http://$address/$2 begin "$1" "$3"
}
with_rest extra
at_upstream extra says version=1
start_daemon
eventually is_ready
at=http://$address/extra look M11AA
is cache fwd=uri-miss

# ---- two wait for it ----

at_upstream extra says hold=1
begin_at one extra M12AA
at_upstream extra held 1
begin_at two extra M12AA
in_flight 2
first=${urls[extra]}
remove
reload
at=http://$address/extra look M11AA # at hand, and no route leads to it any more
is status 404
without Cache-Status
gone 0 || fail "it is gone with a call under way"
with_rest extra # another one of the same name
at_upstream extra says version=2
reload
begin_at three extra M12AA
ended three
is_like Cache-Status 'postcoded; fwd=uri-miss; fwd-status=200; stored; .*'
[ "$(version)" = 2 ] || fail "an answer of the one that was removed"
url=$first says hold=0
for name in one two; do
    ended "$name"
    is status 200
    [ "$(version)" = 1 ] || fail "version $(version)"
done
eventually gone 1
at=http://$address/extra look M12AA
is cache hit
[ "$(version)" = 2 ] || fail "an answer of the one that was removed"
at=http://$address/extra look M11AA
is cache fwd=uri-miss
has "$(access two)" ' upstream=extra cache=joined flight=one '

# ---- nobody waits for it ----

at_upstream extra says 'cache_control=private, max-age=0'
at=http://$address/extra look M13AA
at_upstream extra says hold=1
at=http://$address/extra look M13AA
is cache hit
at_upstream extra held 1
calling 1 extra
first=${urls[extra]}
remove
reload
url=$first says hold=0
calling 0 extra
eventually gone 2
at=http://$address/rest look M13AA
is status 200
is cache fwd=uri-miss
stop_daemon
