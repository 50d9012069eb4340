#!/bin/bash
# An endpoint that hands out the same token until it has died, each time with less time to live:
# that is noticed, said once, and backed off from; lookups go on with the token, then with the next.
. "$TOP/tests/scenario/token_common.bash"

token_keys --lifetime 5 --same-token
# The value is known here: a client of its own asks first, and the daemon gets the same.
canary=$(ask -X POST -u "demo:$secret" "$url/auth/v1" |
    sed -n 's/.*"access_token":"\([^"]*\)".*/\1/p')
[ -n "$canary" ] || fail "no token"
begin
reached token_requests=3
logs 'expires no later than the one it replaces'
token_is generation 1 || fail "$(admin /tokens)"
[ "$(look_status)" = 200 ] || fail "with the dying token"
about "$(token next_renewal_in_seconds)" 0 3 || fail "$(admin /tokens)"

callers --seconds 0.2 --expect 200 >"$here/load" || fail "$(cat "$here/load")"
eventually token_is generation 2
has "$(token state)" valid
# One each for the client, the start, the renewal that stalled, and two or so until it was over.
asked=$(counter token_requests)
[ "$asked" -le 6 ] || fail "$asked token requests for two tokens"
[ "$(grep -c 'expires no later' "$here/log")" = 1 ] || fail "not said once"
[ "$(token charged_last_hour)" = 0 ] || fail "it was charged to the budget"
stop_daemon
keep_log
grep -n -F "$canary" "$said" && fail "the token was said"
exit 0
