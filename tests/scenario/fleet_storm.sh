#!/bin/bash
# Fifty members, and what makes each of them want a token at one moment: their start, a token that is
# revoked, a store that comes back, their renewal. The token endpoint is asked once each time.
. "$TOP/tests/scenario/fleet_common.bash"

count=50
case $BUILD in
*address | *thread) count=12 ;; # each process is several times as large and as slow
esac

start_store
fleet_keys --lifetime 3600 --token-delay 200
names=()
for ((i = 1; i <= count; i++)); do
    names+=("m$i")
    start_member "m$i"
done
each_member eventually is_ready
each_member eventually follows
are_alike || fail "tokens differ: $(fingerprints)"
[ "$(counter tokens_issued)" = 1 ] || fail "$(counter tokens_issued) tokens at the start"

# all_look: a lookup at each of them, all at once; how long the slowest took, in ms.
all_look() {
    local name asking=() one took=0
    for name in "${names[@]}"; do
        ask -o /dev/null -w '%{http_code} %{time_total}\n' \
            "http://${addresses[$name]}$lookup_path" >"$here/looked-$name" &
        asking+=("$!")
    done
    for one in "${asking[@]}"; do
        wait "$one"
    done
    for name in "${names[@]}"; do
        grep -q '^200 ' "$here/looked-$name" || fail "$name: $(cat "$here/looked-$name")"
    done
    took=$(cat "$here"/looked-* | sort -k 2 -n | tail -n 1)
    echo "the slowest of $count lookups took ${took#* } s"
}
all_look

# Revoked. Every lookup meets a 401 or a token that is newer, waits, and succeeds.
ask -X POST "$url/standin/revoke" >/dev/null
before=$(fingerprints)
echo "revoked:"
all_look
eventually are_alike "$before"
[ "$(counter tokens_issued)" = 2 ] || fail "$(counter tokens_issued) tokens after one was revoked"

# The store is started again, empty: one of them puts the token back, and nobody asks for another.
stop_store
for name in "${names[@]}"; do
    at_member "$name" logs "the fleet's store was lost"
done
all_look
start_store
each_member eventually follows
all_look
[ "$(counter tokens_issued)" = 2 ] || fail "$(counter tokens_issued) tokens after the store was lost"
restores=0
for name in "${names[@]}"; do
    restores=$((restores + $(at_member "$name" metric postcoded_fleet_restores_total \
        'upstream="location"')))
done
[ "$restores" = 1 ] || fail "$restores members put it back"

# A renewal: one refresh by hand is for all.
before=$(fingerprints)
[ "$(at_member m7 press refresh)" = 202 ] || fail "refresh"
eventually are_alike "$before"
all_look
[ "$(counter tokens_issued)" = 3 ] || fail "$(counter tokens_issued) tokens after a refresh"

keep_store
for name in "${names[@]}"; do
    end_member "$name"
done
