#!/bin/bash
# Whoever leaves a shared call leaves alone: the one who began it, one who joined, each at its own
# deadline. The last one to leave cancels it, and its connection is closed.
. "$TOP/tests/scenario/common.bash"

start_standin --hold
default_keys
set_key server workers 1
set_key server request_timeout 60s
set_key cache as service
start_daemon
eventually is_ready

exec_curl() {
    exec curl -q -g -s -m 60 "$@"
}
# look NAME POSTCODE OPTION...: in the background; its process in pid[NAME].
declare -A pid=()
look() {
    exec_curl -H "X-GUID: flight-$1" -o "$here/$1.body" "$at/$2" "${@:3}" -w '%{http_code}' \
        >"$here/$1.status" &
    pid[$1]=$!
}
gets() {
    eventually test -s "$here/$1.status"
    [ "$(cat "$here/$1.status")" = "$2" ] || fail "$1 got $(cat "$here/$1.status"), not $2"
}
waiting() {
    eventually metric_is postcoded_requests_in_flight "$1"
}
leaves() {
    kill -KILL "${pid[$1]}"
    wait "${pid[$1]}" 2>/dev/null
}
upstream_saw() {
    local counters
    counters=$(ask "$url/standin/counters")
    has "$counters" "\"lookups\":$1," "\"aborted\":$2"
}
# timeout_is DURATION: for lookups from now on.
reloads=0
timeout_is() {
    set_key server request_timeout "$1"
    configure
    kill -HUP "$daemon"
    reloads=$((reloads + 1))
    eventually metric_is postcoded_reloads_total "$reloads" 'result="success"'
}

# ---- the first one leaves ----

look first M11AA
waiting 1
counted lookups=1 >/dev/null
look second M11AA
waiting 2
leaves first
waiting 1
knob hold=0
gets second 200
upstream_saw 1 0
has "$(logged 'GUID: flight-first - request')" 'code=cancelled' 'cache=miss'
has "$(logged 'GUID: flight-second - request')" 'status=200' 'flight=flight-first'
[ "$(ask -o /dev/null -w '%{http_code}' "$at/M11AA")" = 200 ] || fail "no answer"
upstream_saw 1 0 # the answer is kept, though who asked for it left

# ---- one who joined leaves ----

knob hold=1
look third M12AA
waiting 1
counted lookups=2 >/dev/null
look fourth M12AA
waiting 2
leaves fourth
waiting 1
knob hold=0
gets third 200
upstream_saw 2 0
has "$(logged 'GUID: flight-fourth - request')" 'code=cancelled' 'cache=joined'

# ---- all leave ----

knob hold=1
look fifth M13AA
waiting 1
counted lookups=3 >/dev/null
look sixth M13AA
look seventh M13AA
waiting 3
leaves sixth
leaves fifth
waiting 1
upstream_saw 3 0
leaves seventh
waiting 0
counted aborted=1 >/dev/null
upstream_saw 3 1
eventually metric_is postcoded_upstream_connections 0 'upstream="location",state="active"'

# who comes now makes a call of its own
look eighth M13AA
waiting 1
counted lookups=4 >/dev/null
knob hold=0
gets eighth 200

# ---- the deadline of the first one is its own ----

knob hold=1
timeout_is 1s
look ninth M14AA
waiting 1
counted lookups=5 >/dev/null
timeout_is 60s
look tenth M14AA
gets ninth 504
waiting 1
# whose call takes on nobody any more
look behind M14AA
waiting 2
counted lookups=6 >/dev/null
knob hold=0
gets tenth 200
gets behind 200
upstream_saw 6 1
has "$(logged 'GUID: flight-tenth - request')" 'cache=joined flight=flight-ninth'

# ---- that of one who joined as well ----

knob hold=1
look eleventh M15AA
waiting 1
counted lookups=7 >/dev/null
timeout_is 1s
look twelfth M15AA
gets twelfth 504
waiting 1
upstream_saw 7 1
knob hold=0
gets eleventh 200
upstream_saw 7 1

# ---- when the last deadline has come the call is cancelled ----

knob hold=1
look thirteenth M16AA
counted lookups=8 >/dev/null
gets thirteenth 504
counted aborted=2 >/dev/null
upstream_saw 8 2
knob hold=0
stop_daemon
