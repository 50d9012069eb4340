#!/bin/bash
# Sockets of the service manager that are named tls: callers speak TLS there, and not on others. They
# need a certificate, at the start and at each reload; with one that callers must show, they may be
# open to everybody.
# shellcheck source=tests/scenario/systemd_common.bash
. "$TOP/tests/scenario/systemd_common.bash"
# shellcheck source=tests/scenario/tls_common.bash
. "$TOP/tests/scenario/tls_common.bash"

authority ca
server_certificate one
certificate ada ca /CN=ada
start_standin
default_keys
set_key server tls_certificate "$here/one.crt"
set_key server tls_key "$here/one.key"
manage --listen-tls 127.0.0.1:0 --listen 127.0.0.1:0
port=${address##*:}
plain=$(sed -n 's/.*lookups on [^;,]*, \([^;,]*\);.*/\1/p' "$here/log")
at=https://localhost:$port/api/v1/addresses
[ "$(code "$at/M11AA")" = 200 ] || fail "no TLS on the socket named tls"
[ "$(code "http://$plain/api/v1/addresses/M11AA")" = 200 ] || fail "the other one is not plain"

# A reload may not take the certificate away.
set_key server tls_certificate ''
set_key server tls_key ''
configure
reload failure 1
logged 'socket named tls: set \[server\] tls_certificate and tls_key'
[ "$(code "$at/M11AA")" = 200 ] || fail "no TLS after a reload that failed"
end_managed

# Nor does it start without one.
"$driver/notify" --socket "$here/notify" --output "$here/told" --listen-tls 127.0.0.1:0 -- \
    "$BUILD/postcoded" -c "$here/pc.ini" 2>"$here/log"
[ $? = 3 ] || fail "it started without a certificate"
has "$(cat "$here/log")" "socket named tls"

# Open to everybody, but not without a certificate.
set_key server tls_certificate "$here/one.crt"
set_key server tls_key "$here/one.key"
configure
"$driver/notify" --socket "$here/notify" --output "$here/told" --listen-tls 0.0.0.0:0 -- \
    "$BUILD/postcoded" -c "$here/pc.ini" 2>"$here/log"
[ $? = 3 ] || fail "unverified on 0.0.0.0"
set_key server tls_client_ca "$here/ca.crt"
rm -f "$here/log" "$here/told"
manage --listen-tls 0.0.0.0:0
at=https://localhost:${address##*:}/api/v1/addresses
[ "$(code --cert "$here/ada.crt" --key "$here/ada.key" "$at/M11AA")" = 200 ] || fail "not verified"
[ "$(code "$at/M11AA")" = 000 ] || fail "no certificate"
end_managed
