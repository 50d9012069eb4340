#!/bin/bash
# One upstream, with a route and without: there is nothing to go on to. A 429 passes, and until its
# Retry-After others get the same one without a call; without the field each calls. Failures pass as
# they come, and however many there are, the upstream is never left out.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"
# shellcheck source=tests/scenario/upstreams_common.bash
. "$TOP/tests/scenario/upstreams_common.bash"

several_keys
add_upstream a
set_key 'upstream a' eject_after 2

# answers STATUS CODE WORD...: the next lookup.
answers() {
    answer=$(ask -i "$at/M11AA")
    has "$answer" " $1 " "\"code\":\"$2\"" "${@:3}"
}
calls_are() {
    [ "$(lookups_at a)" = "$1" ] || fail "$(lookups_at a) calls, and $1 are right"
}
retry_after() {
    sed -n 's/^Retry-After: \([0-9]*\).*/\1/p' <<<"$answer"
}
# Whole seconds, so it takes one of them until there are fewer.
fewer_remain() {
    answers 429 upstream_rate_limited Retry-After:
    [ "$(retry_after)" -lt 60 ]
}
is_over() {
    [ "$(status)" = 200 ]
}

all_of_it() {
    local calls
    at_upstream a knob 'lookup_status=0&retry_after=60'
    start_daemon
    eventually is_ready
    calls=$(lookups_at a)

    for said in '502 502 upstream_error' '503 503 upstream_unavailable' '504 502 upstream_error'; do
        read -r status expected code <<<"$said"
        at_upstream a knob "lookup_status=$status"
        for ((i = 0; i < 5; i++)); do
            answers "$expected" "$code"
            calls_are $((++calls))
        done
    done
    ejected_is a 0 || fail "the only upstream is left out"

    at_upstream a knob 'lookup_status=429&retry_after=0'
    for ((i = 0; i < 5; i++)); do
        answers 429 upstream_rate_limited
        lacks "$answer" Retry-After
        calls_are $((++calls))
    done

    # Whoever asks while it is held costs no call, though a would answer again.
    at_upstream a knob 'retry_after=60'
    answers 429 upstream_rate_limited 'Retry-After: 60'
    at_upstream a knob lookup_status=0
    eventually fewer_remain
    has "$answer" 'was not asked'
    calls_are $((++calls))
    metric_is postcoded_upstream_held 1 'upstream="a"' || fail "a is not held"
    stop_daemon

    # And when it is over, not before.
    at_upstream a knob 'lookup_status=429&retry_after=2'
    start_daemon
    eventually is_ready
    began=$(date +%s%N)
    answers 429 upstream_rate_limited 'Retry-After: 2'
    at_upstream a knob lookup_status=0
    eventually is_over
    [ $((($(date +%s%N) - began) / 1000000)) -ge 1900 ] || fail "a was called before its time"
    calls_are $((calls + 2))
    [ "$(operators /metrics | grep -c '^postcoded_upstream_failovers_total{')" = 0 ] ||
        fail "$(operators /metrics | grep failovers)"
    stop_daemon
}
all_of_it
route_all a
all_of_it
