#!/bin/bash
# A failing upstream's lookups must not all fall on the next one: three in ten seconds may, and
# besides that retry_budget percent of the lookups of the one they go to. What is over that ends with
# the failure that it had, and is counted.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"
# shellcheck source=tests/scenario/upstreams_common.bash
. "$TOP/tests/scenario/upstreams_common.bash"

several_keys
add_upstream a
add_upstream b
route_all 'a, b'
set_key 'route own' prefix /own/
set_key 'route own' upstream b
set_key log access off
set_key 'upstream a' eject_after 1000
set_key 'upstream a' retries 0
set_key 'upstream b' retry_budget 0

# ask_all N: so many lookups, one after the other, within the ten seconds; sets good and refused.
ask_all() {
    local i answer
    good=0 refused=0
    for ((i = 0; i < $1; i++)); do
        answer=$(ask -i "$at/M11AA")
        case $answer in
        *' 200 '*) good=$((good + 1)) ;;
        *'"code":"upstream_unreachable"'*'Another upstream was not asked, for its retry_budget'*) refused=$((refused + 1)) ;;
        *) fail "$answer" ;;
        esac
    done
}
# begin: a has been there, so it is no token that fails.
begin() {
    start_daemon
    eventually is_ready
    [ "$(status)" = 200 ] || fail "$(ask -i "$at/M11AA")"
    [ "$(lookups_at a)" = 1 ] || fail "the first of the list is not the first"
    kill_upstream a
}
# counted_as: metrics say what the callers were told.
counted_as() {
    failovers_are "$good" a b no_connection || fail "$good: $(operators /metrics | grep failovers)"
    metric_is postcoded_upstream_retry_budget_refused_total "$refused" 'upstream="b"' ||
        fail "$refused: $(operators /metrics | grep budget)"
}

begin
within 9000 ask_all 30
[ "$good,$refused" = 3,27 ] || fail "$good go on, $refused do not"
counted_as
# When these three are ten seconds ago, there are three again.
goes_on() {
    [ "$(status)" = 200 ]
}
eventually goes_on
stop_daemon

# Of 60 lookups of b's own a fifth, and of those that go on to it.
set_key 'upstream b' retry_budget 20
add_upstream a --listen "${urls[a]#http://}"
begin
own() {
    callers --path /own/M11AA --count 4 --requests 15 --expect 200 >"$here/told" ||
        fail "$(cat "$here/told")"
    ask_all 30
}
within 9000 own
((good >= 12 && good <= 16)) || fail "$good go on, $refused do not"
counted_as
stop_daemon
