#!/bin/bash
# Two secrets that overlap while one takes the other's place: whichever the server knows, tokens are
# had with it, and the one that last worked is the first to be tried.
. "$TOP/tests/scenario/token_common.bash"

token_keys
printf 'CANARY-the-next' >"$here/next.secret"
chmod 600 "$here/next.secret"
upstream client_secret_file "$here/client.secret,$here/next.secret"

# asked N: so many token requests since the last time.
before=0
asked() {
    local now
    now=$(counter token_requests)
    [ $((now - before)) = "$1" ] || fail "$((now - before)) token requests in place of $1"
    before=$now
}
renewed() {
    [ "$(press refresh)" = 202 ] || fail "refresh"
    eventually token_is generation "$1"
}

begin
eventually is_ready
asked 1
# The server goes over to the next: the first is refused, the second works, from then on it is first.
cp "$here/next.secret" "$here/api.secret"
renewed 2
asked 2
renewed 3
asked 1
# And back.
cp "$here/client.secret" "$here/api.secret"
renewed 4
asked 2
renewed 5
asked 1
[ "$(metric postcoded_token_requests_total 'upstream="location",result="failure"')" = 0 ] ||
    fail "$(operators /metrics)"

# The probe says which one it was.
cp "$here/next.secret" "$here/api.secret"
probe
[ "$verdict" = 0 ] || fail "$told"
has "$told" 'number 1 was rejected, number 2 was tried' 'ok: token request succeeded'
asked 2

# Neither: one failure, and no more than one request for each.
printf 'CANARY, of another client' >"$here/api.secret"
[ "$(press refresh)" = 202 ] || fail "refresh"
logs "rejected the client's credentials"
asked 2
[ "$(look_status)" = 200 ] || fail "with the token that is still good"
probe
[ "$verdict" = 1 ] || fail "$told"
has "$told" 'responded with 401: invalid_client' "failed; look at client_id and the client's secret"
