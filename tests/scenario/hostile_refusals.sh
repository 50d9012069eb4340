#!/bin/bash
# Requests that libmicrohttpd refuses itself, or would: each gets one answer at most, one access
# line and one count, and the daemon's own answer wherever the head is whole. A caller who leaves
# before that has none.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

start_standin
default_keys
set_key server workers 1
# One who leaves in the middle of a head may be noticed only then.
set_key server header_timeout 1s
start_daemon
eventually is_ready

refused=0
line='GET /api/v1/addresses/M11AA HTTP/1.1\r\n'
# says REQUEST: sets answer. It is one head at most.
says() {
    # shellcheck disable=SC2059 # escapes are meant
    answer=$(printf "$1" | "$driver/raw" --connect "$address" -) || fail "raw: $?: $1"
    [ "$(grep -c '^HTTP/1.1' <<<"$answer")" -le 1 ] || fail "more than one head to $1: $answer"
    refused=$((refused + 1))
}
# ours REQUEST WORDS: a problem in JSON with these words, and the connection closed.
ours() {
    says "$1"
    has "$answer" 'HTTP/1.1 400 ' 'Connection: close' 'application/problem+json' 'X-GUID: ' \
        '"code":"bad_request"' "$2"
}
refusals() {
    [ "$(metric postcoded_requests_total 'code="bad_request",status="400"')" = "$refused" ] &&
        [ "$(grep -c 'request .*status=4.. code=bad_request' "$here/log")" = "$refused" ]
}

ours "$line\r\n" 'There is no Host field.'
ours "${line}Host: h\r\nContent-Length: nine\r\n\r\n" 'Content-Length must be a number'
ours "${line}Host: h\r\nContent-Length: 99999999999999999999999\r\n\r\n" 'Content-Length must be'
# Broken framing comes before the method.
for field in 'Content-Length: 1\r\nContent-Length: 2' 'Transfer-Encoding: xchunked' \
    'Transfer-Encoding: chunked\r\nContent-Length: 3'; do
    says "POST /api/v1/addresses/M11AA HTTP/1.1\r\nHost: h\r\n$field\r\n\r\n"
    has "$answer" 'HTTP/1.1 400 '
    lacks "$answer" 405
done
# A folded field; a space in the target; no request line at all.
says "${line}Host: h\r\nX: a\r\n b\r\n\r\n"
has "$answer" 'HTTP/1.1 400 '
says 'GET /api/v1/addresses/M1 1AA HTTP/1.1\r\nHost: h\r\n\r\n'
has "$answer" 'HTTP/1.1 400 '
for text in ' GET / HTTP/1.1\r\nHost: h\r\n\r\n' '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n'; do
    says "$text"
done
eventually refusals

# Not a refusal: the caller leaves in the middle of its head, or before it.
for text in "${line}Host" 'GET /api' ''; do
    # shellcheck disable=SC2059
    printf "$text" | "$driver/raw" --half-close --connect "$address" - >"$here/answer" ||
        fail "raw: $?"
    [ -s "$here/answer" ] && fail "an answer to half a head: $(cat "$here/answer")"
done
eventually metric_is postcoded_connections 0
refusals || fail "a caller who left is counted as refused: $(grep -c bad_request "$here/log")"
stop_daemon
