#!/bin/bash
# A secret is being replaced, and members have both, or only the new one, in this order or that. Each
# finds the token that the new one was good for, under the new one's id.
. "$TOP/tests/scenario/fleet_common.bash"

start_store
fleet_keys --lifetime 3600
printf 'CANARY, the one of before\n' >"$fleet/old.secret"
chmod 600 "$fleet/old.secret"
both="$fleet/old.secret, $fleet/client.secret"

upstream client_secret_file "$both"
start_member a
at_member a eventually is_ready
at_member a eventually follows
[ "$(counter token_requests)" = 2 ] || fail "not one with each secret"

start_member b
upstream client_secret_file "$fleet/client.secret"
start_member c
upstream client_secret_file "$fleet/client.secret, $fleet/old.secret"
start_member d
each_member eventually is_ready
each_member eventually follows
are_alike || fail "tokens differ: $(fingerprints)"
each_member succeeds || fail "a lookup failed"
[ "$(counter token_requests)" = 2 ] || fail "$(counter token_requests) token requests"

# And the next one, whoever asks: each of them hears of it, and has it.
last=$(fingerprints)
at_member b press forget >/dev/null
eventually are_alike "$last"
each_member eventually follows
[ "$(counter tokens_issued)" = 2 ] || fail "$(counter tokens_issued) tokens were issued"
[ "$(counter token_requests)" = 3 ] || fail "the secret that works was not tried first"

keep_store
for name in a b c d; do
    end_member "$name"
done
