#!/bin/bash
# A stale answer is revalidated: with the daemon's own conditionals, at the upstream that it is of; a
# 304 makes it fresh again, and all else replaces or removes it. stale_while_revalidate: behind the
# caller's back.
# shellcheck source=tests/scenario/cache_common.bash
. "$TOP/tests/scenario/cache_common.bash"
# shellcheck source=tests/scenario/upstreams_common.bash
. "$TOP/tests/scenario/upstreams_common.bash"

date=$(date_in -86400)
start_standin --cache-control max-age=0 --version 1
start_cached as=service

# calls N CONDITIONAL NOT-MODIFIED: the upstream had so many since the last of these.
declare -A had=([lookups]=0 [lookups_conditional]=0 [lookups_not_modified]=0)
calls() {
    local name now wanted
    for name in lookups lookups_conditional lookups_not_modified; do
        wanted=$1
        shift
        now=$(counter "$name")
        [ $((now - had[$name])) = "$wanted" ] || fail "$name: $((now - had[$name])), not $wanted"
        had[$name]=$now
    done
}
# fetches POSTCODE; confirms POSTCODE: the next lookup of it brings one, or a 304.
fetches() {
    look "$1"
    is status 200
    is_like Cache-Status 'postcoded; fwd=(stale|uri-miss); fwd-status=200; stored; ttl=.*'
}
confirms() {
    look "$1"
    is status 200
    is_like Cache-Status 'postcoded; fwd=stale; fwd-status=304; stored; ttl=.*'
}

# ---- with what ----

fetches M11AA # an ETag
first=$body
calls 1 0 0
confirms M11AA
calls 1 1 1
[ "$body" = "$first" ] || fail "$body"
cache_counts miss=1 revalidated=1
has "$(logged 'path=/api/v1/addresses/M11AA.* cache=revalidated')" ' upstream_ms='
says etag=0 "last_modified=$date"
fetches M12AA # a date
calls 1 0 0
confirms M12AA
is Last-Modified "$date"
calls 1 1 1
knob etag=1
fetches M13AA # both: the ETag counts
calls 1 0 0
says "last_modified=$(date_in -10)"
confirms M13AA
calls 1 1 1
says etag=0 last_modified=
reload stale_if_error=1h
fetches M14AA # neither
fetches M14AA
calls 2 0 0
knob etag=1

# The caller's own conditionals are judged here.
look M15AA -H 'If-None-Match: "other"' -H "If-Modified-Since: $date"
is status 200
calls 1 0 0
etag=$(field ETag)
look M15AA -H 'If-None-Match: "other"'
is status 200
calls 1 1 1 # ours, and not that one
look M15AA -H "If-None-Match: $etag"
is status 304
is_like Cache-Status 'postcoded; fwd=stale; fwd-status=304; .*'
calls 1 1 1

# ---- a 304: age and fields are its own ----

says age=5000 cache_control=max-age=5000
fetches M21AA
is_like Age '500[0-9]'
says age= cache_control=max-age=4000
confirms M21AA
is Age 0
is Cache-Control max-age=4000
is_like Cache-Status '.*; ttl=(4000|39[0-9][0-9])'
look M21AA
is_like Cache-Status 'postcoded; hit; ttl=(4000|39[0-9][0-9])'
is_like Age '[0-9]{1,2}'
is Cache-Control max-age=4000
calls 2 1 1
says age=5000 cache_control=max-age=5000
fetches M22AA
says age= cache_control=
confirms M22AA # it says nothing new: as before
is Cache-Control max-age=5000
is_like Cache-Status '.*; ttl=(5000|49[0-9][0-9])'
calls 2 1 1

# ---- anything else ----

says cache_control=max-age=0
fetches M31AA
knob version=2
fetches M31AA
[ "$(version)" = 2 ] || fail "$body"
calls 2 1 0
confirms M31AA
[ "$(version)" = 2 ] || fail "$body"
calls 1 1 1
forget >/dev/null
fetches M32AA
items 1
says cache_control=no-store
look M32AA # a 304 that says so
is_like Cache-Status 'postcoded; fwd=stale; fwd-status=304'
items 0
says cache_control=max-age=0
fetches M33AA
items 1
knob version=3
says cache_control=no-store
look M33AA
[ "$(version)" = 3 ] || fail "$body"
is_like Cache-Status 'postcoded; fwd=stale; fwd-status=200'
items 0
says cache_control=max-age=0
fetches M34AA
calls 5 2 1
knob lookup_status=404
look M34AA
is status 404
calls 1 0 0 # of the stand-in's conditionals only those count that it judges
items 0
reload negative_ttl=1h
knob lookup_status=0
fetches M34AA
knob lookup_status=404
look M34AA
is_like Cache-Status 'postcoded; fwd=stale; fwd-status=404; stored; ttl=(3600|35[0-9][0-9])'
knob lookup_status=0
look M34AA
is status 404
is cache hit
calls 2 0 0

# ---- with answer = address the validators are of another body ----

set_key 'upstream location' answer address
reload
fetches M41AA
without ETag Last-Modified
first=$body
calls 1 0 0
look M41AA -H 'If-None-Match: *'
calls 1 1 1
confirms M41AA
without ETag Last-Modified
[ "$body" = "$first" ] || fail "$body"
calls 1 1 1
set_key 'upstream location' answer ''
knob version=1

# ---- behind the caller's back ----

knob hold=1
set_key server request_timeout 60s
reload negative_ttl=0s stale_if_error=0s stale_while_revalidate=1h
# at_hand POSTCODE VERSION: the stale answer, at once.
at_hand() {
    look "$1" -m 15
    is status 200
    [ "$(version)" = "$2" ] || fail "$body"
    is_like Cache-Status 'postcoded; hit; ttl=-[0-9]+'
}
knob hold=0
fetches M51AA
fetches M52AA
calls 2 0 0
knob version=2
knob hold=1
for ((i = 0; i < 10; i++)); do
    at_hand M51AA 1
done
counted "lookups=$((had[lookups] + 1))" >/dev/null
at_hand M52AA 1
counted "lookups=$((had[lookups] + 2))" >/dev/null
for ((i = 0; i < 10; i++)); do
    at_hand M51AA 1
    at_hand M52AA 1
done
calls 2 2 0
cache_counts stale=31
metric_is postcoded_cache_stale_if_error_total 0 || fail "none of them is for a failure"
knob hold=0
is_replaced() {
    look "$1"
    is status 200
    [ "$(version)" = 2 ]
}
eventually is_replaced M51AA
eventually is_replaced M52AA

# ---- one that fails is logged, and changes nothing ----

knob lookup_status=500
is_tried() {
    at_hand M51AA 2
    grep -q "$1" "$here/log"
}
eventually is_tried 'an answer could not be replaced, a stale one is given: the upstream responded with status 500 upstream=location'
knob lookup_status=0
knob hold=1
set_key server request_timeout 1s
reload
eventually is_tried 'an answer could not be replaced, a stale one is given: no response came in time upstream=location'
knob hold=0
metric_is postcoded_cache_stale_if_error_total 0 || fail "none of them is for a failure"

# The window ends, whatever fails.
reload stale_while_revalidate=1s
fetches M53AA
knob lookup_status=500
ends() {
    look M53AA
    [ "$status" = 502 ] || [[ $(field Cache-Status) =~ \;\ hit\;\ ttl=-[01] ]] || fail "$status: $fields"
    [ "$status" = 502 ]
}
eventually ends
knob lookup_status=0
# And not where the upstream's is narrower, or the answer may not be stale.
reload stale_while_revalidate=1h
for words in stale-while-revalidate=0 must-revalidate no-cache; do
    says "cache_control=max-age=0, $words"
    forget >/dev/null
    fetches M54AA
    confirms M54AA
done
says cache_control=max-age=0

# ---- it takes a place, and is not made where there is none ----

set_key server request_timeout 60s
set_key server max_in_flight 1
reload
fetches M55AA
knob version=3
knob hold=1
had[lookups]=$(counter lookups)
ask -o /dev/null "$at/M56AA" &
other=$!
counted "lookups=$((had[lookups] + 1))" >/dev/null
for ((i = 0; i < 10; i++)); do
    at_hand M55AA 2
done
look M57AA
is status 503 # so there is none
[ "$(counter lookups)" = $((had[lookups] + 1)) ] || fail "it is made without a place"
knob hold=0
wait "$other"
is_replaced_again() {
    look M55AA
    [ "$(version)" = 3 ]
}
eventually is_replaced_again

# It keeps its place to its end.
knob hold=1
had[lookups]=$(counter lookups)
is_under_way() {
    look M55AA
    is status 200
    [ "$(counter lookups)" -gt "${had[lookups]}" ]
}
eventually is_under_way
look M57AA
is status 503
knob hold=0
has_a_place() {
    look M57AA
    [ "$status" = 200 ]
}
eventually has_a_place

# ---- the daemon's end does not wait for it ----

knob hold=1
had[lookups]=$(counter lookups)
aborted=$(counter aborted)
eventually is_under_way
within 10000 stop_daemon
counted "aborted=$((aborted + 1))" >/dev/null
knob hold=0

# ---- of several upstreams ----

several_keys
add_upstream a --cache-control max-age=0
add_upstream b --cache-control max-age=0
route_all 'a, b'
set_key server max_in_flight ''
unset 'setting[upstream location/answer]'
set_key cache stale_while_revalidate 0s
start_daemon
eventually is_ready
# calls_of A-LOOKUPS A-CONDITIONAL B-LOOKUPS B-CONDITIONAL: since the start.
calls_of() {
    local now=() name
    for name in a b; do
        now+=("$(at_upstream "$name" counter lookups)" "$(at_upstream "$name" counter lookups_conditional)")
    done
    [ "${now[*]}" = "$*" ] || fail "${now[*]}, not $*"
}
fetches M61AA
calls_of 1 0 0 0
confirms M61AA
calls_of 2 1 0 0
at_upstream a knob lookup_status=503 # that of a is not for b
fetches M61AA
calls_of 3 1 1 0
fetches M62AA # of b alone
calls_of 4 1 2 0
at_upstream a knob lookup_status=0
fetches M62AA # a is asked first, without that of b
calls_of 5 1 2 0
stop_daemon
start_daemon # with a retry_budget that is not used up
eventually is_ready
at_upstream a knob lookup_status=503
fetches M63AA
calls_of 6 1 3 0
confirms M63AA # of b, though a is asked first
calls_of 7 1 4 1
stop_daemon
