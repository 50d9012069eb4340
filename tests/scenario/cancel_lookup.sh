#!/bin/bash
# A caller who goes away while the upstream is asked: the upstream's connection is closed, within
# 50 ms; nothing is written to the caller; logged with 499 and counted. One, and 200 at once; by
# closing, by a reset, by closing the sending half.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

start_standin
default_keys
set_key server request_timeout 60s # nothing here ends by that
start_daemon
eventually is_ready
mkfifo "$here/go"

total=0
# leave COUNT OPTION...: so many ask, and leave when told; the stand-in sees every one of its
# connections close.
leave() {
    local count=$1 before gone
    shift
    knob hold=1
    callers --count "$count" --leave-on-fd "$here/go" "$@" >"$here/told" &
    local told=$!
    counted "concurrent_now=$count" >/dev/null
    before=$(metric postcoded_requests_cancelled_total)
    total=$((total + count))
    : >"$here/go"
    # From before the callers leave until the stand-in has seen the last connection close.
    within 2000 counted "aborted=$total" >"$here/counters"
    gone=$took
    wait "$told" || fail "$(cat "$here/told")"
    has "$(cat "$here/told")" "\"left\":$count" '"answered":0' '"answered_after_leaving":0' \
        '"errors":0' '"bytes":0'
    eventually metric_is postcoded_requests_cancelled_total "$((before + count))"
    eventually metric_is postcoded_requests_in_flight 0
    knob hold=0
    echo "$count $*: $gone ms"
}

leave 1
leave 1 --reset
leave 1 --half-close
leave 200
leave 200 --reset
leave 200 --half-close

line=$(logged "status=499")
has "$line" " code=cancelled " " bytes=0 " "path=/api/v1/addresses/M11AA"
[ "$(grep -c "status=499 code=cancelled" "$here/log")" = 603 ] || fail "not a line for each"
[ "$(metric postcoded_requests_total 'code="cancelled",status="499"')" = 603 ] || fail "counters"
eventually metric_is postcoded_upstream_connections 0 'upstream="location",state="active"'

# Whoever leaves at once, perhaps before the request was looked at, is not looked up, or no longer:
# none of them stays with an upstream that does not answer. The others go on.
knob hold=1
for how in --half-close --reset; do
    callers --count 200 --leave-after 0 "$how" >"$here/told" || fail "$(cat "$here/told")"
done
eventually metric_is postcoded_requests_in_flight 0
eventually metric_is postcoded_upstream_connections 0 'upstream="location",state="active"'
knob hold=0
callers --count 20 --requests 5 --expect 200 >"$here/told" || fail "$(cat "$here/told")"

# The time, where there is one of each: 50 ms, of which the least over some attempts is taken, for
# the machine may be busy.
best=1000
for _ in 1 2 3 4 5; do
    knob hold=1
    callers --leave-on-fd "$here/go" >/dev/null &
    told=$!
    counted concurrent_now=1 >/dev/null
    before=$(counter aborted)
    began=$(date +%s%N)
    : >"$here/go"
    counted "aborted=$((before + 1))" >/dev/null
    ms=$((($(date +%s%N) - began) / 1000000))
    [ "$ms" -lt "$best" ] && best=$ms
    wait "$told"
    knob hold=0
done
[ "$best" -le $((50 * slow)) ] || fail "closed after $best ms at the best"
stop_daemon
