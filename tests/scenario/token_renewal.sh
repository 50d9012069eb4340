#!/bin/bash
# Renewal ahead: tokens that live 8 s from an endpoint that takes 0.4 s, and lookups at full rate
# all the while. None waits, none fails, none carries a token that has run out.
#
# RENEWAL_SECONDS=60 makes it a minute (15 s unless told, which is two renewals).
. "$TOP/tests/scenario/token_common.bash"

# From early to unusable is 1 s at least, of which the endpoint takes 0.4; and from unusable to
# expired are 0.4 s. With half of that a machine with twenty runnable processes a core was late: a
# lookup waited, or its token had run out when it came to the upstream. A sanitizer build has twice
# as much.
lifetime=$((slow > 1 ? 16 : 8))
token_keys --lifetime "$lifetime" --token-delay 400
set_key log level info
begin

# At start, and again before it is early, without a lookup asking.
reached tokens_issued=1
eventually is_ready
[ "$(token lifetime_seconds)" = "$lifetime.0" ] || fail "$(admin /tokens)"
early=$(token early_expiry_seconds)
about "$early" "$(awk -v l="$lifetime" 'BEGIN { print l * 0.18 }')" \
    "$(awk -v l="$lifetime" 'BEGIN { print l * 0.2 }')" || fail "an early expiry of $early"
reached tokens_issued=2
[ "$(counter lookups)" = 0 ] || fail "there were lookups"
# The jitter is the token's, not the moment's.
while token_is generation 1; do
    now=$(token early_expiry_seconds)
    token_is generation 1 || break
    [ "$now" = "$early" ] || fail "the early expiry went from $early to $now"
done

issued=$(counter tokens_issued)
callers --count 16 --seconds "${RENEWAL_SECONDS:-15}" --timeout 600 --expect 200 >"$here/load" ||
    fail "$(cat "$here/load")"
cat "$here/load"
renewals=$(($(counter tokens_issued) - issued))
[ "$renewals" -ge $((slow > 1 ? 1 : 2)) ] || fail "$renewals renewals are too few to tell"
[ "$(counter lookups_unauthorized)" = 0 ] || fail "a token was carried that had run out"
[ "$(token charged_last_hour)" = 0 ] || fail "renewals were charged to the budget"

# What each lookup says of itself. (A line that the log had no room for is counted there.)
answered=$(sed -n 's/.*"answered":\([0-9]*\).*/\1/p' "$here/load")
stop_daemon
grep ' waited_for_token=true ' "$here/log" && fail "these waited for a token"
said_so=$(grep -c ' waited_for_token=false ' "$here/log")
[ "$said_so" -gt $((answered * 9 / 10)) ] || fail "$said_so lines for $answered lookups"
[ "$(grep -c '20 % of the token' "$here/log")" = 1 ] || fail "the shrunk margin is not said once"
logs 'auth_token_early_expiry=5m applies='

# Without prefetch the first lookup asks, and one that finds the token early has it renewed, with
# the present one meanwhile. A caller that does not pause finds it in that time: 0.8 s of the 6.
issued=$(counter tokens_issued)
upstream auth_prefetch off
knob lifetime=6
knob token_delay=0
begin
eventually is_ready
[ "$(token state)" = none ] || fail "$(admin /tokens)"
[ "$(look_status)" = 200 ] || fail "the first lookup"
[ "$(counter tokens_issued)" = $((issued + 1)) ] || fail "not the first lookup's token"
logs ' waited_for_token=true '
callers --seconds 7 --expect 200 >"$here/load" || fail "$(cat "$here/load")"
[ "$(counter tokens_issued)" = $((issued + 2)) ] || fail "not one renewal"
eventually token_is generation 2
stop_daemon
[ "$(grep -c ' waited_for_token=true ' "$here/log")" = 1 ] || fail "more than the first waited"
