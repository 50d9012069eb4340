#!/bin/bash
# A token endpoint that is down. With a good token no lookup notices. Without one each is answered
# 503 at once, and the endpoint is not asked more often for that; it is asked again by itself.
. "$TOP/tests/scenario/token_common.bash"

unavailable() {
    has "$1" ' 503 ' '"code":"token_unavailable"' 'Retry-After: ' 'Proxy-Status: postcoded; error='
}
retry_after() {
    tr -d '\r' <<<"$1" | sed -n 's/^Retry-After: //p'
}

# While the token is good: answers that are failures, then none at all, and lookups all the while.
token_keys
upstream auth_timeout 200ms
begin
eventually is_ready
callers --count 2 --seconds 2.5 --expect 200 >"$here/load" &
many=$!
knob token_down=1
[ "$(press refresh)" = 202 ] || fail "refresh"
reached token_requests=3 # by hand, and again by itself
has "$(admin /tokens)" 'the token endpoint responded with 503'
knob 'token_down=0&token_hold=1'
reached token_requests=4
logs 'did not respond within 200ms'
is_ready || fail "not ready, with a good token"
knob token_hold=0
eventually token_is last_error null
wait "$many" || fail "$(cat "$here/load")"
logs 'token obtained, the token endpoint has recovered'
[ "$(metric postcoded_token_requests_total 'upstream="location",result="failure"')" -ge 3 ] ||
    fail "$(operators /metrics)"

# Down from the start: not ready and said why; two thousand lookups, all answered 503, cost nothing.
knob token_down=1
renew_daemon
logs 'token request failed.*responded with 503'
[ "$(operators /readyz -o /dev/null -w '%{http_code}')" = 503 ] || fail "ready without a token"
has "$(operators /readyz)" 'no usable token'
callers --count 20 --requests 100 --expect 503 >"$here/load" || fail "$(cat "$here/load")"
cat "$here/load"
answer=$(look)
unavailable "$answer"
about "$(retry_after "$answer")" 1 60 || fail "$answer"
asked=$(metric postcoded_token_requests_total 'upstream="location",result="failure"')
[ "$asked" -le 12 ] || fail "$asked token requests in a moment"
knob token_down=0
eventually is_ready
[ "$(look_status)" = 200 ] || fail "after the outage"

# One request, one failure, shared by all who wait for it.
upstream auth_prefetch off
upstream auth_timeout '' # time for all of them to come, however slow the machine is
knob 'token_hold=1&token_status=500'
renew_daemon
before=$(counter token_requests)
callers --count 50 --barrier --expect 503 >"$here/load" &
many=$!
eventually token_is waiters 50
knob token_hold=0
wait "$many" || fail "$(cat "$here/load")"
knob token_status=0
[ "$(counter token_requests)" = $((before + 1)) ] || fail "each asked for himself"

# Credentials that are refused: a minute, and the server's reason in the log and in /tokens.
printf 'CANARY, of another client' >"$here/client.secret"
upstream auth_prefetch ''
renew_daemon
logs 'rejected the client.s credentials.*401: invalid_client (unknown client'
about "$(token next_renewal_in_seconds)" 50 60 || fail "$(admin /tokens)"
has "$(admin /tokens)" 'invalid_client'
answer=$(look)
unavailable "$answer"
about "$(retry_after "$answer")" 50 60 || fail "$answer"
has "$(admin /tokens)" '"state": "backing_off"'
# By hand whatever the backoff: with the right secret again it is over at once.
printf '%s' "$secret" >"$here/client.secret"
renew_daemon
eventually is_ready

# Nobody there at all. (Port 1 of loopback: nothing listens below 1024 that the tests did not start.)
upstream auth_url http://127.0.0.1:1/token
renew_daemon
logs 'token request failed.*problem=.*refused'
answer=$(look)
unavailable "$answer"
token_is charged_last_hour 0 || fail "attempts without an answer were charged: $(admin /tokens)"
