#!/bin/bash
# Connections with TLS count with those without: one limit, one drain. A first line that is no request
# is counted; a caller that only shakes hands is not, and neither is one that leaves amid a request.
# shellcheck source=tests/scenario/tls_common.bash
. "$TOP/tests/scenario/tls_common.bash"

authority ca
server_certificate one
start_standin
tls_keys one

# A worker has no more descriptors than are set aside for it: 12, of which 2 are for TLS.
held() {
    find "/proc/$daemon/fd" -type l | wc -l
}
set_key server workers 1
start_tls
eventually is_ready
few=$(held)
stop_daemon
set_key server workers 11
start_tls
eventually is_ready
[ "$(held)" -le $((few + 120)) ] || fail "$few descriptors with a worker, $(held) with 11"
[ "$(held)" -ge $((few + 80)) ] || fail "they cannot be counted"
stop_daemon
set_key server workers 2

set_key server max_connections 3
set_key server header_timeout 1h
start_tls
connections() {
    metric_is postcoded_connections "$1"
}
# unread: something has come on a connection that the daemon has not read.
unread() {
    awk -v at="$(printf ':%04X' "${tls##*:}")" \
        '$4 == "01" && $2 ~ at "$" && $5 !~ /:00000000$/ { found = 1 } END { exit !found }' /proc/net/tcp
}

# No request in it: counted, once, by the run that closes it.
bad='code="bad_request",status="400"'
printf 'garbage\r\n\r\n' >"$here/none"
for version in 2 3; do
    openssl s_client -connect "$tls" -tls1_$version -quiet <"$here/none" >"$here/got" 2>/dev/null
    eventually metric_is postcoded_requests_total $((version - 1)) "$bad"
    has "$(logged 'code=bad_request')" "client=127.0.0.1:" "method=-"
done
for version in 2 3; do
    has "$(handshake -tls1_$version)" "Verify return code: 0"
done
eventually connections 0
metric_is postcoded_requests_total 2 "$bad" || fail "a handshake alone is a bad request"

# A handshake that claims a message of 16 MB, and sends it: closed long before. What is no
# ClientHello is not waited for.
printf '\x16\x03\x01\x00\x05hello' >"$here/hello"
exec {hello}<>"/dev/tcp/127.0.0.1/$port"
cat "$here/hello" >&"$hello"
eventually failed protocol 1
has "$(logged 'tls handshake failed')" 'reason=protocol detail="the first message is not a ClientHello"'
exec {hello}>&-
record() { # bytes of a record of a handshake, from standard input
    printf '\x16\x03\x01\x3f\xfc'
    cat
}
head -c 16380 /dev/zero | record >"$here/more"
{ printf '\x01\xff\xff\xff'; head -c 16376 /dev/zero; } | record >"$here/large"
for _ in 1 2 3 4 5 6 7 8 9 10; do
    cat "$here/more"
done >>"$here/large"
exec {hello}<>"/dev/tcp/127.0.0.1/$port"
cat "$here/large" >&"$hello"
eventually failed protocol 2
has "$(logged 'reason=protocol')" 'detail="larger than 128 KiB"'
exec {hello}>&-
eventually connections 0

# A connection that was closed goes on for a moment, so that its caller sees why, and no longer:
# three that stay do not keep their places.
staying=()
for _ in 1 2 3; do
    exec {stay}<>"/dev/tcp/127.0.0.1/$port"
    cat "$here/hello" >&"$stay"
    staying+=("$stay")
done
eventually failed protocol 5
served() {
    [ "$(code "$at/M11AA")" = 200 ]
}
eventually served
for stay in "${staying[@]}"; do
    exec {stay}>&-
done
refusals=$(metric postcoded_connections_refused_total)

# Two with TLS and one without; a fourth of either kind is closed at once.
hold() {
    exec {held}> >(exec openssl s_client -connect "$tls" -quiet >>"$here/held" 2>&1)
    holding+=("$held")
}
holding=()
hold
hold
exec {other}<>"/dev/tcp/${plain%:*}/${plain##*:}"
eventually connections 3
[ "$(code "$at/M11AA")" = 000 ] || fail "one too many"
[ "$(ask -o /dev/null -w '%{http_code}' "http://$plain/api/v1/addresses/M11AA")" = 000 ] ||
    fail "one too many without TLS"
metric_is postcoded_connections_refused_total $((refusals + 2)) || fail "not counted"
exec {other}>&-
eventually connections 2
exec {amid}> >(exec openssl s_client -connect "$tls" -quiet >"$here/amid" 2>/dev/null)
client=$!
printf 'GET /api/v1/addresses/M11AA HTTP/1.1\r\nHost: h\r\n\r\n' >&"$amid"
eventually grep -q 'HTTP/1.1 200' "$here/amid" # so that its handshake is over
eventually connections 3
suspend_daemon
printf 'GET /api' >&"$amid"
eventually unread
kill -KILL "$client"
exec {amid}>&-
kill -CONT "$daemon"
eventually connections 2
[ "$(code "$at/M11AA")" = 200 ] || fail "no place after one has left"

# A lookup under way is answered when the daemon drains, on a connection that says it is the last.
knob hold=1
get -i "$at/M11AA" >"$here/last" &
last=$!
counted concurrent_now=1 >/dev/null
kill -TERM "$daemon"
logged 'SIGTERM: draining' >/dev/null
knob hold=0
wait "$last" || fail "cut off: $(cat "$here/last")"
has "$(cat "$here/last")" "200 OK" "Connection: close"
wait "$daemon" || fail "the daemon ended with $?"
logged 'drained: every lookup has its response' >/dev/null
for held in "${holding[@]}"; do
    exec {held}>&-
done
