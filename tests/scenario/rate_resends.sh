#!/bin/bash
# What is sent again takes a turn of [upstream] rate and a charge of retry_budget, and none of the
# two is lost where the other is missing. A resend that waits for a turn and gets none leaves the
# failure as it was: the caller is told it, the route goes on, and the upstream is left out.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"
# shellcheck source=tests/scenario/upstreams_common.bash
. "$TOP/tests/scenario/upstreams_common.bash"

several_keys
add_upstream a
add_upstream b
standin_a=${urls[a]}
set_key server workers 1
set_key server request_timeout 10s
set_key log access off
set_key 'upstream a' retries 1
set_key 'upstream a' retry_budget 0

# begin: a is gone, and its token is here.
begin() {
    start_daemon
    eventually is_ready
    kill_upstream a
}
again() {
    stop_daemon
    add_upstream a --listen "${standin_a#http://}"
}
fails() {
    local answer
    answer=$(ask -i "$at/M11AA")
    has "$answer" "\"code\":\"$1\""
}
refused_are() {
    metric_is "postcoded_upstream_$1" "$2" 'upstream="a"' || fail "$(operators /metrics | grep "$1")"
}

# Those that wait for their turn are charged as those that need not: three in ten seconds.
route_all a
set_key 'route other' prefix /other/
set_key 'route other' upstream b
set_key 'upstream a' rate 10/s
set_key 'upstream a' burst 1
six() {
    for _ in 1 2 3 4 5 6; do
        fails upstream_unreachable
    done
}
begin
within 9000 six
refused_are retry_budget_refused_total 3
again

# Six lookups and three resends are nine turns: those that the budget refuses cost none.
set_key 'upstream a' rate 1/m
set_key 'upstream a' burst 9
begin
within 9000 six
refused_are rate_refused_total 0
fails overloaded
again

# There is one turn, and the next is a minute away.
set_key 'upstream a' burst 1
set_key 'upstream a' eject_after 1
begin
fails upstream_unreachable
refused_are rate_refused_total 1
again
route_all 'a, b'
begin
[ "$(status)" = 200 ] || fail "$(ask -i "$at/M11AA")"
failovers_are 1 a b no_connection || fail "$(operators /metrics | grep failovers)"
ejected_is a 1 || fail "a is not left out"
stop_daemon
