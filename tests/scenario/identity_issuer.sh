#!/bin/bash
# A real issuer whose keys change while lookups run: RSA, then EC, then Ed25519. Each new key is in
# the key set before it signs, as issuers do it. No identity that is valid is rejected meanwhile,
# and none of a key that was withdrawn is accepted once the set was fetched again.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"
# shellcheck source=tests/scenario/peer_common.bash
. "$TOP/tests/scenario/peer_common.bash"

peer rotation
issuer=${urls[0]}
audience=https://location.example/api

start_standin
default_keys
set_key identity mode jwt
set_key identity key_url "$issuer/jwks"
set_key identity key_refresh 1s
set_key identity issuer "$issuer"
set_key identity audience "https://other.example, $audience"
set_key identity require.scope lookup
set_key identity user_claim client_id
start_daemon
eventually is_ready

# keys LINE...: the issuer's from now on; the first signs.
keys() {
    printf '%s\n' "$@" | ask -f -X PUT --data-binary @- "$issuer/control/keys" >"$here/keys" ||
        fail "the issuer takes no keys"
}
# identify: an identity, in `identity`.
identify() {
    local answer
    answer=$(ask -f -u caller:secret -d grant_type=client_credentials -d scope=lookup \
        -d "resource=$audience" "$issuer/token") || fail "the issuer gives no token"
    identity=$(sed 's/.*"access_token":"\([^"]*\)".*/\1/' <<<"$answer")
}
status() {
    ask -o "$here/answer.$BASHPID" -w '%{http_code}' -H "Authorization: Bearer $1" "$at/M11AA"
}
refused() {
    [ "$(status "$1")" = 401 ]
}

# Lookups, one after the other, with the identities of $here/valid, which is replaced as a whole.
# Each round leaves a line.
valid() {
    printf '%s\n' "$@" >"$here/valid.new"
    mv "$here/valid.new" "$here/valid"
}
look_up() {
    local token got
    while :; do
        while read -r token; do
            got=$(status "$token")
            [ "$got" = 200 ] || echo "$got for $token" >>"$here/rejected"
        done <"$here/valid"
        echo round >>"$here/rounds"
    done
}
rounds() {
    wc -l <"$here/rounds"
}
further() {
    [ "$(rounds)" -ge "$1" ]
}
# Two more rounds: the second began after this was called.
another_round() {
    eventually further $(($(rounds) + 2))
}
all_accepted() {
    [ ! -e "$here/rejected" ] || fail "rejected: $(cat "$here/rejected") $(tail -n 3 "$here/log")"
}

identify
old=$identity
[ "$(status "$old")" = 200 ] || fail "$(cat "$here"/answer.*)"
has "$(logged status=200)" user=caller
valid "$old"
: >"$here/rounds"
look_up &
started+=("$!")
another_round

# replace OLD NEW: lines of keys. The new one is published, signs, and is alone.
replace() {
    keys "$1" "$2"
    eventually metric_is postcoded_identity_keys 2
    another_round
    keys "$2" "$1"
    identify
    valid "$old" "$identity" # an identity of the old key is as good as before
    another_round
    valid "$identity"
    another_round
    keys "$2"
    eventually metric_is postcoded_identity_keys 1
    eventually refused "$old"
    has "$(logged 'status=401')" reason=unknown_key
    another_round
    refused "$old" || fail "accepted again"
    all_accepted
    old=$identity
}
replace 'first RS256' 'second ES256'
replace 'second ES256' 'third EdDSA'
replace 'third EdDSA' 'fourth PS256'

# A key set without a change is no news to anyone.
fetches=$(ask "$issuer/control/fetches")
fetched_more() {
    [ "$(ask "$issuer/control/fetches")" -gt $((fetches + 1)) ]
}
taken() {
    grep -c ' taken: ' "$here/log"
}
lines=$(taken)
[ "$lines" -ge 7 ] || fail "$lines changed sets"
eventually fetched_more
[ "$(taken)" = "$lines" ] || fail "$(tail "$here/log")"
another_round
all_accepted
