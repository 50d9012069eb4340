#!/bin/bash
# Lookups that wait for a connection to the upstream are seen while they wait, and then in how long
# they did; those that got one at once count as a wait of nothing, those that left as one too.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

up='upstream="location"'
length_is() {
    metric_is postcoded_upstream_queue_length "$1" "$up"
}
# waited COUNT AT_ONCE: so many in all, and so many within the first bucket.
waited() {
    metric_is postcoded_upstream_queue_seconds_count "$1" "$up" &&
        metric_is postcoded_upstream_queue_seconds_bucket "$2" "$up,le=\"5e-05\""
}
# hold N OPTION...: that many lookups, of which the upstream has one.
hold() {
    callers --count "$1" --timeout 120 "${@:2}" >"$here/held" &
    holders=$!
    started+=("$holders")
    eventually length_is $(($1 - 1))
}

start_standin
default_keys
set_key server workers 1
set_key 'upstream location' max_connections 1
start_daemon
eventually is_ready
callers --requests 20 --expect 200 >/dev/null || fail "lookups"
waited 20 20 || fail "$(operators /metrics | grep queue)"
length_is 0 || fail "one waits"

knob hold=1
hold 5 --expect 200
waited 21 21 || fail "those that wait have waited: $(operators /metrics | grep queue)"
before=$(date +%s%N)
eventually grep -q . <(counted concurrent_now=1)
hold_until=$((before + 200000000))
while [ "$(date +%s%N)" -lt "$hold_until" ]; do length_is 4 || fail "not 4"; done
knob hold=0
wait "$holders" || fail "$(cat "$here/held")"
length_is 0 || fail "one waits"
waited 25 21 || fail "$(operators /metrics | grep queue)"
awk -v sum="$(metric postcoded_upstream_queue_seconds_sum "$up")" 'BEGIN { exit !(sum >= 0.8) }' ||
    fail "four that waited 0.2 s: $(operators /metrics | grep queue)"

# Callers that leave wait no more.
knob hold=1
mkfifo "$here/leave"
hold 4 --leave-on-fd "$here/leave"
echo >"$here/leave"
wait "$holders" || fail "$(cat "$here/held")"
eventually waited 29 22
length_is 0 || fail "one waits"
