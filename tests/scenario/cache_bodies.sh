#!/bin/bash
# A body lives as long as it is read: a slow reader gets all of it, whatever becomes of the answer in
# the cache. An answer that is too large to be kept is shared all the same. Who comes after the first
# byte of a response makes a call of their own; and what breaks off is a failure to all.
# shellcheck source=tests/scenario/cache_common.bash
. "$TOP/tests/scenario/cache_common.bash"

start_standin --cache-control max-age=3600 --version 1 --body-size 900000
set_key 'upstream location' max_response_size 2M
set_key server request_timeout 60s
start_cached as=service max_size=256M
mkfifo "$here/go"

# sips POSTCODE: has begun to read it, and stays; it reads on when descriptor 9 is closed.
sips() {
    : >"$here/sip.log"
    "$driver/sip" "$address" "/api/v1/addresses/$1" <"$here/go" >"$here/sipped" 2>"$here/sip.log" &
    sipper=$!
    started+=("$sipper")
    exec 9>"$here/go"
    eventually grep -q sipping "$here/sip.log"
}
# gets_all FILE: what it has then is this.
gets_all() {
    kill -0 "$sipper" || fail "it did not wait: $(cat "$here/sip.log")"
    exec 9>&-
    wait "$sipper" || fail "$(cat "$here/sip.log")"
    cmp "$here/sipped" "$1" || fail "the body is another one"
}
keep() {
    cp "$here/look.body" "$here/$1"
}

# ---- forgotten, replaced ----

look M11AA
has "$(field Cache-Status)" '; stored; '
keep whole
[ "$(stat -c %s "$here/whole")" -gt 900000 ] || fail "not so large"
sips M11AA
items 1
has "$(forget)" '1 answer forgotten'
items 0
knob version=2
look M11AA
[ "$(version)" = 2 ] || fail "not another one"
gets_all "$here/whole"
is_logged() {
    [ "$(grep -c 'path=/api/v1/addresses/M11AA status=200 .* cache=hit' "$here/log")" = "$1" ]
}
eventually is_logged 1

says cache_control=max-age=0
look M12AA
keep whole
# It began the call; what it brings is kept at once.
forget >/dev/null
sips M12AA
items 1
knob version=3
look M12AA
[ "$(version)" = 3 ] || fail "not another one"
is_like Cache-Status 'postcoded; fwd=stale; fwd-status=200; stored; .*'
gets_all "$here/whole"

# ---- another cache altogether, and none ----

says cache_control=max-age=3600
look M13AA
keep whole
sips M13AA
reload max_size=64M
items 0
gets_all "$here/whole"

# ---- too large to be kept: more than 64M / 160 ----

look M14AA
is_like Cache-Status 'postcoded; fwd=uri-miss; fwd-status=200'
keep whole
items 0
look M14AA
is_like Cache-Status 'postcoded; fwd=uri-miss; fwd-status=200'
knob hold=1
before=$(counter lookups)
for name in first second; do
    ask -H "X-GUID: $name" -o "$here/$name" "$at/M14AA" &
    sharers+=("$!")
    counted "lookups=$((before + 1))" >/dev/null
done
eventually metric_is postcoded_requests_in_flight 2
knob hold=0
wait "${sharers[@]}"
for name in first second; do
    cmp "$here/$name" "$here/whole" || fail "$name got another body"
done
has "$(access second)" ' cache=joined flight=first'
[ "$(counter lookups)" = $((before + 1)) ] || fail "not shared"
items 0
sips M14AA # the last reader of one that nothing else holds
gets_all "$here/whole"

# ---- evicted ----

says body_size=90000
reload max_size=16M
look M21AA
keep whole
sips M21AA
is_evicted() {
    curl -q -s -m 60 -o /dev/null "$at/M[30-99]$((RANDOM % 10))AA" # 70 of them
    [ "$(metric postcoded_cache_evictions_total)" -gt 500 ]
}
eventually is_evicted
look M21AA
is_like Cache-Status 'postcoded; fwd=uri-miss; .*' # it is gone
gets_all "$here/whole"

# ---- joining ends with the first byte ----

says body_size=0
forget >/dev/null
knob trickle=1
before=$(counter lookups)
callers=()
# The first begins a call; all after it join, until its response begins.
makes_another_call() {
    ask -o /dev/null -w '%{http_code}\n' "$at/M31AA" >>"$here/statuses" &
    callers+=("$!")
    [ "$(counter lookups)" -ge $((before + 2)) ]
}
: >"$here/statuses"
eventually makes_another_call
knob trickle=0
wait "${callers[@]}"
! grep -qv 200 "$here/statuses" || fail "$(sort "$here/statuses" | uniq -c)"
[ "$(wc -l <"$here/statuses")" = ${#callers[@]} ] || fail "not all were answered"
look M31AA
is cache hit

# ---- forgotten on its way: answered, and not kept ----

for what in '' M32AA M99ZZ; do
    knob hold=1
    before=$(counter lookups)
    ask -D "$here/fields" -o "$here/body" "$at/M32AA" &
    caller=$!
    counted "lookups=$((before + 1))" >/dev/null
    forget ${what:+"$what"} >/dev/null
    knob hold=0
    wait "$caller"
    has "$(cat "$here/fields")" ' 200 ' 'Cache-Status: postcoded; fwd=uri-miss; fwd-status=200'
    lacks "$(cat "$here/fields")" stored
    has "$(cat "$here/body")" '"town":"Manchester"'
    [ -n "$what" ] || items 0
done

# ---- what breaks off is a failure to all who wait ----

knob hold=1
knob trickle=1
before=$(counter lookups)
callers=()
for name in cut-1 cut-2; do
    ask -H "X-GUID: $name" -D "$here/$name" -o "$here/$name.body" "$at/M33AA" &
    callers+=("$!")
    counted "lookups=$((before + 1))" >/dev/null
done
eventually metric_is postcoded_requests_in_flight 2
knob hold=0
responds() { # whoever comes now makes a call of their own
    ask -o /dev/null "$at/M33AA" &
    callers+=("$!")
    [ "$(counter lookups)" -ge $((before + 2)) ]
}
eventually responds
kill -KILL "$standin"
wait "${callers[@]}"
for name in cut-1 cut-2; do
    has "$(cat "$here/$name")" ' 502 ' 'Cache-Status: postcoded; fwd=uri-miss'
    has "$(cat "$here/$name.body")" '"code":"upstream_unreachable"' "\"guid\":\"$name\""
done
has "$(cat "$here/cut-2")" '; collapsed'
has "$(access cut-2)" ' flight=cut-1'
stop_daemon
