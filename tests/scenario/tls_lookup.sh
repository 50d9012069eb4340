#!/bin/bash
# A listener with TLS beside one without: versions and ciphers, what each says to a caller who takes
# it for the other, and lookups as on any connection: kept, pipelined, with a large header section,
# and one whose caller leaves. RSA and ECDSA.
# shellcheck source=tests/scenario/tls_common.bash
. "$TOP/tests/scenario/tls_common.bash"

authority ca
server_certificate one
server_certificate rsa ca 20 rsa:2048
start_standin
tls_keys one
set_key log level debug
start_tls

# Both listeners, and a kept connection.
[ "$(code "$at/M11AA")" = 200 ] || fail "no lookup over TLS"
[ "$(code "http://$plain/api/v1/addresses/M11AA")" = 200 ] || fail "no lookup without TLS"
[ "$(get -o /dev/null -o /dev/null -w '%{http_code}/%{num_connects} ' "$at/M11AA" "$at/M11AA")" = \
    "200/1 200/0 " ] || fail "the connection is not kept"
has "$(cat "$here/log")" "lookups on tls:127.0.0.1:$port, 127.0.0.1:"

# Versions and ciphers: AEAD with forward secrecy, and nothing else.
has "$(handshake -tls1_3)" "Cipher is TLS_"
has "$(handshake -tls1_2)" "Cipher is ECDHE-ECDSA-AES"
has "$(handshake -tls1_2 -cipher ECDHE-ECDSA-CHACHA20-POLY1305)" "Cipher is ECDHE-ECDSA-CHACHA20"
for old in -tls1 -tls1_1; do
    has "$(handshake "$old" -cipher 'ALL:@SECLEVEL=0')" "Cipher is (NONE)" "alert protocol version"
done
for weak in AES128-SHA AES128-GCM-SHA256 DHE-RSA-AES128-GCM-SHA256 ECDHE-ECDSA-AES128-SHA \
    ECDHE-ECDSA-AES128-SHA256 ECDHE-RSA-AES256-SHA384; do
    has "$(handshake -tls1_2 -cipher "$weak:@SECLEVEL=0")" "Cipher is (NONE)" "handshake failure"
done
eventually failed protocol 8
has "$(logged 'reason=protocol')" 'detail="no version, cipher, group or signature in common"'
has "$(logged 'older than TLS 1.2')" 'info tls handshake failed client=127.0.0.1:' reason=protocol

# HTTP where TLS is spoken, and the reverse. The one is no request and no bad_request.
before=$(metric postcoded_requests_total 'code="bad_request",status="400"')
has "$(ask -i "http://$tls/api/v1/addresses/M11AA")" "400 Bad Request" problem+json "use https://"
eventually failed not_tls 1
logged 'reason=not_tls detail="plain HTTP"'
exec {fd}<>"/dev/tcp/127.0.0.1/$port"
printf 'HEAD / HTTP/1.1\r\nHost: h\r\n\r\n' >&"$fd"
lacks "$(cat <&"$fd")" problem: &&
    eventually failed not_tls 2
exec {fd}<>"/dev/tcp/127.0.0.1/$port"
printf 'SSH-2.0-OpenSSH_9.2\r\n' >&"$fd"
[ -z "$(cat <&"$fd" 2>&1 | grep HTTP)" ] || fail "HTTP for SSH"
eventually failed not_tls 3
logged 'reason=not_tls detail="no TLS"'
exec {fd}>&-
metric_is postcoded_requests_total "$before" 'code="bad_request",status="400"' ||
    fail "a failed handshake counts as a request"
ask "https://$plain/" && fail "TLS where there is none"

# A caller that does not trust the certificate; one that leaves; garbage.
ask "$at/M11AA" && fail "trusted"
eventually failed alert 1
logged 'reason=alert detail="CA is unknown"'
exec {fd}<>"/dev/tcp/127.0.0.1/$port"
printf '\x16\x03\x01' >&"$fd"
exec {fd}>&-
eventually failed closed 1
exec {fd}<>"/dev/tcp/127.0.0.1/$port"
printf '\x00\x01\x02\x03\x04\x05' >&"$fd"
eventually failed not_tls 4
exec {fd}>&-

# Pipelined, and in one record; then a header section that is too large, and one that is not.
request='GET /api/v1/addresses/M11AA HTTP/1.1\r\nHost: h\r\n'
# shellcheck disable=SC2059 # it is a format
printf "$request\r\n$request\r\n$request\r\n$request\r\n${request}Connection: close\r\n\r\n" >"$here/five"
openssl s_client -connect "$tls" -quiet <"$here/five" >"$here/got" 2>/dev/null
[ "$(grep -o 'HTTP/1.1 200' "$here/got" | wc -l)" = 5 ] || fail "not pipelined: $(cat "$here/got")"
cookie=$(printf '%07000d' 0)
[ "$(code -b "c=$cookie" "$at/M11AA")" = 200 ] || fail "a large header section"
[ "$(code -H "A: $cookie" -H "B: $cookie" "$at/M11AA")" = 431 ] || fail "one that is too large"
[ "$(code "$at/$cookie$cookie")" = 414 ] || fail "a target that is too large"
# Also while the caller is still sending. (curl reads lines of 100 KB from a file.)
for name in A B; do
    printf '%s: ' "$name"
    head -c 75000 /dev/zero | tr '\0' b
    echo
done >"$here/fields"
for _ in 1 2 3 4 5 6 7 8 9 10; do
    [ "$(code -H "@$here/fields" "$at/M11AA")" = 431 ] || fail "fields of 150 KB"
done
# A response past libmicrohttpd, which goes through TLS too.
has "$(get -i -H 'Content-Length: x' "$at/M11AA")" "400 Bad request" '"code":"bad_request"'

# The caller leaves while its lookup is under way.
knob hold=1
curl -q -s --cacert "$here/ca.crt" "$at/M11AA" &
leaving=$!
eventually metric_is postcoded_requests_in_flight 1
kill -KILL "$leaving"
eventually metric_is postcoded_requests_cancelled_total 1
knob hold=0

# One that ends its half of TLS, and stays, gets its answer.
if command -v python3 >/dev/null; then
    python3 - "$port" "$here/ca.crt" <<'PY' || fail "half closed"
import socket, ssl, sys

raw = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
raw.settimeout(20)
inside, outside = ssl.MemoryBIO(), ssl.MemoryBIO()
context = ssl.create_default_context(cafile=sys.argv[2])
tls = context.wrap_bio(inside, outside, server_hostname="localhost")


def exchange(step):
    while True:
        try:
            return step()
        except ssl.SSLWantReadError:
            raw.sendall(outside.read())
            got = raw.recv(65536)
            if not got:
                sys.exit("closed without an answer")
            inside.write(got)


exchange(tls.do_handshake)
tls.write(b"GET /api/v1/addresses/M11AA HTTP/1.1\r\nHost: h\r\n\r\n")
try:
    tls.unwrap()
except ssl.SSLWantReadError:
    pass
if not exchange(lambda: tls.read(4096)).startswith(b"HTTP/1.1 200"):
    sys.exit("another answer")

# One that says in clear that it leaves, before its handshake has ended.
raw = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
outside = ssl.MemoryBIO()
try:
    context.wrap_bio(ssl.MemoryBIO(), outside, server_hostname="localhost").do_handshake()
except ssl.SSLWantReadError:
    raw.sendall(outside.read() + b"\x15\x03\x03\x00\x02\x01\x00")
while raw.recv(65536):
    pass
PY
    eventually failed closed 2
fi

# A handshake that drips, one that is silent: closed after header_timeout. The thread rests
# meanwhile, for libmicrohttpd would call for the first without end.
set_key server header_timeout 1s
configure
reload success 1
spent=$(metric process_cpu_seconds_total)
exec {silent}<>"/dev/tcp/127.0.0.1/$port"
exec {drip}<>"/dev/tcp/127.0.0.1/$port"
printf '\x16\x03\x01\x02' >&"$drip"
eventually failed timeout 2
exec {silent}>&- {drip}>&-
spent=$(awk -v a="$spent" -v b="$(metric process_cpu_seconds_total)" 'BEGIN { print int(1000 * (b - a)) }')
[ "$spent" -lt $((200 * slow)) ] || fail "$spent ms of CPU time for a caller that drips"
stop_daemon

# The same with RSA.
tls_keys rsa
start_tls
for version in 2 3; do
    [ "$(code --tlsv1.$version --tls-max 1.$version "$at/M11AA")" = 200 ] || fail "RSA, 1.$version"
done
has "$(handshake -tls1_2 -cipher 'ECDHE-RSA-AES128-GCM-SHA256')" "Cipher is ECDHE-RSA"
has "$(handshake -tls1_2 -cipher 'AES128-GCM-SHA256')" "Cipher is (NONE)"
for scheme in rsa_pss_rsae_sha256 rsa_pss_rsae_sha512 RSA+SHA256 RSA+SHA512; do
    has "$(handshake -tls1_2 -sigalgs "$scheme")" "Verify return code: 0 (ok)"
done
stop_daemon
