#!/bin/bash
# Who may ask, in mode jwt: a signed identity from the cookie or else as Bearer. Whatever is wrong
# with one, the answer is the same, byte for byte, but for its GUID; why stands in a debug line.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

start_standin
default_keys
set_key identity mode jwt
set_key identity key_file identity.key
set_key identity issuer https://id.example
set_key identity audience postcoded
set_key identity forward_header X-User
set_key log level debug
start_daemon

base64url() {
    openssl base64 -A | tr '+/' '-_' | tr -d '='
}
# jwt HEADER CLAIMS [DIGEST [KEY]]: signed with the daemon's key unless told.
jwt() {
    local text
    text=$(printf '%s' "$1" | base64url).$(printf '%s' "$2" | base64url)
    echo "$text.$(printf '%s' "$text" | openssl dgst "-${3:-sha256}" -hmac "${4:-$key}" -binary | base64url)"
}
now=$(date +%s)
head='{"alg":"HS256","typ":"JWT"}'
who='"sub":"ada","iss":"https://id.example","aud":"postcoded"'
good=$(jwt "$head" "{$who,\"exp\":$((now + 600))}")

# Let in: as a cookie among others, as Bearer in any case, minted; the cookie comes first.
allowed() {
    local answer
    answer=$(ask -i "$@" "$at/M11AA")
    has "$answer" " 200 "
}
allowed -b "identity=$good"
has "$(logged 'status=200')" " user=ada "
allowed -b "a=b; identity=$good; c=d"
allowed -H "Authorization: Bearer $good"
allowed -H "authorization: bEARER   $good"
minted=$(mint 'Grace Hopper <g@h>') || fail "nothing minted"
allowed -b "identity=$minted" -H "Authorization: Bearer forged"
has "$(logged 'Grace')" ' user="Grace Hopper <g@h>" '
allowed -b "identity=$(jwt "$head" "{$who,\"exp\":$((now - 10))}")" # within the leeway
other='"sub":"ada","iss":"https://id.example","aud":["x","postcoded"]'
allowed -b "identity=$(jwt "$head" "{$other,\"exp\":$((now + 600))}")"
[ "$(counter lookups_ok)" = 7 ] || fail "$(counter lookups_ok) lookups got through"

# Kept out. The answers are gathered, without what differs from one request to the next.
answer_of() {
    ask -i -w 'status %{http_code}\n' "$@" "$at/M11AA" |
        sed -e 's/[0-9a-f]\{8\}-[0-9a-f-]\{27\}/GUID/g' -e '/^Date:/d'
}
none=$(answer_of)
has "$none" "status 401" "WWW-Authenticate: Bearer" '"code":"unauthorized"' "X-GUID: GUID" \
    "application/problem+json"
lacks "$none" Proxy-Status
# refused REASON JWT: as a cookie and as Bearer.
refused() {
    local answer
    answer=$(answer_of -b "identity=$2")
    [ "$answer" = "$none" ] || fail "$1 is told from nothing: $answer"
    logged "identity rejected: $1" >/dev/null
    answer=$(answer_of -H "Authorization: Bearer $2")
    [ "$answer" = "$none" ] || fail "$1 is told from nothing: $answer"
}
claims="{$who,\"exp\":$((now + 600))}"
refused "expired" "$(jwt "$head" "{$who,\"exp\":$((now - 60))}")"
refused ".*exp" "$(jwt "$head" "{$who}")"
refused ".*" "$(jwt "$head" "{$who,\"exp\":$((now + 600)),\"nbf\":$((now + 60))}")"
refused ".*" "$(jwt "$head" "$claims" sha256 another-key-of-thirty-two-bytes.)"
refused ".*" "${good%?????}AAAAA"
refused ".*" "$(jwt '{"alg":"none"}' "$claims")"
refused ".*" "$(printf '{"alg":"none"}' | base64url).$(printf '%s' "$claims" | base64url)."
refused ".*" "$(jwt '{"alg":"HS512"}' "$claims" sha512)"
refused ".*" "$(jwt '{"alg":"HS384"}' "$claims" sha384)"
refused ".*" "$(jwt '{"alg":"RS256"}' "$claims")"
refused ".*" "$(jwt '{"alg":"HS256","crit":["exp"]}' "$claims")"
refused ".*" "$(jwt '{"alg":"HS256","crit":[]}' "$claims")"
refused ".*" "$(jwt '{"alg":"HS256","alg":"HS256"}' "$claims")"
refused ".*" "$(jwt "$head" '{"sub":"ada","iss":"https://id.example/","aud":"postcoded","exp":9999999999}')"
refused ".*" "$(jwt "$head" '{"sub":"ada","iss":"https://id.example","aud":"x","exp":9999999999}')"
refused ".*" "$(jwt "$head" '{"sub":"ada","aud":"postcoded","exp":9999999999}')"
refused ".*" "$(jwt "$head" '{"iss":"https://id.example","aud":"postcoded","exp":9999999999}')"
refused ".*" "$(jwt "$head" '{"sub":"a\nb","iss":"https://id.example","aud":"postcoded","exp":9999999999}')"
refused ".*" "$(jwt "$head" '{"sub":"","iss":"https://id.example","aud":"postcoded","exp":9999999999}')"
refused ".*" "$(jwt "$head" "{$who,\"exp\":\"9999999999\"}")"
refused ".*" "$good."
refused ".*" " "
refused ".*" x
[ "$(answer_of -b identity=)" = "$none" ] || fail "an empty cookie"
[ "$(answer_of -H 'Authorization: Basic YTpi')" = "$none" ] || fail "Basic"
[ "$(answer_of -b "identity=x" -H "Authorization: Bearer $good")" = "$none" ] ||
    fail "Bearer in the place of a cookie that is no identity"
[ "$(counter lookups)" = 7 ] || fail "the upstream was asked"

# Two of them are neither: ambiguous.
has "$(ask "$at/M11AA" -b "identity=$good; identity=$good")" '"code":"bad_request"' cookies
has "$(ask "$at/M11AA" -H "Cookie: identity=$good" -H "Cookie: a=b")" '"code":"bad_request"'
has "$(ask "$at/M11AA" -H "Authorization: Bearer $good" -H "Authorization: Bearer $good")" \
    '"code":"bad_request"'
[ "$(counter lookups)" = 7 ] || fail "the upstream was asked"

stop_daemon
# Nothing of an identity or its key is in the log, not even at debug.
lacks "$(cat "$here/log")" "$good" "${good##*.}" "$key" "${minted##*.}"
