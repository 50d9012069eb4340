#!/bin/bash
# Three daemons and one token: however they start, one request; then two requests in each lifetime
# for all of them together, by whichever comes first. One that is killed leaves the others as they
# are, and takes the token of the fleet when it is there again.
. "$TOP/tests/scenario/fleet_common.bash"

start_store
fleet_keys --lifetime 3600 --token-delay 200
for name in a b c; do
    start_member "$name"
done
each_member eventually is_ready
each_member eventually follows
are_alike || fail "tokens differ: $(fingerprints)"
each_member succeeds || fail "a lookup failed"
[ "$(counter tokens_issued)" = 1 ] || fail "$(counter tokens_issued) tokens for one fleet"

early=$(at_member a token early_expiry_seconds)
about "$early" 1619 1800 || fail "it is renewed $early s before its end, and not at half of its life"

# Those that did not ask say so, and are not charged.
shared=0
for name in a b c; do
    shared=$((shared + $(at_member "$name" metric postcoded_token_requests_total \
        'upstream="location",result="shared"')))
done
[ "$shared" = 2 ] || fail "$shared members got it from the fleet"

# Forgotten by hand at one of them: nobody uses it any more, and all have another one. It lives 8 s,
# and so do those after it.
first=$(fingerprints)
knob lifetime=8
[ "$(at_member b press forget)" = 204 ] || fail "forget"
eventually are_alike "$first"
[ "$(counter tokens_issued)" = 2 ] || fail "$(counter tokens_issued) tokens after a forget"
at_member a logs 'forgotten by hand at another member'
[ "$(at_member a fleet_says members)" = 3 ] || fail "$(at_member a admin /tokens)" # it looked again
[ "$(at_member a fleet_says leader)" = "$(at_member b fleet_says member)" ] ||
    fail "not b asked: $(at_member a admin /tokens)"

# Each is renewed at half of its life: four renewals are 16 s at the least, and a member that asked
# beside another would make them less. (renew is before the half by no more than the jitter, which
# makes it later.)
began=$(date +%s%N)
reached tokens_issued=4
reached tokens_issued=6
took=$((($(date +%s%N) - began) / 1000000))
[ "$took" -ge 13000 ] || fail "four renewals within $took ms"
each_member succeeds || fail "a lookup failed"
[ "$(counter lookups_unauthorized)" = 0 ] || fail "a token was carried that had run out"

# One is gone without a word, be it the one that asks.
kill_member a
reached tokens_issued=7
reached tokens_issued=8
each_member succeeds || fail "a lookup failed"
[ "$(counter lookups_unauthorized)" = 0 ] || fail "a token was carried that had run out"

# And there again: it has the token of the others without a request.
knob lifetime=3600
before=$(fingerprints)
at_member b press refresh >/dev/null
eventually are_alike "$before"
each_member eventually token_is lifetime_seconds 3600.0
issued=$(counter tokens_issued)
start_member a
at_member a eventually is_ready
at_member a eventually follows
are_alike || fail "tokens differ: $(fingerprints)"
at_member a succeeds || fail "a lookup failed"
[ "$(counter tokens_issued)" = "$issued" ] || fail "the one that came back asked for a token"

keep_store
for name in a b c; do
    end_member "$name"
done

# A probe has a token of its own, and says so.
probed=$("$BUILD/postcoded" -c "$fleet/b/pc.ini" --probe) || fail "the probe failed: $probed"
has "$probed" 'replaced 27m to 30m before it expires' "fleet          not asked: this token is apart"
