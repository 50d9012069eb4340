#!/bin/bash
# Never a storm: whatever the upstream answers and however many lookups there are, the token
# endpoint is asked as often as there is a reason to, counted where the requests arrive.
. "$TOP/tests/scenario/token_common.bash"

requests() {
    counter token_requests
}
requests_are() {
    local is
    is=$(requests)
    [ "$is" = "$1" ] || fail "$is token requests, and there should be $1"
}

token_keys --token-hold
set_key server workers 4
upstream max_connections 512
upstream auth_prefetch off
begin

# 200 lookups on four workers wait for one request.
callers --count 200 --barrier --expect 200 >"$here/load" &
many=$!
eventually token_is waiters 200
[ "$(metric postcoded_token_waiters 'upstream="location"')" = 200 ] || fail "$(operators /metrics)"
[ "$(token state)" = fetching ] || fail "$(admin /tokens)"
requests_are 1
knob token_hold=0
wait "$many" || fail "$(cat "$here/load")"
requests_are 1

# One who leaves while the token is under way takes nobody's away, nor his own request with him.
knob token_hold=1
[ "$(press forget)" = 204 ] || fail "forget"
callers --count 5 --leave-after 50 >/dev/null || fail "leavers"
reached token_requests=2
eventually token_is waiters 0
knob token_hold=0
eventually token_is generation 2
[ "$(look_status)" = 200 ] || fail "with the token that nobody waited for"
requests_are 2

# 300 lookups refused at once, on four workers: one new token, and all are answered with it.
knob hold=1
ask -X POST "$url/standin/revoke"
callers --count 300 --barrier --expect 200 >"$here/load" &
many=$!
reached concurrent_now=300
knob hold=0
wait "$many" || fail "$(cat "$here/load")"
requests_are 3
[ "$(counter lookups_unauthorized)" = 300 ] || fail "not all 300 were refused"
[ "$(metric postcoded_token_evictions_total 'upstream="location",reason="refused"')" = 1 ] ||
    fail "$(operators /metrics)"

# A 401 that comes when the token has a successor already does not remove that one.
renew_daemon
[ "$(look_status)" = 200 ] || fail "with a token"
requests_are 4
ask -X POST "$url/standin/revoke"
knob hold=1
callers --expect 200 >"$here/load" &
late=$!
reached concurrent_now=1
[ "$(press refresh)" = 202 ] || fail "refresh"
eventually token_is generation 2
knob hold=0
wait "$late" || fail "$(cat "$here/load")"
token_is generation 2 || fail "the late 401 cost a token: $(admin /tokens)"
requests_are 5

# An upstream that refuses everything: one new token, then 502 each time, and the token is tried
# each time; a single success ends that.
knob unauthorized=100000
callers --count 20 --requests 20 --expect 502 >"$here/load" || fail "$(cat "$here/load")"
requests_are 6
token_is state in_doubt || fail "$(admin /tokens)"
has "$(look)" ' 502 ' '"code":"upstream_unauthorized"' 'Proxy-Status: postcoded; error='
knob unauthorized=0
[ "$(look_status)" = 200 ] || fail "after the refusals"
eventually token_is state valid
# Again within the half minute: no new request.
knob unauthorized=100000
callers --count 20 --requests 5 --expect 502 >"$here/load" || fail "$(cat "$here/load")"
knob unauthorized=0
requests_are 6

# Some 401s among many that succeed: the token lets the others in, so it stays.
renew_daemon
[ "$(look_status)" = 200 ] || fail "a first"
requests_are 7
callers --count 8 --seconds 1.5 >"$here/load" &
many=$!
for ((i = 0; i < 10; i++)); do
    knob unauthorized=1
    look_status >/dev/null # it is refused, or one of the others was
done
wait "$many"
lacks "$(cat "$here/load")" '"503"' '"500"'
now=$(requests)
[ "$now" -le 8 ] || fail "$now token requests for single 401s"

# The budget: by hand as often as it allows; then the token stays, and is used. Said once.
upstream auth_budget 2
renew_daemon
[ "$(look_status)" = 200 ] || fail "a first"
asked=$(requests)
for ((i = 2; i <= 3; i++)); do
    [ "$(press refresh)" = 202 ] || fail "refresh within the budget"
    eventually token_is generation $i
done
for ((i = 0; i < 3; i++)); do
    [ "$(press refresh)" = 429 ] || fail "refresh past the budget"
done
[ "$(token charged_last_hour)" = 2 ] || fail "$(admin /tokens)"
[ "$(token requests_last_hour)" = 3 ] || fail "$(admin /tokens)"
[ "$(look_status)" = 200 ] || fail "the token that stays"
knob unauthorized=2
has "$(look)" ' 502 ' 'no other was obtained: [upstream] auth_budget of token requests is used up'
knob unauthorized=0
[ "$(press forget)" = 204 ] || fail "forget is always done"
retry=$(look | tr -d '\r' | sed -n 's/^Retry-After: //p')
about "$retry" 3500 3600 || fail "Retry-After: $retry"
token_is state budget_used_up || fail "$(admin /tokens)"
requests_are $((asked + 2))
[ "$(grep -c 'the budget of token requests is used up' "$here/log")" = 1 ] || fail "not said once"
about "$(metric postcoded_token_budget_refused_total 'upstream="location"')" 5 100 ||
    fail "$(operators /metrics)"

# A budget of 0: a 401 costs nothing.
upstream auth_budget 0
renew_daemon
[ "$(look_status)" = 200 ] || fail "a first"
asked=$(requests)
knob unauthorized=50
callers --count 10 --requests 2 --expect 502 >"$here/load" || fail "$(cat "$here/load")"
knob unauthorized=0
[ "$(press refresh)" = 429 ] || fail "refresh without a budget"
requests_are "$asked"
