#!/bin/bash
# A set of keys over https: the server's certificate must be one of an authority in key_ca_file; and
# a server elsewhere is fetched from by a tunnel of [upstream] proxy, whose user it never sees. A
# server on this machine is not.
#
# In namespaces of its own, where /etc/hosts names the server.
# shellcheck source=tests/scenario/keys_common.bash
. "$TOP/tests/scenario/keys_common.bash"

in_namespaces --mount
printf '127.0.0.1 localhost\n127.0.0.1 keys.example\n' >"$here/hosts"
echo "hosts: files" >"$here/nsswitch.conf"
instead hosts nsswitch.conf

# certificate NAME: a self-signed one of the server, $here/NAME.crt and .key.
certificate() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=keys \
        -addext subjectAltName=DNS:keys.example,DNS:localhost -keyout "$here/$1.key" \
        -out "$here/$1.crt" 2>/dev/null || fail "no certificate"
}
certificate server
certificate other
new_key a
ada=$(identity a ada)
serve_keys a
(cd "$here" && exec openssl s_server -accept 127.0.0.1:0 -HTTP -cert server.crt -key server.key \
    >"$here/tls.log" 2>&1) &
started+=($!)
eventually grep -q '^ACCEPT ' "$here/tls.log"
tls=$(sed -n 's/^ACCEPT .*:\([0-9]*\)$/\1/p' "$here/tls.log")

start_standin
url_keys "https://localhost:$tls/answer"
set_key log level debug

# The wrong authority: named, with the key to look at; and as one of a proxy's errors.
cp "$here/other.crt" "$here/ca.crt"
set_key identity key_ca_file "$here/ca.crt"
start_daemon
has "$(logged 'could not be fetched')" 'has a certificate that does not verify' \
    '; [identity] key_ca_file names the authorities to trust'
has "$(ask -i -b "identity=$ada" "$at/M11AA")" 'error=tls_certificate_error'
[[ $(operators /readyz) == *'does not verify'* ]] || fail "$(operators /readyz)"

# The right one, in its place: a reload takes it, for the file counts and not only its name.
cp "$here/server.crt" "$here/ca.crt"
kill -HUP "$daemon"
reloaded success 1
eventually status_is "$ada" 200
is_ready || fail "not ready"
stop_daemon

# Through the proxy, where the server is elsewhere; with the wrong password that is named.
: >"$here/proxied"
"$driver/proxy" "$(printf 'pro xy:hush' | base64)" >"$here/proxied" &
started+=($!)
eventually grep -q '^proxy ' "$here/proxied"
printf 'wrong\n' >"$here/password"
chmod 600 "$here/password"
set_key 'upstream location' proxy "http://pro%20xy@$(sed -n 's/^proxy //p' "$here/proxied")"
set_key 'upstream location' proxy_password_file "$here/password"
set_key identity key_url "https://keys.example:$tls/answer"
start_daemon
has "$(logged 'could not be fetched')" 'is behind a proxy' '[upstream] proxy and proxy_password_file'
eventually grep -qxF "407 CONNECT keys.example:$tls HTTP/1.1" "$here/proxied"
printf 'hush\n' >"$here/password"
kill -HUP "$daemon"
reloaded success 1
eventually status_is "$ada" 200
grep -qxF "200 CONNECT keys.example:$tls HTTP/1.1" "$here/proxied" || fail "$(cat "$here/proxied")"
stop_daemon
set_key identity key_url "https://localhost:$tls/answer"
start_daemon
eventually status_is "$ada" 200
! grep -q "CONNECT localhost" "$here/proxied" || fail "loopback through the proxy"
stop_daemon
lacks "$(cat "$here/log")" "$ada" hush
