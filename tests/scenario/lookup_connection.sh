#!/bin/bash
# A connection from its first request to its last: kept after an answer of any kind, requests sent
# ahead answered in their order, HTTP/1.0, Expect, and what is said of the closing.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

start_standin
default_keys
set_key server workers 1
start_daemon
eventually is_ready

# talk REQUEST...: what comes back for all of them, sent in one go; 3 as status: it stays open.
talk() {
    printf '%b' "$@" >"$here/requests"
    "$driver/raw" --connect "$address" --timeout $((200 * slow)) "$here/requests" | tr -d '\r'
    return "${PIPESTATUS[0]}"
}
# statuses_of TEXT
statuses_of() {
    grep -o '^HTTP/1.1 [0-9]*\|}HTTP/1.1 [0-9]*' <<<"$1" | sed 's/.* //' | tr '\n' ' '
}
get() {
    echo "GET $1 HTTP/1.1\r\nHost: h\r\n${2:-}\r\n"
}
lookup=/api/v1/addresses

# Sent ahead: each is answered, in order, the parked and those answered at once.
said=$(talk "$(get $lookup/M11AA 'X-GUID: g-1\r\n')" "$(get $lookup/%21 'X-GUID: g-2\r\n')" \
    "$(get /nowhere 'X-GUID: g-3\r\n')" "$(get $lookup/ZZ11AA 'X-GUID: g-4\r\n')" \
    "$(get $lookup/SW1A1AA 'X-GUID: g-5\r\nConnection: close\r\n')" "$(get $lookup/M11AA)")
[ $? = 0 ] || fail "not closed"
[ "$(statuses_of "$said")" = "200 400 404 404 200 " ] || fail "$(statuses_of "$said"): $said"
[ "$(grep '^X-GUID' <<<"$said" | tr -d '\n')" = "$(printf 'X-GUID: g-%s' 1 2 3 4 5)" ] || fail "$said"
[ "$(grep -c '^Connection: close' <<<"$said")" = 1 ] || fail "$said"

# Kept after each kind of answer.
for path in $lookup/M11AA $lookup/%21 /nowhere $lookup/ZZ11AA "$lookup/M1?^"; do
    said=$(talk "$(get "$path")")
    [ $? = 3 ] || fail "closed after $path: $said"
    lacks "$said" "Connection:"
done
# HEAD has no body, so the next answer begins where its head ended.
said=$(talk "HEAD $lookup/M11AA HTTP/1.1\r\nHost: h\r\n\r\n" "$(get $lookup/M11AA)")
[ $? = 3 ] || fail "closed after HEAD"
[ "$(grep -c '^Content-Length: 110' <<<"$said")" = 2 ] || fail "$said"
[ "$(grep -c 'Manchester' <<<"$said")" = 1 ] || fail "$said"

# HTTP/1.0: closed, unless it asks to keep the connection, and is told so.
said=$(talk "GET $lookup/M11AA HTTP/1.0\r\n\r\n")
[ $? = 0 ] || fail "HTTP/1.0: not closed"
has "$said" "HTTP/1.1 200" '"area":"M"}'
said=$(talk "GET $lookup/M11AA HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n")
[ $? = 3 ] || fail "HTTP/1.0: not kept"
has "${said,,}" "connection: keep-alive"
# A refusal says it closes, and closes.
said=$(talk "$(get $lookup/M11AA 'Host: i\r\n')" "$(get $lookup/M11AA)")
[ $? = 0 ] || fail "kept after a refusal"
[ "$(statuses_of "$said")" = "400 " ] || fail "$said"
has "$said" "Connection: close"

# Nobody is told to go on with a body that nobody wants.
said=$(talk "POST $lookup/M11AA HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
[ $? = 0 ] || fail "not closed"
lacks "$said" "100 Continue"
has "$said" "HTTP/1.1 405" "Connection: close"
# (libmicrohttpd sends one where there is no body to go on with; its sender has to bear that.)
has "$(talk "$(get $lookup/M11AA 'Expect: 100-continue\r\n')")" "HTTP/1.1 200"
said=$(talk "$(get $lookup/M11AA 'Content-Length: 0\r\n')")
[ $? = 3 ] || fail "closed after a body of no bytes: $said"
has "$said" "HTTP/1.1 200"

# Its answer reaches who has sent a body, though nobody reads that: the connection is not reset, or
# a caller that is still sending would stop at the reset and never see the answer.
head -c 900000 /dev/zero >"$here/body"
for framing in 'Content-Length: 900000' 'Transfer-Encoding: chunked'; do
    { printf '%b' "POST $lookup/M11AA HTTP/1.1\r\nHost: h\r\n$framing\r\n\r\n" && cat "$here/body"; } \
        >"$here/requests"
    said=$("$driver/raw" --connect "$address" --orderly "$here/requests") || fail "reset: $said"
    has "$said" "HTTP/1.1 405" "Connection: close"
done
for _ in 1 2 3 4 5; do
    has "$(ask -X POST -H Expect: --data-binary @"$here/body" -i "$at/M11AA")" " 405 "
done

# What was sent ahead of a lookup that is still under way waits its turn, and is not taken for the
# caller's leaving; and who has left before that turn comes costs nothing.
knob hold=1
printf '%b' "$(get $lookup/M11AA)" "$(get $lookup/%21 'Connection: close\r\n')" >"$here/requests"
"$driver/raw" --connect "$address" "$here/requests" >"$here/answers" &
raw=$!
counted concurrent_now=1 >/dev/null
knob hold=0
wait "$raw" || fail "not closed"
[ "$(statuses_of "$(tr -d '\r' <"$here/answers")")" = "200 400 " ] || fail "$(cat "$here/answers")"
stop_daemon
