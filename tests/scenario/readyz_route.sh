#!/bin/bash
# /readyz/NAME of a route: its status, its lines and the metric, before there is a token and with one; and a 404
# that names the routes there are. Without a named route it says so.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

start_standin
knob token_down=1
default_keys
set_key 'route uk' upstream location
start_daemon

# readyz PATH STATUS: prints head and body.
readyz() {
    local said
    said=$(operators "$1" -i)
    has "$said" "HTTP/1.1 $2 "
    echo "$said"
}
since='since 20[0-9-]*T[0-9:]*Z'
line="route uk: no upstream is ready \\(location\\)( $since)?"

eventually metric_is postcoded_token_state 1 'upstream="location",state="backing_off"'
for path in /readyz /readyz/uk; do
    said=$(readyz "$path" 503)
    [[ $said =~ $line.upstream\ location:\ no\ usable\ token ]] || fail "$said"
done
metric_is postcoded_ready 0 && metric_is postcoded_route_ready 0 'route="uk"' || fail "$(operators /metrics)"
has "$(operators /)" 'data-route="uk" data-value="not-ready"'
has "$(operators /status.json)" '"routes":[{"name":"uk","prefix":"/api/v1/addresses/"' '"serving":null'

knob token_down=0
eventually is_ready
for path in /readyz /readyz/uk; do
    has "$(readyz "$path" 200)" $'\nready'
done
metric_is postcoded_ready 1 && metric_is postcoded_route_ready 1 'route="uk"' || fail "$(operators /metrics)"
metric_is postcoded_upstream_ejected 0 'upstream="location"' || fail "$(operators /metrics)"
has "$(operators /metrics)" 'postcoded_upstream_held{upstream="location"} 0' \
    'postcoded_upstream_rate_waiting{upstream="location"} 0'

for path in /readyz/ /readyz/u /readyz/uk/ /readyz/location; do
    has "$(readyz "$path" 404)" '"code":"not_found"' 'Unknown route. There are /readyz/uk.'
done
has "$(readyz /readyz/UK 404)" 'There are /readyz/uk'
has "$(operators /readyz/uk -i -X POST)" 'HTTP/1.1 405 ' 'Allow: GET, HEAD'
has "$(ask --unix-socket "$here/admin.sock" -X POST http://a/tokens/uk/refresh)" \
    'There are /tokens/location/refresh, /tokens/location/forget.'
stop_daemon

unset 'setting[route uk/upstream]'
start_daemon
eventually is_ready
has "$(readyz /readyz/uk 404)" 'There is no [route NAME]: ask /readyz.'
lacks "$(operators /metrics)" 'postcoded_route_ready{'
lacks "$(operators /)" 'id="routes"'
has "$(operators /status.json)" '"routes":[]'
stop_daemon
