#!/bin/bash
# Deadlines are on the clock that counts the time asleep too: in a time namespace whose boot time is
# days ahead, and whose monotonic clock is not, tokens are had, used, renewed in time. (What a day
# of that clock does, and that the wall clock does nothing, unit tests show in false time.)
. "$TOP/tests/scenario/token_common.bash"

unshare --time --boottime 1 --fork true 2>/dev/null || skip "no time namespaces here"

token_keys --lifetime 2
configure
keep_log
unshare --time --boottime 864000 --fork --kill-child "$BUILD/postcoded" -c "$here/pc.ini" \
    2>"$here/log" &
daemon=$!
started+=("$daemon")
eventually listens
address=$(sed -n 's/.*lookups on \([^;,]*\).*/\1/p' "$here/log")
reached tokens_issued=3
[ "$(look_status)" = 200 ] || fail "no lookup"
about "$(token age_seconds)" 0 2 || fail "$(admin /tokens)"
about "$(token expires_in_seconds)" 0 2 || fail "$(admin /tokens)"
# As others see it, too: expiries are told in the wall clock's time.
about "$(metric postcoded_token_expiry_timestamp_seconds 'upstream="location"')" \
    "$(($(date +%s) - 1))" "$(($(date +%s) + 3))" || fail "$(operators /metrics)"
[ "$(counter lookups_unauthorized)" = 0 ] || fail "a token was carried that had run out"
