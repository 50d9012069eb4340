#!/bin/bash
# Why a lookup goes on to the next upstream of its route: no connection, no response, 502, 503, 504,
# 429, no token, and no response in the first one's share of the time. Then the caller gets the
# address, and the lookup is counted by its reason. On any other response it does not go on, and the
# second upstream sees nothing.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"
# shellcheck source=tests/scenario/upstreams_common.bash
. "$TOP/tests/scenario/upstreams_common.bash"

several_keys
add_upstream a
add_upstream b
route_all 'a, b'
set_key server workers 1
set_key server request_timeout "$((4 * slow))s"
set_key log access off
standin_a=${urls[a]}

all_failovers() {
    operators /metrics | awk '/^postcoded_upstream_failovers_total/ { n += $2 } END { print n + 0 }'
}
# Each begins with a breaker and a budget that know nothing.
begin() {
    begun=$1
    [ -z "${daemon:-}" ] || stop_daemon
    start_daemon
    eventually is_ready
}
# goes_on REASON [N]: the next lookup does, as the Nth for that reason.
goes_on() {
    local before answer
    before=$(lookups_at b)
    answer=$(within 4000 ask -i "$at/M11AA")
    [[ $answer == *" 200 "* ]] || fail "$begun: $answer"
    [ "$(lookups_at b)" = $((before + 1)) ] || fail "$begun: b has seen $(($(lookups_at b) - before))"
    failovers_are "${2:-1}" a b "$1" || fail "$begun: $(operators /metrics | grep failovers)"
}
# stays STATUS [POSTCODE]: the next lookup does not, and that is what its caller is told.
stays() {
    local before answer
    before=$(lookups_at b)
    answer=$(ask -i "$at/${2:-M11AA}")
    [[ $answer == *" $1 "* ]] || fail "$begun: $answer"
    [ "$(lookups_at b)" = "$before" ] || fail "$begun: b was asked"
    [ "$(all_failovers)" = 0 ] || fail "$begun: $(operators /metrics | grep failovers)"
}

# ---- it goes on ----

begin 502, 503, 504
[ "$(status)" = 200 ] || fail "$(ask -i "$at/M11AA")"
[ "$(lookups_at a),$(lookups_at b)" = 1,0 ] || fail "the first of the list is not the first"
n=0
for said in 502 503 504; do
    at_upstream a knob "lookup_status=$said"
    goes_on status $((++n))
done

# A 429 holds the upstream besides: until its Retry-After nobody calls it.
begin "429 with Retry-After"
at_upstream a knob 'lookup_status=429&retry_after=3'
calls=$(lookups_at a)
goes_on rate_limited
at_upstream a knob lookup_status=0
metric_is postcoded_upstream_held 1 'upstream="a"' || fail "a is not held"
goes_on held
[ "$(lookups_at a)" = $((calls + 1)) ] || fail "it was called before its Retry-After"
called_again() {
    [ "$(status)" = 200 ] || fail "held: $(ask -i "$at/M11AA")"
    [ "$(lookups_at a)" -gt $((calls + 1)) ]
}
eventually called_again
metric_is postcoded_upstream_held 0 'upstream="a"' || fail "a is still held"

# Without the field for a second.
begin "429 without Retry-After"
at_upstream a knob 'lookup_status=429&retry_after=0'
calls=$(lookups_at a)
began=$SECONDS
goes_on rate_limited
for ((i = 0; i < 10; i++)); do
    status >/dev/null
done
[ "$(($(lookups_at a) - calls))" -le $((SECONDS - began + 2)) ] || fail "$begun: a was not left out"
[ "$(failovers a b held)" -ge 1 ] || fail "$begun: $(operators /metrics | grep failovers)"
at_upstream a knob 'lookup_status=0'

# Its token endpoint says no, and it has no token from before.
at_upstream a knob token_down=1
begin "no token"
calls=$(lookups_at a)
goes_on no_token
[ "$(lookups_at a)" = "$calls" ] || fail "it was called without a token"
at_upstream a knob token_down=0

# It is there, and says nothing: a half of the time is for b.
start_stuck --say ''
set_key 'upstream a' address "http://$stuck"
set_key 'upstream a' auth_url "$standin_a/auth/v1"
begin "a mute upstream"
goes_on timeout

# And so does b: the line of the 504 names the one that did not answer at the end.
set_key 'upstream b' address "http://$stuck"
set_key 'upstream b' auth_url "${urls[b]}/auth/v1"
set_key server request_timeout 2s
begin "two mute upstreams"
[ "$(status)" = 504 ] || fail "$begun: $(ask -i "$at/M11AA")"
has "$(logged '504.*upstream=')" deadline_exceeded upstream=b
set_key 'upstream b' address "${urls[b]}"
set_key 'upstream b' auth_url ''
set_key server request_timeout "$((4 * slow))s"

# It closes; faulty does so for each postcode that it does not know.
exec {said}< <(exec "$driver/faulty")
started+=("$!")
read -r _ _ faulty <&"$said" || fail "no faulty upstream"
set_key 'upstream a' address "$faulty"
set_key 'upstream a' auth_url ''
begin "it closes"
goes_on no_connection

# ---- it stays ----

# A response whose body is no address.
start_stuck --say $'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello'
set_key 'upstream a' address "http://$stuck"
set_key 'upstream a' auth_url "$standin_a/auth/v1"
begin "a malformed 200"
stays 502

set_key 'upstream a' address "$standin_a"
set_key 'upstream a' auth_url ''
begin "responses of a"
stays 404 ZZ11AA
has "$(ask "$at/ZZ11AA")" unknown_postcode
stays 400 SW1A1A1
for said in 404:404 400:400 422:400 403:502 402:502 410:502 301:502 500:502 501:502; do
    begun="status ${said%:*}"
    at_upstream a knob "lookup_status=${said%:*}"
    stays "${said#*:}"
done
at_upstream a knob lookup_status=0
begun="the repeat after a 401"
at_upstream a knob unauthorized=1
stays 200
begun="401, and again after it"
at_upstream a knob unauthorized=1000
stays 502
at_upstream a knob unauthorized=0

# ---- nobody is there ----

begin "connection refused"
[ "$(status)" = 200 ] || fail "$(ask -i "$at/M11AA")"
kill_upstream a
goes_on no_connection
stop_daemon
