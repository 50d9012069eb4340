#!/bin/bash
# Token servers that others wrote: oidc-provider, which is strict, and whose tokens an API verifies;
# and oauth2-mock-server, made slow, failing and odd. Both from npm, installed when first wanted.
. "$TOP/tests/scenario/token_common.bash"

# shellcheck source=tests/scenario/peer_common.bash
. "$TOP/tests/scenario/peer_common.bash"

# as CLIENT SECRET AUTH_CLIENT: who asks.
as() {
    client=$1 secret=$2
    printf %s "$secret" >"$here/client.secret"
    chmod 600 "$here/client.secret"
    upstream client_id "$client"
    upstream client_secret_file "$here/client.secret"
    upstream auth_client "$3"
}
well() {
    probe 'M1 1AA'
    [ "$verdict" = 0 ] || fail "$told"
    has "$told" 'ok: token request and lookup succeeded' "$@"
}
not_well() {
    probe
    [ "$verdict" = 1 ] || fail "$told"
    has "$told" 'failed; look at ' "$@"
}

# ---- oidc-provider ----

certificate() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
        -keyout "$here/$1.key" -out "$here/$1.pem" -subj "/CN=$1" \
        -addext "subjectAltName=DNS:localhost" 2>"$here/openssl" || fail "$(cat "$here/openssl")"
}
certificate server
certificate client
cat "$here/client.pem" >"$here/clients.pem"

# private_key NAME ARGUMENT...: NAME.key, and its public half in public/NAME.pem.
private_key() {
    openssl genpkey -out "$here/$1.key" "${@:2}" 2>"$here/openssl" &&
        openssl pkey -in "$here/$1.key" -pubout -out "$here/public/$1.pem" 2>"$here/openssl" ||
        fail "$(cat "$here/openssl")"
    chmod 600 "$here/$1.key"
}
mkdir "$here/public"
private_key rsa -algorithm RSA -pkeyopt rsa_keygen_bits:2048
private_key p256 -algorithm EC -pkeyopt ec_paramgen_curve:P-256
private_key p384 -algorithm EC -pkeyopt ec_paramgen_curve:P-384
private_key ed25519 -algorithm ED25519
# As a JWK, which asks for PS256.
node -e '
    const key = require("crypto").createPrivateKey(require("fs").readFileSync(0));
    const jwk = { ...key.export({ format: "jwk" }), alg: "PS256", kid: "rsa" };
    console.log(JSON.stringify(jwk));
' <"$here/rsa.key" >"$here/rsa.jwk" || fail "no JWK"
chmod 600 "$here/rsa.jwk"

peer oidc "$here/server.key" "$here/server.pem" "$here/clients.pem" "$here/public"/*.pem
default_keys
set_key log level debug
upstream client_secret ''
upstream address "${urls[0]}"
upstream auth_path /token
upstream auth_scope lookup

# A new user's way: each step that is missing is named.
as post 'CANARY of+the/%&=: post' ''
not_well 'look at auth_flow' client_credentials
upstream auth_flow client_credentials
as 'de mo:+%/~' 'CANARY of+the/%&=: basic' ''
well 'response       200' 'lifetime       7s' 'token type     Bearer'
as 'de mo:+%/~' 'CANARY, another' ''
not_well 'responded with 401: invalid_client' 'look at client_id' 'auth_client = post'
as post 'CANARY of+the/%&=: post' post
well
upstream auth_scope 'lookup else'
not_well 'responded with 400: invalid_scope' 'look at auth_scope'
upstream auth_scope lookup
upstream auth_path /tokens
not_well 'look at auth_path'
upstream auth_path /token

# JWTs for a resource, verified at each lookup, through a renewal under load.
as 'de mo:+%/~' 'CANARY of+the/%&=: basic' basic
upstream auth_param.resource https://location.example/api
upstream auth_budget 0
set_key log level info
well
begin
eventually is_ready
callers --count 2 --seconds 7 --expect 200 >"$here/load" || fail "$(cat "$here/load")"
about "$(token generation)" 2 3 || fail "$(admin /tokens)"
stop_daemon
grep ' waited_for_token=true ' "$here/log" && fail "these waited for a token"
set_key log level debug

# Over TLS, with a CA of its own, then for those with a certificate alone.
upstream address "${urls[1]}"
not_well 'certificate that does not verify' 'ca_file'
upstream ca_file "$here/server.pem"
well
upstream address "${urls[2]}"
not_well 'client_certificate'
upstream client_certificate "$here/client.pem"
upstream client_key "$here/client.key"
well
begin
eventually is_ready
[ "$(look_status)" = 200 ] || fail "over TLS"
stop_daemon

# The certificate takes the place of the secret: only the id is sent.
upstream client_secret_file ''
upstream auth_client tls
upstream client_id mutual
well
upstream client_id post
not_well 'responded with 401: invalid_client' 'look at client_id and client_certificate'

# A private key in place of a secret. The daemon asks again and again, each time with another jti.
signs() {
    upstream client_id "$1"
    upstream auth_key_file "$here/$2"
}
upstream client_certificate ''
upstream client_key ''
upstream ca_file ''
upstream client_secret_file ''
upstream auth_param.resource ''
upstream auth_budget ''
upstream address "${urls[0]}"
upstream auth_client private_key_jwt
for name in rsa p256 p384 ed25519; do
    signs "$name" "$name.key"
    well 'lifetime       7s'
done
signs rsa rsa.jwk
well
upstream auth_key_id another
not_well 'responded with 401: invalid_client'
upstream auth_key_id rsa
well
signs rsa p256.key
not_well 'responded with 401: invalid_client'
signs ed25519 ed25519.key
upstream auth_key_id ''
begin
eventually is_ready
has_generation() {
    about "$(token generation)" "$1" 99
}
for generation in 2 3 4; do
    [ "$(press refresh)" = 202 ] || fail "a refresh"
    eventually has_generation "$generation"
done
[ "$(look_status)" = 200 ] || fail "with a private key"
stop_daemon

# The assertion is the grant, and there is no other proof of the client.
upstream auth_client ''
upstream auth_flow jwt_bearer
for name in rsa p256 p384 ed25519; do
    signs "$name-grant" "$name.key"
    well 'lifetime       7s'
done
upstream auth_subject somebody
well
upstream auth_audience https://another.example/
not_well 'responded with 400: invalid_grant'
upstream auth_audience "${urls[0]}"
well
upstream auth_scope 'lookup else'
not_well 'responded with 400: invalid_scope'

cat "$said" "$here/log" >"$here/all"
for name in rsa p256 p384 ed25519; do
    grep -qF -f <(grep -v -e '-----' "$here/$name.key") "$here/all" && fail "a line of $name.key"
done

# ---- oauth2-mock-server ----

setting=()
peer mock
default_keys
set_key log level debug
upstream client_secret ''
upstream address "${urls[0]}"
upstream auth_path /token
upstream auth_flow client_credentials
as demo 'CANARY' ''
odd() {
    upstream auth_param.odd "$1"
}

well 'lifetime       20m'
odd no_type
well 'token type     Bearer'
odd no_lifetime
well "(auth_token_default_lifetime)" 'does not say how long'
odd lifetime_as_text
well 'lifetime       20m'
odd lifetime_fraction
well 'lifetime       20m'
odd other_type
well 'token type     N_A' 'not Bearer'
odd created
well 'response       201'
odd lifetime_null
well "(auth_token_default_lifetime)" 'does not say how long'
odd array
not_well 'not a JSON object' 'not as a token endpoint does'
odd no_token
not_well 'access_token: missing'
odd token_object
not_well 'access_token: not a string'
odd accepted
not_well 'responded with 202'
odd down
not_well 'responded with 503' 'continue asking'
odd invalid_scope
not_well 'invalid_scope (there is no such scope)' 'look at auth_scope'
odd ''
upstream auth_param.delay 10000
upstream auth_timeout 100ms
not_well 'did not respond within 100ms' 'auth_timeout'
upstream auth_timeout ''
upstream auth_param.delay 1200
well 'it took over a second'

# Slow: those who wait get the one token that comes.
upstream auth_prefetch off
begin
callers --count 50 --expect 200 >"$here/load" || fail "$(cat "$here/load")"
[ "$(token requests_last_hour)" = 1 ] || fail "$(admin /tokens)"
