#!/bin/bash
# What comes before the cache: identity, claims, path, route, query and quota are judged though an
# answer is at hand, and what they refuse is no lookup of the cache's.
# shellcheck source=tests/scenario/cache_common.bash
. "$TOP/tests/scenario/cache_common.bash"

base64url() {
    openssl base64 -A | tr '+/' '-_' | tr -d '='
}
# jwt CLAIMS: signed with the daemon's key.
jwt() {
    local text
    text=$(printf '%s' '{"alg":"HS256"}' | base64url).$(printf '{"exp":%s,%s}' $(($(date +%s) + 600)) "$1" | base64url)
    echo "$text.$(printf '%s' "$text" | openssl dgst -sha256 -hmac "$key" -binary | base64url)"
}
# refused STATUS CODE [LOOK-ARGUMENT...]: by what comes before the cache, which does not count it.
refused() {
    local hits misses
    hits=$(cache_count hit) misses=$(cache_count miss)
    look "${@:3}"
    is status "$1"
    [ -z "$body" ] || has "$body" "\"code\":\"$2\""
    without Cache-Status Age
    [ "$(cache_count hit) $(cache_count miss)" = "$hits $misses" ] || fail "it was counted"
    upstream_lookups 0
}
at_hand() {
    look "$@"
    is status 200
    is cache hit
    upstream_lookups 0
}

start_cached as=service # what the stand-in says is private, and good for a day
look M11AA
is cache fwd=uri-miss
upstream_lookups 1
at_hand M11AA

# ---- who asks: all know no user at the upstream, so that what is at hand would do for all ----

set_key identity mode jwt
set_key identity key_file identity.key
set_key identity require.scope postcodes
reload
refused 401 unauthorized M11AA
refused 401 unauthorized M11AA -b identity=forged
refused 401 unauthorized M11AA --head
refused 401 unauthorized M11AA -H 'Cache-Control: no-store'
ada=$(jwt '"sub":"ada","scope":"other"')
refused 403 forbidden M11AA -b "identity=$ada"
refused 403 forbidden M11AA -b "identity=$ada" -H 'If-None-Match: *'
at_hand M11AA -b "identity=$(jwt '"sub":"ada","scope":"postcodes"')"
at_hand M11AA -b "identity=$(jwt '"sub":"bob","scope":"postcodes"')" # it was not asked for by user

# ---- method, path, postcode, header section ----

set_key identity mode off
set_key identity require.scope ''
reload
for method in POST PUT DELETE OPTIONS PATCH; do
    refused 405 method_not_allowed M11AA -X "$method"
    is Allow 'GET, HEAD'
done
refused 400 invalid_postcode 'M11AA!'
at=http://$address/api refused 404 not_found M11AA
refused 431 too_large M11AA -H "X-Much: $(printf '%09000d' 0)"
at_hand M11AA

# ---- the route: what no route covers any more is not given ----

set_key 'route some' upstream location
set_key 'route some' postcodes SW
reload
refused 404 not_found M11AA
refused 404 not_found M11AA --head
set_key 'route some' postcodes M1
reload
at_hand M11AA

# ---- the query ----

refused 400 bad_request 'M11AA?a=%zz'
set_key 'upstream location' lookup_target '/api/v1/addresses/{postcode}?of=us'
reload
look M11AA
is cache fwd=uri-miss
upstream_lookups 1
at_hand M11AA
refused 400 bad_request 'M11AA?of=us'

# ---- the quota: it is of lookups, whoever answers them ----

set_key identity mode plain
set_key quota per_user 1/h
set_key quota burst 3
reload
at_hand M11AA -b identity=ada
at_hand M11AA -b identity=ada --head
at_hand M11AA -b identity=ada
refused 429 quota_exceeded M11AA -b identity=ada
refused 429 quota_exceeded M11AA -b identity=ada --head
is_like Retry-After '[0-9]+'
at_hand M11AA -b identity=bob
stop_daemon
