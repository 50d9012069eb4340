#!/bin/bash
# Another certificate by a reload: connections stay open, new ones see it at once. A broken one is
# refused as a whole, and the old one stays. Where the files are watched, replacing them is enough.
# What ends soon is told: by the log and by a metric.
# shellcheck source=tests/scenario/tls_common.bash
. "$TOP/tests/scenario/tls_common.bash"

authority ca
server_certificate one
server_certificate two ca 5
server_certificate three
server_certificate old ca 0
place() {
    # The key first: a daemon that watches waits until nothing changes any more.
    cp "$here/$2.key" "$here/live.key"
    cp "$here/${1}.crt" "$here/live.crt"
}
place one one
expiry() {
    metric postcoded_tls_certificate_expiry_timestamp_seconds
}
ends() {
    date -d "$(openssl x509 -in "$here/$1.crt" -noout -enddate | cut -d= -f2)" +%s
}

start_standin
tls_keys live
start_tls
[ "$(shown)" = "CN=one" ] || fail "shows $(shown)"
[ "$(expiry)" = "$(ends one)" ] || fail "ends $(expiry)"

# A connection that is kept over three reloads.
exec {to}> >(exec openssl s_client -connect "$tls" -quiet >"$here/kept" 2>/dev/null)
lookups() {
    [ "$(grep -o '^HTTP/1.1 200\|}HTTP/1.1 200' "$here/kept" | wc -l)" = "$1" ]
}
lookup() {
    printf 'GET /api/v1/addresses/M11AA HTTP/1.1\r\nHost: h\r\n\r\n' >&"$to"
    eventually lookups "$1"
}
lookup 1
place two two
reload success 1
[ "$(shown)" = "CN=two" ] || fail "shows $(shown)"
[ "$(expiry)" = "$(ends two)" ] || fail "ends $(expiry)"
has "$(logged '\[server\] tls_certificate: expires on')" warning "put a newer one in its place"
lookup 2

# Neither a pair that does not match nor garbage is taken.
place three one
reload failure 1
logged 'tls_key: does not belong to the certificate'
echo garbage >"$here/live.crt"
reload failure 2
logged 'tls_certificate: .* contains no PEM certificate'
rm "$here/live.crt"
reload failure 3
[ "$(shown)" = "CN=two" ] || fail "shows $(shown)"
lookup 3
# An expired one is taken, with a warning: who asks for it gets it.
place old old
reload success 2
logged 'tls_certificate: expired on'
[ "$(shown)" = "CN=old" ] || fail "shows $(shown)"

# Watched: two files that are replaced, one after the other.
set_key server reload_on_change on
configure
reload success 3
place three three
is_three() {
    [ "$(shown)" = "CN=three" ]
}
eventually is_three
lookup 4
lacks "$(cat "$here/kept")" "Connection: close"

# A certificate is wanted from now on: who is connected, and has shown none, is not answered.
set_key server tls_client_ca "$here/ca.crt"
configure
none_without() {
    [ "$(code "$at/M11AA")" = 000 ]
}
eventually none_without
printf 'GET /api/v1/addresses/M11AA HTTP/1.1\r\nHost: h\r\n\r\n' >&"$to"
eventually grep -q 'Certificate realm=' "$here/kept"
has "$(tail -n 20 "$here/kept")" "401 Unauthorized" "Connection: close"
logged 'status=401 code=unauthorized reason=absent'
exec {to}>&-

# From TLS to none: `listen` keeps its value, and that is told beside the fault that comes of it.
set_key server listen 127.0.0.1:0
set_key server tls_certificate ''
set_key server tls_key ''
set_key server tls_client_ca ''
configure
logged '\[server\] listen changed, but it cannot be reloaded'
tls_keys live
set_key server reload_on_change on
configure
stop_daemon

# --check says all of it at once, and what the files hold; the last line counts notes.
set_key server tls_client_ca "$here/ca.crt"
configure
has "$("$BUILD/postcoded" -c "$here/pc.ini" --check 2>&1)" "a certificate until" "1 CA certificate" \
    "no fault found"
place old old
said=$("$BUILD/postcoded" -c "$here/pc.ini" --check 2>&1) || fail "an expired certificate is a fault: $said"
has "$said" "tls_certificate: expired on"
[[ $said == *"no fault found, 1 note" ]] || fail "$said"
place one two
echo >"$here/ca.crt"
configure
said=$("$BUILD/postcoded" -c "$here/pc.ini" --check 2>&1)
[ $? = 1 ] || fail "a fault has another status"
has "$said" "tls_key: does not belong" "tls_client_ca: $here/ca.crt contains no PEM certificate"
