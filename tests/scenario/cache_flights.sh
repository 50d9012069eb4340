#!/bin/bash
# One call for all who look the same postcode up at the same time: who joins, what they get, and
# what is judged once. Who leaves is in cache_flights_leave.
. "$TOP/tests/scenario/common.bash"

start_standin --hold
default_keys
set_key server workers 1
set_key cache as service
start_daemon
eventually is_ready

# look NAME POSTCODE OPTION...: in the background; status in NAME.status, body in NAME.body.
look() {
    ask -H "X-GUID: flight-$1" -D "$here/$1.fields" -o "$here/$1.body" "$at/$2" "${@:3}" \
        -w '%{http_code}' >"$here/$1.status" &
}
gets() {
    [ "$(cat "$here/$1.status")" = "$2" ] || fail "$1 got $(cat "$here/$1.status"), not $2"
}
waiting() {
    eventually metric_is postcoded_requests_in_flight "$1"
}
ended() {
    waiting 0
    local name
    for name; do
        eventually test -s "$here/$name.status"
    done
}
upstream_saw() {
    [ "$(counter lookups)" = "$1" ] || fail "the upstream saw $(counter lookups) lookups, not $1"
}

# ---- an answer for all: GET and HEAD, with conditionals or without ----

look first M11AA
waiting 1
counted lookups=1 >/dev/null
look second M11AA
look head M11AA -I
look conditional M11AA -H 'If-None-Match: *'
waiting 4
knob hold=0
ended first second head conditional
gets first 200
gets second 200
gets head 200
gets conditional 304
upstream_saw 1
cmp -s "$here/first.body" "$here/second.body" || fail "two bodies of one answer"
has "$(cat "$here/first.fields")" 'Cache-Status: postcoded; fwd=uri-miss; fwd-status=200; stored'
has "$(cat "$here/second.fields")" 'fwd-status=200; collapsed; stored'
metric_is postcoded_cache_total 3 'result="joined"' || fail "$(metric postcoded_cache_total 'result="joined"') joined"
has "$(logged 'GUID: flight-second - request')" 'cache=joined flight=flight-first'
lacks "$(logged 'GUID: flight-first - request')" 'flight='
metric_is postcoded_token_requests_total 1 'upstream="location",result="success"' || fail "tokens"

# ---- others do not join: another postcode, another query ----

knob hold=1
look other M12AA
look query 'M12AA?a=b'
waiting 2
counted lookups=3 >/dev/null
knob hold=0
ended other query
gets other 200
gets query 200

# ---- a failure is given to all, and nobody tries again ----

knob hold=1
knob lookup_status=500
look failed M13AA
waiting 1
counted lookups=4 >/dev/null
look alike M13AA
waiting 2
knob hold=0
ended failed alike
gets failed 502
gets alike 502
upstream_saw 4
has "$(cat "$here/alike.body")" '"code":"upstream_error"' '"guid":"flight-alike"'
has "$(cat "$here/alike.fields")" 'Cache-Status: postcoded; fwd=uri-miss; fwd-status=500; collapsed'
lacks "$(cat "$here/alike.fields")" stored
knob lookup_status=0

# ---- a 401 is judged once ----

knob hold=1
knob unauthorized=1
look revoked M14AA
waiting 1
counted lookups=5 >/dev/null
look along M14AA
waiting 2
knob hold=0
ended revoked along
gets revoked 200
gets along 200
upstream_saw 6
metric_is postcoded_token_rejected_total 1 'upstream="location"' || fail "judged more than once"
metric_is postcoded_token_requests_total 2 'upstream="location",result="success"' || fail "tokens"

# ---- without coalescing each makes its own ----

set_key cache coalesce off
configure
kill -HUP "$daemon"
logged 'configuration reloaded' >/dev/null
knob hold=1
look one M15AA
look two M15AA
waiting 2
counted lookups=8 >/dev/null
knob hold=0
ended one two
gets one 200
gets two 200
metric_is postcoded_cache_total 5 'result="joined"' || fail "$(metric postcoded_cache_total 'result="joined"') joined"
stop_daemon
