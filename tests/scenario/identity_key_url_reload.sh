#!/bin/bash
# Reloads and key_url: another URL is fetched before anything changes, and a reload whose set cannot
# be fetched fails; what did not change keeps its keys. A daemon that ends meanwhile ends cleanly.
# shellcheck source=tests/scenario/keys_common.bash
. "$TOP/tests/scenario/keys_common.bash"

new_key a
ada=$(identity a ada)

start_standin
start_pages
stop_pages
default_keys
set_key identity mode jwt
set_key identity key_file identity.key
start_daemon
eventually is_ready
file=$(mint ada) || fail "nothing minted"
[ "$(status_of "$file")" = 200 ] || fail "the key file's identity is refused"
[ "$(metric postcoded_identity_keys)" = 1 ] || fail "no key of the file is counted"

# reload RESULT N: with the configuration as it is set now.
reload() {
    configure
    kill -HUP "$daemon"
    reloaded "$1" "$2"
}

# From the file to a URL without a server: it stays as it was.
set_key identity key_file ''
set_key identity key_url "http://$keys_at/jwks?tenant=CANARY"
reload failure 1
has "$(logged 'no keys could be fetched from')" "[identity] key_url: " \
    "from http://$keys_at/jwks: the server refused the connection" '; fix that, or name another URL'
logged 'reload failed: the configuration stays as it was' >/dev/null
[ "$(status_of "$file")" = 200 ] || fail "the key file's identity is refused after a failed reload"
is_ready || fail "not ready after a failed reload"

# With one that has no set.
answer '200 OK' '<html>'
start_pages "${keys_at##*:}"
reload failure 2
logged 'no keys could be fetched from .*no usable JWK set' >/dev/null
[ "$(status_of "$file")" = 200 ] || fail "the key file's identity is refused after a failed reload"

# With a set: its keys are there from the first lookup on, and the file's are not.
serve_keys a
reload success 1
eventually status_is "$ada" 200
eventually status_is "$file" 401
for _ in 1 2 3 4; do
    [ "$(status_of "$ada")" = 200 ] || fail "the set's key is refused"
    [ "$(status_of "$file")" = 401 ] || fail "the file's key is accepted"
done
is_ready || fail "not ready with the keys of the URL"
has "$("$BUILD/postcoded" -c "$here/pc.ini" --mint-identity ada 2>&1)" 'only a key file can sign'
has "$("$BUILD/postcoded" -c "$here/pc.ini" --check 2>&1)" 'no fault found'
told=$("$BUILD/postcoded" -c "$here/pc.ini" --probe M11AA) || fail "the probe failed: $told"
has "$told" "identity keys  http://$keys_at/jwks: a JWK set" 'verdict        ok: '
answer '404 Not Found' ''
told=$("$BUILD/postcoded" -c "$here/pc.ini" --probe M11AA) && fail "the probe is well: $told"
has "$told" "identity keys  http://$keys_at/jwks: the server answers 404" \
    'verdict        failed; look at key_url'
lacks "$told" CANARY 'verdict        ok'
serve_keys a

# A reload with the same URL does not wait for the set, and has it fetched once more: a key that was
# withdrawn in a hurry is out of use. It keeps its keys without the server.
new_key b
serve_keys b
set_key identity leeway 10s
reload success 2
eventually status_is "$ada" 401
[ "$(status_of "$(identity b ada)")" = 200 ] || fail "the other key is refused after a reload"
serve_keys a
reload success 3
eventually status_is "$ada" 200
stop_pages
set_key identity key_refresh 1s
reload success 4
eventually fetches_at_least failure 3
[ "$(status_of "$ada")" = 200 ] || fail "the keys are gone with another key_refresh"
set_key identity key_refresh ''
reload success 5

# Another URL that cannot be fetched: the present keys stay in use.
set_key identity key_url "http://$keys_at/other"
reload failure 3
[ "$(status_of "$ada")" = 200 ] || fail "the keys are gone after a failed reload"

# Away from the URL and back; keys of before are not there in between.
set_key identity key_url ''
set_key identity mode off
reload success 6
eventually status_is "$ada" 200
[ "$(metric postcoded_identity_keys)" = 0 ] || fail "keys in mode off"
set_key identity mode jwt
set_key identity key_file identity.key
reload success 7
eventually status_is "$ada" 401
eventually status_is "$file" 200
set_key identity key_file ''
set_key identity key_url "http://$keys_at/jwks"
start_pages "${keys_at##*:}"
reload success 8
eventually status_is "$ada" 200

# SIGHUP during the fetch waits for its turn; SIGTERM ends the daemon.
rm "$here/answer"
mkfifo "$here/answer"
exec {silent}<>"$here/answer"
before=$(heard)
set_key identity key_url "http://$keys_at/third"
configure
kill -HUP "$daemon"
eventually heard_at_least $((before + 1))
kill -HUP "$daemon"
[ "$(status_of "$ada")" = 200 ] || fail "refused while a reload fetches"
stop_daemon
lacks "$(cat "$here/log")" CANARY 'configuration reloaded from .*third'
