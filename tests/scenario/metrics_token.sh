#!/bin/bash
# What /metrics says of a token, as it is asked for, used, rejected and lost: its state, its
# lifetime, the budget and what it has left, how long requests took, how often the upstream rejected it,
# and whether the daemon is ready.
. "$TOP/tests/scenario/token_common.bash"

up='upstream="location"'
# state_is STATE: that one is 1, and each other 0.
state_is() {
    [ "$(operators /metrics | sed -n 's/^postcoded_token_state{'"$up"',state="\([a-z_]*\)"} 1$/\1/p')" = "$1" ]
}
value_is() {
    metric_is "postcoded_$1" "$2" "$up"
}
# shows READY STATE: both, at the end of what was done.
shows() {
    eventually state_is "$2"
    metric_is postcoded_ready "$1" || fail "postcoded_ready is not $1 while $2"
}

token_keys --lifetime 600
upstream auth_budget 4
knob token_hold=1
begin
shows 0 fetching
value_is token_lifetime_seconds 0 || fail "a lifetime without a token"
value_is token_request_duration_seconds_count 0 || fail "a request that has not ended"
[ "$(operators /metrics | grep -c '^postcoded_token_state{')" = 8 ] || fail "not eight states"

knob token_hold=0
shows 1 valid
value_is token_lifetime_seconds 600 || fail "$(operators /metrics)"
value_is token_budget 4 || fail "the budget is not as configured"
value_is token_budget_remaining 4 || fail "the first request was charged"
value_is token_request_duration_seconds_count 1 || fail "no request"

# A slow endpoint is seen in the time of its requests; a request by hand is charged.
knob token_delay=400
before=$(metric postcoded_token_request_duration_seconds_sum "$up")
[ "$(press refresh)" = 202 ] || fail "refresh"
shows 1 renewing
eventually value_is token_request_duration_seconds_count 2
after=$(metric postcoded_token_request_duration_seconds_sum "$up")
about "$(awk -v a="$after" -v b="$before" 'BEGIN { print a - b }')" 0.4 20 || fail "$before, $after"
value_is token_budget_remaining 3 || fail "it was not charged"
knob token_delay=0

# One 401 costs a token, a second one in 30 s finds the token in doubt.
value_is token_rejected_total 0 || fail "it was rejected"
knob unauthorized=1
[ "$(look_status)" = 200 ] || fail "one 401"
value_is token_rejected_total 1 || fail "one 401 was not counted"
value_is token_budget_remaining 2 || fail "the replacement was not charged"
knob unauthorized=1000000
[ "$(look_status)" = 502 ] || fail "401s"
shows 1 in_doubt
[ "$(metric postcoded_token_rejected_total "$up")" -ge 2 ] || fail "not counted"
knob unauthorized=0

# No token.
knob token_down=1
[ "$(press forget)" = 204 ] || fail "forget"
shows 0 backing_off
# The next attempt may come at once.
[ "$(metric postcoded_token_request_duration_seconds_count "$up")" -ge 4 ] || fail "a failure has a time too"

# A budget that was reloaded is seen: less is left then, though nothing was used up.
upstream auth_budget 2
configure
kill -HUP "$daemon"
eventually metric_is postcoded_reloads_total 1 'result="success"'
value_is token_budget 2 || fail "$(operators /metrics | grep budget)"
