#!/bin/bash
# Callers that need a certificate, and mode certificate: the user is what theirs names, in access
# lines. None, one of another authority, one that has expired and
# one for servers are refused in the handshake. A reload changes the authorities for new connections.
# shellcheck source=tests/scenario/tls_common.bash
. "$TOP/tests/scenario/tls_common.bash"

authority ca
authority other
server_certificate one
certificate ada ca /O=Example/CN=ada
certificate mail ca /O=Example "subjectAltName=DNS:h,email:bob@example.com,URI:spiffe://h/bob"
certificate nobody ca /O=Example
certificate late ca /CN=late "" 0
certificate foreign other /CN=ada
certificate server ca /CN=server extendedKeyUsage=serverAuth
certificate client ca /CN=client extendedKeyUsage=clientAuth
certificate rsa ca /CN=rsa "" 20 rsa:2048
certificate cipher ca /CN=cipher keyUsage=critical,keyEncipherment
certificate quote ca '/CN=say "hi"'
start_standin
tls_keys one
set_key server tls_client_ca "$here/ca.crt"
set_key identity mode certificate
set_key identity forward_header X-User
start_tls
has "$(cat "$here/log")" "each lookup there is 401"

as() {
    code --cert "$here/$1.crt" --key "$here/$1.key" "${@:2}" "$at/M11AA"
}
# refused NAME REASON COUNT ALERT OPTION...: in the handshake, with an alert, in both versions.
refused() {
    local version
    for version in 1.2 1.3; do
        [ "$(as "$1" --tlsv$version --tls-max $version)" = 000 ] || fail "$1 is accepted"
    done
    eventually failed "$2" "$3"
    has "$(handshake -cert "$here/$1.crt" -key "$here/$1.key" -tls1_2)" "$4"
    eventually failed "$2" $(($3 + 1))
}
for user in ada client rsa; do
    [ "$(as $user)" = 200 ] || fail "$user: $(as $user)"
    logged "status=200 .*user=$user "
    [ "$(as $user --tls-max 1.2)" = 200 ] || fail "$user, TLS 1.2"
done
[ "$(as mail)" = 200 ] || fail mail
logged 'status=200 .*user=bob@example.com '
[ "$(as quote)" = 200 ] || fail quote
logged 'status=200 .*user="say \\"hi\\"" '

# No valid user in it: 401, whose reason is in the access line.
[ "$(as nobody)" = 401 ] || fail "nobody: $(as nobody)"
logged 'status=401 code=unauthorized reason=malformed'
has "$(get -i --cert "$here/nobody.crt" --key "$here/nobody.key" "$at/M11AA")" \
    'WWW-Authenticate: Certificate realm="postcoded"' "names no user"
# What is no request at all has no user: the session has ended when it is accounted for.
printf 'garbage\r\n\r\n' | openssl s_client -connect "$tls" -cert "$here/ada.crt" -key "$here/ada.key" \
    -quiet >/dev/null 2>&1
eventually metric_is postcoded_requests_total 1 'code="bad_request",status="400"'
# Where there is no TLS there is no certificate, whatever a caller says.
for header in 'Cookie: identity=ada' 'X-User: ada' 'Authorization: Bearer ada'; do
    [ "$(ask -o /dev/null -w '%{http_code}' -H "$header" "http://$plain/api/v1/addresses/M11AA")" = 401 ] ||
        fail "$header without TLS"
done
logged 'status=401 code=unauthorized reason=absent'

[ "$(code "$at/M11AA")" = 000 ] || fail "no certificate"
eventually failed no_certificate 1
logged 'reason=no_certificate detail="the caller shows none; tls_client_ca wants one"'
has "$(handshake -tls1_2)" "handshake failure"
eventually failed no_certificate 2
refused foreign certificate 2 "unknown ca"
has "$(logged 'reason=certificate')" 'detail="not of an authority in tls_client_ca"'
refused late certificate 5 "certificate expired"
has "$(logged 'reason=certificate')" 'detail=expired'
refused server certificate 8 "unsupported certificate"
refused cipher certificate 11 "unsupported certificate"
has "$(logged 'reason=certificate')" 'detail="not for signatures, by its key usage"'
metric_is postcoded_requests_total 1 'code="bad_request",status="400"' ||
    fail "a refused handshake counts as a request"

# Each caller sees why, also one that sends its request before it can know.
for _ in 1 2 3 4 5 6 7 8 9 10; do
    has "$(get -S --tlsv1.3 "$at/M11AA" 2>&1)" "alert certificate required"
done

# Python's ssl; sessions are not resumed, so that each connection is judged.
has "$(handshake -cert "$here/ada.crt" -key "$here/ada.key" -tls1_2)" "New, TLSv1.2"
if command -v python3 >/dev/null; then
    python3 - "$port" "$here" <<'PY' || fail "Python"
import http.client, ssl, sys

port, here = int(sys.argv[1]), sys.argv[2]
context = ssl.create_default_context(cafile=f"{here}/ca.crt")
context.load_cert_chain(f"{here}/ada.crt", f"{here}/ada.key")
session = None
for _ in range(2):
    connection = http.client.HTTPSConnection("localhost", port, context=context)
    connection.connect()
    if connection.sock.session_reused:
        sys.exit("the session was resumed")
    for _ in range(3):
        connection.request("GET", "/api/v1/addresses/M11AA")
        response = connection.getresponse()
        response.read()
        if response.status != 200:
            sys.exit(f"status {response.status}")
    connection.close()
PY
fi

# Another authority by a reload: who is connected gets one more response, new connections are judged
# by it. The same authorities with something else changed end no connection.
exec {to}> >(exec openssl s_client -connect "$tls" -cert "$here/ada.crt" -key "$here/ada.key" -quiet \
    >"$here/kept" 2>/dev/null)
lookup() {
    printf 'GET /api/v1/addresses/M11AA HTTP/1.1\r\nHost: h\r\n\r\n' >&"$to"
    eventually answers "$1"
}
answers() {
    [ "$(grep -o 'HTTP/1.1 200' "$here/kept" | wc -l)" = "$1" ]
}
lookup 1
{ cat "$here/ca.crt"; echo; } >"$here/authorities.crt"
set_key server tls_client_ca "$here/authorities.crt"
configure
reload success 1
lookup 2
lacks "$(cat "$here/kept")" "Connection: close"
cp "$here/other.crt" "$here/authorities.crt"
set_key server tls_client_ca "$here/authorities.crt"
configure
reload success 2
lookup 3
has "$(cat "$here/kept")" "Connection: close"
exec {to}>&-
[ "$(as ada)" = 000 ] || fail "the old authority counts"
[ "$(as foreign)" = 200 ] || fail "the new one does not"
# What is no CA is accepted itself, and no certificate that it signed.
certificate signed ada /CN=signed
cp "$here/ada.crt" "$here/authorities.crt"
reload success 3
logged 'certificate 1 is not a CA certificate (basicConstraints CA:TRUE): only that very certificate will be accepted'
[ "$(as ada)" = 200 ] || fail "the very certificate: $(as ada)"
cat "$here/ada.crt" >>"$here/signed.crt"
[ "$(as signed)" = 000 ] || fail "signed by what is no CA"
[ "$(as client)" = 000 ] || fail "signed by the CA of that certificate"
# Without one, mode certificate is a fault.
set_key server tls_client_ca ''
configure
reload failure 1
logged 'certificate needs \[server\] tls_client_ca'
stop_daemon

# With mode jwt a caller needs both; with off, a certificate is enough on any address.
set_key server tls_client_ca "$here/ca.crt"
set_key identity mode jwt
set_key identity key_file "$here/identity.key"
start_tls
[ "$(as ada)" = 401 ] || fail "no JWT"
[ "$(as ada -b "identity=$(mint ada)")" = 200 ] || fail "both"
[ "$(code -b "identity=$(mint ada)" "$at/M11AA")" = 000 ] || fail "no certificate"
stop_daemon
set_key identity mode off
set_key server listen tls:0.0.0.0:0
configure
start_daemon
port=${address##*:}
at=https://localhost:$port/api/v1/addresses
[ "$(as ada)" = 200 ] || fail "mode off"
stop_daemon
