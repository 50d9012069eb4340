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

refused=0 served=0
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
    lacks "$answer" 'HTTP/1.1 405'
done
# A folded field; a space in the target; no request line at all.
says "${line}Host: h\r\nX: a\r\n b\r\n\r\n"
has "$answer" 'HTTP/1.1 400 '
says 'GET /api/v1/addresses/M1 1AA HTTP/1.1\r\nHost: h\r\n\r\n'
has "$answer" 'HTTP/1.1 400 '
# libmicrohttpd 0.9 closes on the last without a word. It shuts the connection down first, and a
# caller who closes before the daemon looks is taken for one who left: this one stays.
exec 7<>"/dev/tcp/${address%:*}/${address##*:}"
(printf '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n' >&7)
refused=$((refused + 1))
eventually refusals
[ "$(cat <&7 2>/dev/null | grep -ac '^HTTP/1.1')" -le 1 ] || fail 'more than one head'
exec 7<&-

# A HEAD that is refused past libmicrohttpd has no body, and the access line says that it was one.
bare() { # bare REQUEST STATUS
    says "$1"
    has "$answer" "HTTP/1.1 $2 " 'application/problem+json' 'Content-Length: '
    lacks "$answer" 'urn:postcoded'
}
head=${line/GET/HEAD}
bare "${head}Host: h\r\nContent-Length: nine\r\n\r\n" 400
bare "${head}Host: h\r\nContent-Length: 99999999999999999999999\r\n\r\n" 400
bare "${head}\r\n" 400
eventually refusals
[ "$(grep -c 'request .*method=HEAD .*status=400 code=bad_request bytes=0 ' "$here/log")" = 3 ] ||
    fail "access lines of HEAD: $(grep method=HEAD "$here/log")"
long=$(printf 'b%.0s' {1..9000})
answer=$(printf 'HEAD /%s HTTP/1.1\r\n' "$long" | "$driver/raw" --connect "$address" -) || fail "raw: $?"
has "$answer" 'HTTP/1.1 414 ' 'Connection: close'
lacks "$answer" 'urn:postcoded'
eventually metric_is postcoded_requests_total 1 'code="too_large",status="414"'
has "$(grep 'status=414' "$here/log")" ' method=HEAD ' ' bytes=0 '

# Another version of HTTP: what is counted and logged is what was sent.
for version in 0.9 2.0 3.0; do
    says "GET /api/v1/addresses/M11AA HTTP/$version\r\nHost: h\r\n\r\n"
    refused=$((refused - 1))
    has "$answer" 'HTTP/1.1 505 '
done
eventually metric_is postcoded_requests_total 3 'code="bad_request",status="505"'
[ "$(grep -c 'request .*status=505 code=bad_request' "$here/log")" = 3 ] || fail 'access lines of 505'

# On a kept connection, and behind a request, what is no request is refused and counted too, with or
# without an answer.
for garbage in '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n' 'nothing\r\n\r\n'; do
    exec 7<>"/dev/tcp/${address%:*}/${address##*:}"
    # shellcheck disable=SC2059
    printf "${line}Host: h\r\n\r\n" >&7
    served=$((served + 1))
    eventually metric_is postcoded_requests_total "$served" 'code="ok",status="200"'
    # shellcheck disable=SC2059
    (printf "$garbage" >&7)
    refused=$((refused + 1))
    eventually refusals
    exec 7<&-
    exec 7<>"/dev/tcp/${address%:*}/${address##*:}"
    # shellcheck disable=SC2059
    (printf "${line}Host: h\r\n\r\n$garbage" >&7)
    served=$((served + 1))
    refused=$((refused + 1))
    eventually metric_is postcoded_requests_total "$served" 'code="ok",status="200"'
    eventually refusals
    exec 7<&-
done

# Several in one turn of the loop: none gets the answer to another.
long=$(printf 'b%.0s' {1..60000})
queued() { # connections on which the daemon has something to read
    [ "$(awk -v port=":$(printf %04X "${address##*:}")" \
        '$2 ~ port"$" && $4 == "01" { split($5, q, ":"); n += q[2] != "00000000" } END { print n + 0 }' \
        /proc/net/tcp)" -ge "$1" ]
}
for round in 1 2 3 4 5 6; do
    suspend_daemon
    pids=()
    for i in {1..12}; do
        # shellcheck disable=SC2059
        printf "${line}Host: h\r\nX: %s\r\n\r\n" "$long" |
            "$driver/raw" --connect "$address" - >"$here/answer.$i" &
        pids+=($!)
    done
    eventually queued 12
    kill -CONT "$daemon"
    for i in {1..12}; do
        wait "${pids[i - 1]}" || fail "round $round: raw: $?"
        [ "$(grep -c '^HTTP/1.1 431' "$here/answer.$i")" = 1 ] ||
            fail "round $round: not one answer: $(head -c 2000 "$here/answer.$i")"
    done
done
eventually metric_is postcoded_requests_total 72 'code="too_large",status="431"'

# And each is told with the status that it got, though it had no request line that ended.
target=$(printf 'a%.0s' {1..60000})
suspend_daemon
pids=()
for i in {1..8}; do
    text="GET /$target HTTP/1.1\r\nHost: h\r\n\r\n"
    [ $((i % 2)) = 0 ] && text="${line}Host: h\r\nX: $long\r\n\r\n"
    # shellcheck disable=SC2059
    printf "$text" | "$driver/raw" --connect "$address" - >"$here/answer.$i" &
    pids+=($!)
done
eventually queued 8
kill -CONT "$daemon"
for pid in "${pids[@]}"; do
    wait "$pid" || fail "raw: $?"
done
[ "$(grep -al '^HTTP/1.1 414' "$here"/answer.[1-8] | wc -l)" = 4 ] || fail 'not four answers with 414'
eventually metric_is postcoded_requests_total 76 'code="too_large",status="431"'
eventually metric_is postcoded_requests_total 5 'code="too_large",status="414"'

# Behind a request stands what is none: it is not told of the next caller to leave.
before=$(grep -c 'request .*status=400' "$here/log")
printf "${line}Host: h\r\n\r\n\x16\x03 x\r\n\r\n" |
    "$driver/raw" --connect "$address" - >"$here/answer" || fail "raw: $?"
eventually metric_is postcoded_connections 0
after=$(grep -c 'request .*status=400' "$here/log")
printf "${line}Host: h\r\n\r\n" |
    "$driver/raw" --timeout 500 --connect "$address" - >"$here/answer" # and leaves
has "$(cat "$here/answer")" 'HTTP/1.1 200 '
eventually metric_is postcoded_connections 0
[ "$(grep -c 'request .*status=400' "$here/log")" = "$after" ] ||
    fail 'a caller who only left is counted as refused'
refused=$((refused + after - before))

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
