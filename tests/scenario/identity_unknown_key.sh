#!/bin/bash
# A token that names a key outside the set: nothing waits, and the set is fetched again, but not
# within 30 s of the last fetch, and once however many ask.
# shellcheck source=tests/scenario/keys_common.bash
. "$TOP/tests/scenario/keys_common.bash"

new_key a
new_key b
# One that is silent about its kid: it is tried for a token of any kid that is not there.
new_key c
sed -i 's/"kid":"c",//' "$here/c.jwk"
ada=$(identity a ada)
bob=$(identity b bob)
start_standin
serve_keys a c
start_pages
url_keys "http://$keys_at/jwks"
start_daemon
eventually is_ready
eventually status_is "$ada" 200
began=$(date +%s%N)
[ "$(heard)" = 1 ] || fail "fetched $(heard) times at the start"

# The key is there from now on, and nobody may look yet: each of these is refused at once.
serve_keys a b c
many() {
    callers --count 8 --requests 200 --expect 401 --header "Cookie: identity=$bob" \
        >"$here/callers" || fail "callers: $(cat "$here/callers")"
}
many
[ "$(heard)" = 1 ] || fail "fetched again within 30 s"

# After 30 s one fetch begins; while it has no answer, many ask, and are refused at once.
mv "$here/answer" "$here/set"
mkfifo "$here/answer"
exec {hold}<>"$here/answer"
until [ "$(heard)" = 2 ]; do
    [ "$(status_of "$bob")" = 401 ] || fail "accepted without a key"
    [ $(($(date +%s%N) - began)) -lt 60000000000 ] || fail "the new key is never fetched"
done
[ $(($(date +%s%N) - began)) -ge 29000000000 ] || fail "fetched within 30 s"
many
[ "$(status_of "$ada")" = 200 ] || fail "the present key is refused during a fetch"
cat "$here/set" >&"$hold"
exec {hold}>&-
eventually status_is "$bob" 200
[ "$(status_of "$ada")" = 200 ] || fail "the other key is gone"
[ "$(heard)" = 2 ] || fail "fetched $(heard) times for one key"
[ "$(fetches success)" = 2 ] || fail "$(fetches success) fetches counted"
stop_daemon
