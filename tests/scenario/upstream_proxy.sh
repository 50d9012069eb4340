#!/bin/bash
# A proxy that demands a user: token requests and lookups over http go to it, lookups over https go
# through a tunnel that it makes. With a wrong password each place where it shows names the keys,
# and a reload with the right one repairs it.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

# start_proxy: sets proxy (HOST:PORT); what it heard is in $here/heard.
start_proxy() {
    : >"$here/heard"
    "$driver/proxy" "$(printf 'pro xy:hush' | base64)" >"$here/heard" &
    started+=($!)
    eventually grep -q '^proxy ' "$here/heard"
    proxy=$(sed -n 's/^proxy //p' "$here/heard")
}
heard() {
    grep -qxF -- "$1" "$here/heard" || fail "not heard: $1 in: $(cat "$here/heard")"
}
# An upstream with TLS that has one address.
start_tls() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=upstream \
        -addext subjectAltName=IP:127.0.0.1 -keyout "$here/tls.key" -out "$here/tls.pem" 2>/dev/null ||
        fail "no certificate"
    mkdir -p "$here/pages/api/v1/addresses"
    printf 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n%s' \
        '{"postcode":"M1 1AA","country":"England"}' >"$here/pages/api/v1/addresses/M11AA"
    (cd "$here/pages" && exec openssl s_server -accept 127.0.0.1:0 -HTTP -cert "$here/tls.pem" \
        -key "$here/tls.key" >"$here/tls.log" 2>&1) &
    started+=($!)
    eventually grep -q '^ACCEPT ' "$here/tls.log"
    tls=$(sed -n 's/^ACCEPT //p' "$here/tls.log")
}
upstream() {
    set_key 'upstream location' "$1" "$2"
}
probe() {
    "$BUILD/postcoded" -c "$here/pc.ini" --probe "$@" 2>&1
}

start_standin
start_proxy
start_tls
default_keys
set_key log level debug
printf 'wrong\n' >"$here/password"
chmod 600 "$here/password"
upstream proxy "http://pro%20xy@$proxy"
upstream proxy_password_file "$here/password"
upstream auth_prefetch off

# The wrong password: no token.
start_daemon
has "$(ask "$at/M11AA")" '"code":"token_unavailable"'
has "$(logged 'the token endpoint is behind a proxy')" '[upstream] proxy and proxy_password_file'
heard "407 POST http://$api/auth/v1 HTTP/1.1"
has "$(probe M11AA)" 'verdict        failed; look at the user in proxy, and proxy_password_file'
stop_daemon

# The right one; and the wrong one again, once there is a token, so that a lookup meets it.
printf 'hush\n' >"$here/password"
start_daemon
has "$(ask "$at/M11AA")" '"postcode":"M1 1AA"'
heard "200 POST http://$api/auth/v1 HTTP/1.1"
heard "200 GET http://$api/api/v1/addresses/M11AA HTTP/1.1"
has "$(probe M11AA)" 'verdict        ok: token request and lookup succeeded'

printf 'wrong\n' >"$here/password"
kill -HUP "$daemon"
eventually metric_is postcoded_reloads_total 1 'result="success"'
answer=$(ask -i "$at/M11AA")
has "$answer" '"code":"upstream_unreachable"' '"detail":"The upstream is behind a proxy' \
    '[upstream] proxy and proxy_password_file' 'Proxy-Status: postcoded; error=proxy_configuration_error'
heard "407 GET http://$api/api/v1/addresses/M11AA HTTP/1.1"

# By tunnel. The token endpoint stays where it is, so that only lookups need the tunnel.
upstream auth_url "$url/auth/v1"
upstream address "https://$tls"
upstream ca_file "$here/tls.pem"
printf 'hush\n' >"$here/password"
configure
kill -HUP "$daemon"
eventually metric_is postcoded_reloads_total 2 'result="success"'
has "$(ask "$at/M11AA")" '"postcode":"M1 1AA"'
heard "200 CONNECT $tls HTTP/1.1"
has "$(probe M11AA)" 'verdict        ok: token request and lookup succeeded'
printf 'wrong\n' >"$here/password"
kill -HUP "$daemon"
eventually metric_is postcoded_reloads_total 3 'result="success"'
answer=$(ask -i "$at/M11AA")
has "$answer" '"code":"upstream_unreachable"' '[upstream] proxy and proxy_password_file' \
    'Proxy-Status: postcoded; error=proxy_configuration_error'
heard "407 CONNECT $tls HTTP/1.1"

# The password and what is made of it are nowhere; the user may be shown.
print=$("$BUILD/postcoded" -c "$here/pc.ini" --print-config)
has "$print" "proxy = http://pro%20xy@$proxy" "proxy_password_file = $here/password"
lacks "$print$(cat "$here/log")$(operators /metrics)" hush "$(printf 'pro xy:hush' | base64)"
stop_daemon
