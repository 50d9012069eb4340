#!/bin/bash
# The dashboard for Grafana, without a Grafana: its shape (tests/driver/dashboard.c), and each of its queries,
# asked of a real Prometheus that scraped the daemon. Each has a value, or is below, with the reason why it
# has none while all is well.
# shellcheck source=tests/scenario/prometheus_common.bash
. "$TOP/tests/scenario/prometheus_common.bash"

declare -A empty=(
    ["annotation/Alerts/A"]="no alert fires"
    ["annotation/Restarts/A"]="it was started once"
    ["panel/Token expires in/B"]="the token is not late"
    ["panel/Routes ready/A"]="no route has a name"
    ["panel/Failovers/A"]="there is one upstream"
    ["panel/State in the fleet/A"]="there is no fleet"
    ["panel/Members/A"]="there is no fleet"
    ["panel/Members/B"]="there is no fleet"
    ["panel/Asked of the store/A"]="there is no fleet"
    ["panel/Leases/A"]="there is no fleet"
    ["panel/Failures of the store/A"]="there is no fleet"
    ["panel/Time of a command to the store/A"]="there is no fleet"
    ["panel/Time of a command to the store/B"]="there is no fleet"
    ["panel/Beside the store/A"]="there is no fleet"
    ["panel/Beside the store/B"]="there is no fleet"
    ["panel/Beside the store/C"]="there is no fleet"
    ["panel/Beside the store/D"]="there is no fleet"
    ["panel/Identities rejected/A"]="no caller was rejected"
    ["panel/TLS handshakes failed/A"]="no caller speaks TLS"
    ["panel/Certificate/A"]="there is no certificate"
)

dashboard=$TOP/conf/grafana/postcoded.json
"$driver/dashboard" "$dashboard" job=postcoded 'instance=.*' 'upstream=.*' __rate_interval=1m \
    >"$here/queries" || fail "$dashboard: see above"
[ "$(wc -l <"$here/queries")" -ge 40 ] || fail "few queries"

# It can fail: each of these makes a fault.
spoilt=0
spoil() {
    sed "$1" "$dashboard" >"$here/spoilt.json"
    cmp -s "$dashboard" "$here/spoilt.json" && fail "nothing to spoil: $1"
    ! "$driver/dashboard" "$here/spoilt.json" job=x instance=x upstream=x __rate_interval=1m >/dev/null \
        2>"$here/said" || fail "no fault: $1"
    spoilt=$((spoilt + 1))
}
spoil 's/"id": 7,/"id": 8,/'
spoil '0,/"x": 3,/s//"x": 2,/'
spoil '0,/"unit": "s"/s//"unit": ""/'
spoil '0,/"description": "Open connections."/s//"description": ""/'
spoil '0,/"title": "CPU"/s//"title": ""/'
spoil '0,/\$__rate_interval/s//$__interval/'
spoil 's/"refId": "B"/"refId": "A"/'
spoil '0,/"uid": "${datasource}"/s//"uid": "abc"/'
spoil '0,/"interval": "5m"/s//"interval": "1m"/'
spoil '0,/"expr": "round(sum/s//"expr": "(sum/'
spoil 's/"schemaVersion": 36/"schemaVersion": 99/'

start_standin
default_keys
set_key log access off
set_key cache as service
start_watched
eventually is_ready
start_prometheus
# Something of everything that happens on good days, after the first scrape: counters are seen to rise.
callers --count 10 --requests 20 --expect 200 >/dev/null || fail "lookups"
ask -o /dev/null "$at/ZZ11ZZ"
knob unauthorized=1
ask -o /dev/null "$at/M22BB" # not in the cache
ask --unix-socket "$here/admin.sock" -X POST -o /dev/null http://admin/tokens/location/refresh
kill -HUP "$daemon"
eventually metric_is postcoded_reloads_total 1 'result="success"'
callers --count 10 --requests 20 --expect 200 >/dev/null || fail "lookups"

# has_value QUERY: at least one that is a number.
has_value() {
    local said
    said=$(asked "$1") || exit 1
    grep -o '"value":\[[^]]*\]' <<<"$said" | grep -qv NaN
}
eventually has_value 'increase(postcoded_reloads_total{result="success"}[1m]) > 0'
while IFS=$'\t' read -r kind title reference query; do
    name=$kind/$title/$reference
    if [ -n "${empty[$name]:-}" ]; then
        has_value "$query" && fail "$name has a value, though ${empty[$name]}: $query"
        unset "empty[$name]"
    else
        eventually has_value "$query"
    fi
done <"$here/queries"
[ ${#empty[@]} -eq 0 ] || fail "no such query: ${!empty[*]}"
echo "$(wc -l <"$here/queries") queries, $spoilt faults found"
