#!/bin/bash
# [upstream] rate: a lookup is refused at once where its turn would come too late, or as many wait as
# queue allows; it is told when a turn could be had. A caller who leaves gives its place on.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

start_standin
default_keys
set_key server request_timeout 10s
set_key 'upstream location' rate 1/m
start_daemon
eventually is_ready

status() {
    ask -o /dev/null -w '%{http_code}' "$at/M11AA"
}
refused() {
    within 3000 ask -i "$at/M11AA" >"$here/refusal"
    answer=$(<"$here/refusal")
    has "$answer" 'HTTP/1.1 503 ' '"code":"overloaded"' 'rate'
    wait=$(sed -n 's/^Retry-After: \([0-9]*\).*/\1/p' <<<"$answer")
}
waiting_is() {
    metric_is postcoded_upstream_rate_waiting "$1" 'upstream="location"'
}
# park: one more caller who waits; its process is the last one of parked.
parked=()
park() {
    local count=${#parked[@]}
    curl -q -g -s -m 60 -o /dev/null -w '%{http_code}\n' "$at/M11AA" >"$here/parked-$count" &
    parked+=("$!")
    started+=("$!")
}

# The next turn is a minute away, and the deadline ten seconds.
[ "$(status)" = 200 ] || fail "the first"
refused
((wait > 40 && wait <= 60)) || fail "Retry-After: $wait"
metric_is postcoded_upstream_rate_refused_total 1 'upstream="location"' || fail "not counted"
[ "$(counter lookups)" = 1 ] || fail "it was called"

# A reload makes it faster at once: turns every 8 s, a minute to wait, two places.
set_key server request_timeout 1m
set_key 'upstream location' rate 450/h
set_key 'upstream location' queue 2
configure
kill -HUP "$daemon"
eventually metric_is postcoded_reloads_total 1 'result="success"'
park
eventually waiting_is 1
park
eventually waiting_is 2
refused
((wait <= 24)) || fail "Retry-After: $wait"
metric_is postcoded_upstream_rate_refused_total 2 'upstream="location"' || fail "not counted"

# The first one leaves: another has its place, and the second its turn.
kill "${parked[0]}"
eventually waiting_is 1
park
eventually waiting_is 2
for i in 1 2; do
    wait "${parked[$i]}"
    [ "$(<"$here/parked-$i")" = 200 ] || fail "parked-$i: $(<"$here/parked-$i")"
done
[ "$(counter lookups)" = 3 ] || fail "$(counter lookups) calls"
eventually waiting_is 0

# Off: nobody waits.
set_key 'upstream location' rate off
configure
kill -HUP "$daemon"
eventually metric_is postcoded_reloads_total 2 'result="success"'
for _ in 1 2 3 4 5; do
    [ "$(status)" = 200 ] || fail "without a rate"
done
stop_daemon
