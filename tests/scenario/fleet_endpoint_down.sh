#!/bin/bash
# A token endpoint that fails is asked by one member at a time, after waits that are the fleet's:
# three members make no more requests than one. When it is back, one request serves all.
. "$TOP/tests/scenario/fleet_common.bash"

start_store
fleet_keys --lifetime 3600
knob token_status=503
for name in a b c; do
    start_member "$name"
done

# Every request was made with a lease, and there is a wait after it for all.
sum_of() {
    local name sum=0
    for name in a b c; do
        sum=$((sum + $(at_member "$name" metric "$1" "$2")))
    done
    echo "$sum"
}
reached token_requests=4
[ "$(counter concurrent_max)" -le 1 ] || fail "$(counter concurrent_max) requests at one time"
all_are_counted() {
    local made
    made=$(counter token_requests)
    [ "$(sum_of postcoded_fleet_leads_total 'upstream="location",result="failed"')" = "$made" ] &&
        [ "$(counter token_requests)" = "$made" ]
}
eventually all_are_counted
waits=$(sum_of postcoded_fleet_asks_total 'upstream="location",answer="wait"')
helds=$(sum_of postcoded_fleet_asks_total 'upstream="location",answer="held"')
[ $((waits + helds)) -gt 0 ] || fail "nobody waited for another"
each_member logs 'token request failed\|no token is requested for the fleet'

# A lookup meanwhile says why, whoever it was that asked.
for name in a b c; do
    has "$(at_member "$name" look)" " 503 " "token_unavailable"
done

knob token_status=0
each_member patiently is_ready
each_member patiently follows
are_alike || fail "tokens differ: $(fingerprints)"
[ "$(counter tokens_issued)" = 1 ] || fail "$(counter tokens_issued) tokens"
each_member succeeds || fail "a lookup failed"

keep_store
for name in a b c; do
    end_member "$name"
done
