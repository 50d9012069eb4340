#!/bin/bash
# Who may ask, in mode jwt: a signed identity from the cookie or else as Bearer. Whatever is wrong
# with one, the answer is the same, byte for byte, but for its GUID; why stands in the access line, in
# a metric and in a debug line. One that lacks a required claim is told so, with 403.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

start_standin
default_keys
set_key identity mode jwt
set_key identity key_file identity.key
set_key identity issuer https://id.example
set_key identity audience 'other, postcoded'
set_key identity forward_header X-User
set_key server workers 1 # what one remembers, it is asked about again
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
# White space around a value is no part of it; an empty cookie counts as none.
tab=$'\t'
allowed -H "Authorization: Bearer $good "
allowed -H "Authorization: Bearer $good$tab $tab"
allowed -H "Authorization: $tab Bearer   $good "
allowed -H "Cookie: identity=$good $tab"
allowed -H "Cookie: identity= \"$good\" ; a=b"
allowed -H "Cookie: identity=" -H "Authorization: Bearer $good"
allowed -H "Cookie: identity=\"\"; identity= ;a=b" -H "Authorization: Bearer $good"
allowed -H "Cookie: identity=; identity=$good"
allowed -H "Host: h $tab" -H "Authorization: Bearer $good"
has "$(ask -i -b "identity=$good" -H "X-GUID: w-1 " "$at/M11AA")" "X-GUID: w-1"
[ "$(counter lookups_ok)" = 17 ] || fail "$(counter lookups_ok) lookups got through"
lacks "$(cat "$here/log")" reason=

# Kept out. The answers are gathered, without what differs from one request to the next.
answer_of() {
    ask -i -w 'status %{http_code}\n' "$@" "$at/M11AA" |
        sed -e 's/[0-9a-f]\{8\}-[0-9a-f-]\{27\}/GUID/g' -e '/^Date:/d'
}
none=$(answer_of)
has "$none" "status 401" "WWW-Authenticate: Bearer" '"code":"unauthorized"' "X-GUID: GUID" \
    "application/problem+json"
lacks "$none" Proxy-Status
# counted_as REASON: how many were.
counted_as() {
    metric postcoded_identity_rejected_total "reason=\"$1\""
}
# refused REASON DEBUG CURL-ARGUMENT...: like no identity at all, and it is logged why.
rejected=0
refused() {
    local answer line before guid
    rejected=$((rejected + 1))
    guid=00000000-0000-4000-8000-$(printf %012d $rejected) # as long as one of the daemon's
    before=$(counted_as "$1")
    answer=$(answer_of -H "X-GUID: $guid" "${@:3}")
    [ "$answer" = "$none" ] || fail "$1 is told from nothing: $answer"
    line=$(logged "GUID: $guid - request")
    has "$line" " status=401 code=unauthorized reason=$1 bytes="
    [ "$(counted_as "$1")" = $((before + 1)) ] || fail "$1 is not counted"
    [ -z "$2" ] || grep -q "GUID: $guid - identity rejected: $2" "$here/log" ||
        fail "no debug line of $1"
}
# bad REASON DEBUG JWT: as a cookie and as Bearer.
bad() {
    refused "$1" "$2" -b "identity=$3"
    refused "$1" "$2" -H "Authorization: Bearer $3"
}
claims="{$who,\"exp\":$((now + 600))}"
bad expired "expired" "$(jwt "$head" "{$who,\"exp\":$((now - 60))}")"
bad malformed ".*" "$(jwt "$head" "{$who}")"
bad not_yet "not valid yet" "$(jwt "$head" "{$who,\"exp\":$((now + 600)),\"nbf\":$((now + 60))}")"
bad signature ".*" "$(jwt "$head" "$claims" sha256 another-key-of-thirty-two-bytes.)"
bad signature ".*" "${good%?????}AAAAA"
bad algorithm ".*" "$(jwt '{"alg":"none"}' "$claims")"
bad algorithm ".*" "$(printf '{"alg":"none"}' | base64url).$(printf '%s' "$claims" | base64url)."
# Not for this key; with 401 like all others, whatever the reason is called.
for bits in 384 512; do
    [ "$(answer_of -b "identity=$(jwt "{\"alg\":\"HS$bits\"}" "$claims" sha$bits)")" = "$none" ] ||
        fail "HS$bits"
done
bad unknown_key ".*" "$(jwt '{"alg":"RS256"}' "$claims")"
bad malformed ".*crit" "$(jwt '{"alg":"HS256","crit":["exp"]}' "$claims")"
bad malformed ".*crit" "$(jwt '{"alg":"HS256","crit":[]}' "$claims")"
bad malformed ".*" "$(jwt '{"alg":"HS256","alg":"HS256"}' "$claims")"
bad issuer "iss " "$(jwt "$head" '{"sub":"ada","iss":"https://id.example/","aud":"postcoded","exp":9999999999}')"
bad audience "aud " "$(jwt "$head" '{"sub":"ada","iss":"https://id.example","aud":"x","exp":9999999999}')"
bad issuer "iss " "$(jwt "$head" '{"sub":"ada","aud":"postcoded","exp":9999999999}')"
bad claim ".*user" "$(jwt "$head" '{"iss":"https://id.example","aud":"postcoded","exp":9999999999}')"
bad claim ".*user" "$(jwt "$head" '{"sub":"a\nb","iss":"https://id.example","aud":"postcoded","exp":9999999999}')"
bad claim ".*user" "$(jwt "$head" '{"sub":"","iss":"https://id.example","aud":"postcoded","exp":9999999999}')"
bad malformed ".*" "$(jwt "$head" "{$who,\"exp\":\"9999999999\"}")"
bad malformed ".*" "$good."
refused absent "" -b "identity= "
refused absent "" -H "Authorization: Bearer "
bad malformed ".*" x
refused absent "" -b a=b
refused absent "" -b identity=
refused absent "" -b 'identity=""'
refused absent "" -H 'Authorization: Basic YTpi'
# No Bearer in the place of a cookie that is no identity.
refused malformed ".*" -b "identity=x" -H "Authorization: Bearer $good"
[ "$(counter lookups)" = 17 ] || fail "the upstream was asked"

# Two of them are neither: ambiguous.
has "$(ask "$at/M11AA" -b "identity=$good; identity=$good")" '"code":"bad_request"' cookies
has "$(ask "$at/M11AA" -H "Cookie: identity=$good" -H "Cookie: a=b")" '"code":"bad_request"'
has "$(ask "$at/M11AA" -H "Authorization: Bearer $good" -H "Authorization: Bearer $good")" \
    '"code":"bad_request"'
[ "$(counter lookups)" = 17 ] || fail "the upstream was asked"

# Another user's claim, required claims and a longest lifetime, by a reload.
reloads=0
reload_with() {
    mkdir -p "$here/pc.ini.d"
    printf '[identity]\n%s\n' "$1" >"$here/pc.ini.d/x.ini"
    reloads=$((reloads + 1))
    kill -HUP "$daemon"
    eventually metric_is postcoded_reloads_total "$reloads" 'result="success"'
}
reload_with 'user_claim = email
require.scope = postcodes
require./realm_access/roles = lookup
require.https://example.com/verified = true
max_lifetime = 30m'
mail='"email":"ada@id.example","iss":"https://id.example","aud":"postcoded"'
realm='"realm_access":{"roles":["admin","lookup"]},"https://example.com/verified":true'
full="{$mail,$realm,\"scope\":\"openid postcodes\",\"exp\":$((now + 600))}"
allowed -b "identity=$(jwt "$head" "$full")"
has "$(logged 'status=200')" " user=ada@id.example "
minted=$(mint 'Grace Hopper <g@h>' --ttl 30m) || fail "nothing minted"
mint ada >/dev/null || fail "the default of --ttl is longer than max_lifetime"
allowed -b "identity=$minted"
mint ada --ttl 31m >/dev/null 2>"$here/said" && fail "minted for longer than max_lifetime"
has "$(cat "$here/said")" max_lifetime
bad claim ".*max_lifetime" "$(jwt "$head" "${full/$((now + 600))/$((now + 7200))}")"
bad claim ".*user" "$good"

# forbidden JWT: 403, which says what is needed and not what there is; twice, for it is not
# remembered as good.
forbidden() {
    local answer before i
    for i in 1 2; do
        before=$(counted_as claim)
        answer=$(ask -i -H "X-GUID: f-1" -b "identity=$1" "$at/M11AA")
        has "$answer" " 403 " '"code":"forbidden"' '\"scope\" with \"postcodes\"' \
            '\"/realm_access/roles\" with \"lookup\"' 'application/problem+json' \
            'WWW-Authenticate: Bearer realm="postcoded", error="insufficient_scope"'
        lacks "$answer" openid admin
        has "$(logged 'GUID: f-1 - request')" \
            " status=403 code=forbidden reason=claim user=ada@id.example "
        [ "$(counted_as claim)" = $((before + 1)) ] || fail "a 403 is not counted"
    done
}
forbidden "$(jwt "$head" "${full/ postcodes/ postcodes2}")"
forbidden "$(jwt "$head" "${full/\"scope\"/\"Scope\"}")"
forbidden "$(jwt "$head" "${full/lookup/look}")"
forbidden "$(jwt "$head" "${full/:true/:false}")"
# A bad one is not told what is required.
bad expired "" "$(jwt "$head" "{$mail,\"exp\":$((now - 600))}")"
[ "$(metric postcoded_requests_total 'code="forbidden",status="403"')" = 8 ] || fail "8 were forbidden"
[ "$(counter lookups)" = 19 ] || fail "the upstream was asked"
reload_with ""
allowed -b "identity=$good"

stop_daemon
# Nothing of an identity or its key is in the log, not even at debug.
lacks "$(cat "$here/log")" "$good" "${good##*.}" "$key" "${minted##*.}"
