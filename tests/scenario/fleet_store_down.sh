#!/bin/bash
# A store that stands still, and one that is gone, under lookups: none of them fails, and an outage
# that is over before the token's last minutes costs no request. Longer ones cost what `alone`
# allows; a member that may not request says so, and recovers when the store is back.
. "$TOP/tests/scenario/fleet_common.bash"

start_store
fleet_keys --lifetime 28
set_key fleet alone 100000
for name in a b c; do
    start_member "$name"
done
each_member eventually is_ready
each_member eventually follows
first=$(fingerprints)
[ "$(counter tokens_issued)" = 1 ] || fail "$(counter tokens_issued) tokens at the start"

# Lookups at all of them, all the time.
keep_looking() {
    local one status
    while [ ! -e "$here/enough" ]; do
        for one in a b c; do
            status=$(ask -o /dev/null -w '%{http_code}' "http://${addresses[$one]}$lookup_path")
            [ "$status" = 200 ] || echo "$one: $status"
            sleep 0.05
        done
    done >"$here/failures"
}
keep_looking &
looking=$!
started+=("$looking")

# It stands still until each has asked it in vain: at half of the token's life, or a little later. A
# successor would be requested 8.4 s before its end at the earliest, when 19.6 s of it are over.
is_alone() {
    [ "$(fleet_says state)" = alone ]
}
kill -STOP "$store"
each_member patiently is_alone
at_member a logs "the fleet's store was lost"
kill -CONT "$store"
each_member eventually follows
eventually are_alike "$first"
[ "$(counter tokens_issued)" = 2 ] || fail "$(counter tokens_issued) tokens after the outage"

# It is gone for good: each has its own token in the end.
stop_store
all_have_asked() {
    [ "$(counter tokens_issued)" -ge 5 ]
}
patiently all_have_asked
touch "$here/enough"
wait "$looking"
[ ! -s "$here/failures" ] || fail "lookups failed: $(cat "$here/failures")"
alone=0
for name in a b c; do
    alone=$((alone + $(at_member "$name" metric postcoded_fleet_alone_requests_total \
        'upstream="location"')))
done
[ "$alone" -ge 3 ] || fail "$alone requests without the store"

# It is back: after the next renewal all have one again.
start_store
patiently are_alike
keep_store
for name in a b c; do
    end_member "$name"
done
stop_store

# `alone = 0`, and no store.
set_key fleet alone 0
knob lifetime=3600
start_member d
at_member d logs 'no token is requested here until it is back'
[ "$(at_member d look_status)" = 503 ] || fail "a lookup without a token"
has "$(at_member d look)" "the fleet's store is out of reach"
has "$(at_member d admin /readyz)" "store"
issued=$(counter tokens_issued)
start_store
at_member d eventually is_ready
at_member d eventually succeeds
[ "$(counter tokens_issued)" = $((issued + 1)) ] || fail "tokens: $(counter tokens_issued)"
keep_store
end_member d
