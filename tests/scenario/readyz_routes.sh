#!/bin/bash
# Two routes over three upstreams, of which one after the other fails: a load balancer is told that the
# daemon is ready while it serves one route, and whoever asks for a route learns of that route. Metrics, page
# and data say whom lookups go to meanwhile.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"
# shellcheck source=tests/scenario/upstreams_common.bash
. "$TOP/tests/scenario/upstreams_common.bash"

several_keys
for name in main spare islands; do
    add_upstream "$name"
done
set_key 'upstream main' eject_after 2
set_key 'route uk' upstream 'main, spare'
set_key 'route islands' upstream islands
set_key 'route islands' postcodes 'BT*'
start_daemon

# readyz PATH STATUS: prints the body.
readyz() {
    local said
    said=$(operators "$1" -w '%{http_code}')
    [ "${said: -3}" = "$2" ] || fail "$1: $said"
    echo "${said:0:-3}"
}
# route_is NAME 200|503
route_is() {
    [ "$(operators "/readyz/$1" -o /dev/null -w '%{http_code}')" = "$2" ]
}
all_ready() {
    [ "$(operators /readyz)" = ready ]
}
looked_up() {
    [ "$(ask -o /dev/null -w '%{http_code}' "$at/$1")" = "$2" ]
}
# The same until a lookup of the postcode has made a route so.
unready_after() {
    ask -o /dev/null "$at/$2"
    route_is "$1" 503
}
since='since 20[0-9-]*T[0-9:]*Z'

eventually all_ready
readyz /readyz/uk 200 >/dev/null
readyz /readyz/islands 200 >/dev/null
has "$(readyz /readyz/nowhere 404)" '"code":"not_found"' 'There are ' /readyz/uk /readyz/islands
metric_is postcoded_route_ready 1 'route="uk"' || fail "$(operators /metrics)"
for name in main spare islands; do
    metric_is postcoded_upstream_ejected 0 "upstream=\"$name\"" || fail "$(operators /metrics)"
    has "$(ask --unix-socket "$here/admin.sock" http://a/tokens)" "\"$name\": {"
done
has "$(operators /)" 'data-route="uk" data-value="ready"' 'data-upstream="main" data-way="open"' \
    'Nothing is wrong.'

# One route of two: the daemon is ready, and says what is not.
at_upstream islands knob lookup_status=503
eventually unready_after islands BT11AA
[[ $(readyz /readyz 200) =~ ^ready.route\ islands:\ no\ upstream\ is\ ready\ \(islands\)\ $since.upstream\ islands:\ every\ lookup\ has\ failed\ $since:\ the\ upstream\ responded\ with\ 503$ ]] ||
    fail "$(operators /readyz)"
[[ $(readyz /readyz/islands 503) =~ ^route\ islands:\ no\ upstream ]] || fail "$(operators /readyz/islands)"
[ "$(readyz /readyz/uk 200)" = ready ] || fail "$(operators /readyz/uk)"
metric_is postcoded_ready 1 && metric_is postcoded_route_ready 0 'route="islands"' &&
    metric_is postcoded_route_ready 1 'route="uk"' || fail "$(operators /metrics)"
sees() {
    [[ $(operators "$1") == *"$2"* ]]
}
eventually sees / 'No lookup of route islands is answered'
has "$(operators /)" 'data-value="ready"' 'Lookups are answered, but not those of every route.' \
    'data-route="islands" data-value="not-ready"'
at_upstream islands knob lookup_status=0
looked_up BT11AA 200 || fail "islands are back"
eventually all_ready

# The first upstream of a route dies: nobody notices, and everybody can see it.
kill_upstream main
for _ in 1 2 3 4 5; do
    looked_up M11AA 200 || fail "it was not failed over"
done
all_ready || fail "$(operators /readyz)"
metric_is postcoded_upstream_ejected 1 'upstream="main"' || fail "$(operators /metrics)"
metric_is postcoded_upstream_failovers_total 2 'from="main",to="spare",reason="no_connection"' &&
    metric_is postcoded_upstream_failovers_total 3 'from="main",to="spare",reason="ejected"' ||
    fail "$(operators /metrics | grep failovers)"
eventually sees / 'Lookups of route uk go to spare: main is left out after failures'
has "$(operators /)" 'data-route="uk" data-value="stood-in"' 'data-upstream="main" data-way="ejected"' \
    '<code><b>spare</b></code>'
eventually sees /status.json '"serving":"spare"'
has "$(operators /status.json)" '"ejected":true'

# And the second one: there is nobody left for this route; then for none.
kill_upstream spare
eventually unready_after uk M11AA
readyz /readyz 200 >/dev/null
at_upstream islands knob lookup_status=503
unready_after_both() {
    ask -o /dev/null "$at/M11AA"
    unready_after islands BT11AA && ! is_ready
}
eventually unready_after_both
has "$(readyz /readyz 503)" 'route uk: no upstream is ready (main, spare)' \
    'route islands: no upstream is ready (islands)' 'upstream main: ' 'upstream spare: '
metric_is postcoded_ready 0 || fail "$(operators /metrics)"
stop_daemon
