#!/bin/bash
# The keys of a URL: none yet, there at last, rotated, and a server that answers anything but a set.
# What was obtained stays in use until another set takes its place; what left the set is refused,
# remembered or not.
# shellcheck source=tests/scenario/keys_common.bash
. "$TOP/tests/scenario/keys_common.bash"

new_key a
new_key b
ada=$(identity a ada)
bob=$(identity b bob)

# No server: the daemon runs, lookups are told when to come again, and nobody is let in.
start_standin
start_pages
stop_pages
url_keys "http://$keys_at/jwks?tenant=CANARY"
set_key identity key_refresh 1s
set_key log level debug
start_daemon
logged "identity keys of http://$keys_at/jwks could not be fetched: the server refused the connection" >/dev/null
said=$(ask -i -b "identity=$ada" "$at/M11AA")
has "$said" ' 503 ' '"code":"identity_unavailable"' 'Retry-After: ' \
    'Proxy-Status: postcoded; error=connection_refused'
has "$(ask -i -H "Authorization: Bearer $ada" "$at/M11AA")" '"code":"identity_unavailable"'
has "$(ask -i "$at/M11AA")" ' 401 ' '"code":"unauthorized"'
has "$(operators /readyz -w '%{http_code}')" 503 \
    "identity: no keys of http://$keys_at/jwks: the server refused the connection"
[ "$(metric postcoded_identity_keys)" = 0 ] || fail "keys from nowhere"

# It is asked again and again, and said once.
eventually fetches_at_least failure 3
[ "$(grep -c 'identity keys of .* could not be fetched' "$here/log")" = 1 ] || fail "each failure is logged"

# The server comes.
serve_keys a
start_pages "${keys_at##*:}"
eventually is_ready
has "$(logged 'identity keys of .* taken')" "http://$keys_at/jwks taken: a JWK set"
logged 'fetched again' >/dev/null
eventually status_is "$ada" 200
[ "$(status_of "$bob")" = 401 ] || fail "a key that is not in the set"
grep -qxF 'GET /jwks?tenant=CANARY HTTP/1.1' "$here/heard" || fail "the query is not sent"
[ "$(metric postcoded_identity_keys)" = 1 ] || fail "$(metric postcoded_identity_keys) keys"

# The same set again is nothing new.
asked_again
logged 'identity keys of .* unchanged' >/dev/null
[ "$(grep -c ' taken: ' "$here/log")" = 1 ] || fail "the same set is logged again"

# Rotation: the new key is good beside the old one, then the old one goes, remembered or not.
serve_keys a b
eventually status_is "$bob" 200
[ "$(status_of "$ada")" = 200 ] || fail "the old key is refused while it is in the set"
[ "$(metric postcoded_identity_keys)" = 2 ] || fail "not two keys"
serve_keys b
eventually metric_is postcoded_identity_keys 1
eventually status_is "$ada" 401
for _ in 1 2 3 4; do
    [ "$(status_of "$ada")" = 401 ] || fail "a withdrawn key is accepted"
    [ "$(status_of "$bob")" = 200 ] || fail "the present key is refused"
done

# Whatever else the server says, the last keys stay.
# stays REASON: once a fetch has failed so.
stays() {
    marked "could not be fetched: the server.*$1" >/dev/null
    unharmed "$1"
}
unharmed() {
    [ "$(status_of "$bob")" = 200 ] || fail "the last keys are gone: $1"
    [ "$(status_of "$ada")" = 401 ] || fail "a withdrawn key is accepted: $1"
    is_ready || fail "not ready: $1"
}
answer '500 Internal Server Error' ''
stays 'answers 500'
answer '304 Not Modified' ''
stays 'answers 304'
answer '301 Moved Permanently' '' "Location: http://$keys_at/elsewhere?tenant=CANARY"
stays 'answers 301, and no redirect is followed; write the address'
answer '200 OK' "<!DOCTYPE html><title>Sign in</title>$(printf '%064d' 0)"
stays 'no usable JWK set: '
answer '200 OK' "$(set_of a | head -c 300)"
stays 'no usable JWK set: '
answer '200 OK' '{"issuer":"https://id.example"}'
stays 'no usable JWK set: '
answer '200 OK' "$(set_of a)" 'Content-Encoding: gzip'
stays 'compressed (gzip)'
answer '200 OK' "$(set_of a)$(head -c 1100000 /dev/zero | tr '\0' ' ')"
stays 'sent a body that is too large'
for body in '[]' '' '"keys"' "$(set_of a)x"; do
    answer '200 OK' "$body"
    asked_again
    unharmed "$body"
done
# Endless: a FIFO, whose writer does not end. Silent: another one, whose writer says nothing; in the
# same one the bytes of the first writer could still lie.
rm "$here/answer"
mkfifo "$here/answer"
mark
{
    printf 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{"keys":['
    exec yes ' '
} >"$here/answer" 2>/dev/null &
started+=($!)
stays 'sent a body that is too large'
mkfifo "$here/silent"
exec {silent}<>"$here/silent"
mv -f "$here/silent" "$here/answer"
stays 'did not answer within 10s'
exec {silent}>&-

# And it recovers.
serve_keys a
eventually status_is "$ada" 200
eventually status_is "$bob" 401

# A set without a usable key is a set all the same: the keys that left it are out of use, remembered
# identities too, and the daemon is not ready until there are others.
for body in '{"keys":[]}' '{"keys":[{"kty":"oct","k":"AAAA"}]}'; do
    serve_keys a
    eventually status_is "$ada" 200
    answer '200 OK' "$body"
    eventually status_is "$ada" 503
    has "$(ask -i -b "identity=$ada" "$at/M11AA")" '"code":"identity_unavailable"' 'Retry-After: ' \
        'Proxy-Status: postcoded; error=http_protocol_error'
    [ "$(metric postcoded_identity_keys)" = 0 ] || fail "keys are counted"
    has "$(operators /readyz)" "identity: no keys of http://$keys_at/jwks: " 'JWK set'
done
has "$(logged 'could not be fetched.*empty')" 'there are none, and the next attempt'
serve_keys a
eventually status_is "$ada" 200
is_ready || fail "not ready with keys"
stop_daemon

# Nor is a long URL a reason to say nothing.
set_key identity key_url "http://127.0.0.1:1/$(printf '%01500d' 7)"
start_daemon
eventually grep -q 'could not be fetched' "$here/log"
has "$(operators /readyz)" 'identity: no keys of http://127.0.0.1:1/000' 'refused the connection'
stop_daemon
set_key identity key_url "http://$keys_at/jwks?tenant=CANARY"

# Without key_refresh the server says how often: a tenth is left out at most.
set_key identity key_refresh ''
answer '200 OK' "$(set_of a)" 'Cache-Control: public, max-age=600'
cp "$here/log" "$here/first"
start_daemon
[[ $(logged 'the next fetch is due in') =~ due\ in\ (9m|10m) ]] || fail "$(logged 'due in')"
stop_daemon

lacks "$(cat "$here/first")" CANARY "$ada" "$bob"
lacks "$(cat "$here/log")" CANARY "$ada" "$bob"
