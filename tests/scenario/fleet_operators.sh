#!/bin/bash
# What operators see of a fleet: /tokens, /status.json, the page, /metrics, /readyz; and nothing of
# it where there is none. And `rate`, which all members have together.
. "$TOP/tests/scenario/fleet_common.bash"

start_store
fleet_keys --lifetime 3600

# Without a fleet: no word of it, and no connection.
set_key fleet servers ''
start_member off
at_member off eventually is_ready
lacks "$(at_member off operators /metrics)" postcoded_fleet
lacks "$(at_member off operators /metrics)" 'result="shared"'
lacks "$(at_member off admin /tokens)" '"fleet"'
lacks "$(at_member off admin /status.json)" '"fleet"'
descriptors() {
    find "/proc/${members[off]}/fd" -type l | wc -l
}
before=$(descriptors)

# A reload turns it on: two connections more and what the machine is made of, and off again.
servers=unix:$store_socket
reload_member() {
    local here=$fleet/$1
    configure
    kill -HUP "${members[$1]}"
}
here_of_off() {
    here=$fleet/off
    set_key metrics listen "unix:$here/metrics.sock"
    set_key admin listen "unix:$here/admin.sock"
}
has_fleet() {
    [[ $(admin /tokens) == *'"fleet"'* ]]
}
(
    here_of_off
    set_key fleet servers "$servers"
    reload_member off
)
at_member off eventually has_fleet
at_member off eventually follows
[ "$(counter tokens_issued)" = 1 ] || fail "joining cost a token"
(
    here_of_off
    reload_member off
)
is_as_before() {
    ! has_fleet && [ "$(descriptors)" -le "$before" ]
}
at_member off eventually is_as_before
end_member off

# With one.
set_key fleet servers "$servers"
set_key 'upstream location' rate 120/m
start_member a
at_member a eventually follows
start_member b
at_member b eventually follows
at_member b press refresh >/dev/null # both look at the store, and count its members
two() {
    [ "$(fleet_says members)" = 2 ]
}
each_member eventually two
for name in a b; do
    has "$(at_member "$name" admin /tokens)" '"state": "following"' '"store_error": null' \
        "\"member\": \"$(at_member "$name" fleet_says member)\""
    at_member "$name" metric_is postcoded_fleet_state 1 'upstream="location",state="following"' ||
        fail "state of $name"
    at_member "$name" metric_is postcoded_fleet_state 0 'upstream="location",state="alone"' ||
        fail "state of $name"
    at_member "$name" eventually metric_is postcoded_fleet_members 2 'upstream="location"'
done
has "$(at_member a operators /metrics)" 'postcoded_fleet_asks_total{upstream="location",answer="yours"}' \
    'postcoded_fleet_store_errors_total{kind="auth"} 0' 'postcoded_fleet_store_duration_seconds_count'
[ "$(at_member a fleet_says member)" != "$(at_member b fleet_says member)" ] || fail "one name"
shown() {
    [[ $(admin /status.json) == *'"fleet"'*'"state_since"'* ]]
}
each_member eventually shown

# 120 a minute for both is one a second for each: of three each waits a second longer.
is_shared() {
    local began took i
    began=$(date +%s%N)
    for i in 1 2 3; do
        at_member a look_status >/dev/null
    done
    took=$((($(date +%s%N) - began) / 1000000))
    [ "$took" -ge 1900 ]
}
eventually is_shared # the count is passed on once a second

# The store is gone: who sees it, and why.
stop_store
store_is_out() {
    [[ $(admin /tokens) == *'"state": "alone"'*'"store_error": "'* ]]
}
each_member eventually store_is_out
at_member a metric_is postcoded_fleet_state 1 'upstream="location",state="alone"' || fail "alone"
out_is_shown() {
    [[ $(admin /status.json) == *"store"*"out of reach"* ]]
}
each_member eventually out_is_shown
[ "$(at_member a look_status)" = 200 ] || fail "a lookup without the store"
at_member a is_ready || fail "not ready, with a token"
start_store
each_member eventually follows

keep_store
for name in a b; do
    end_member "$name"
done
