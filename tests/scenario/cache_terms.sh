#!/bin/bash
# What is kept on the wire and for how long: by as, ttl, ttl_max, negative_ttl and honour; by
# Cache-Control on several lines, Expires, Age and Date; by Vary; and not by what cannot be read. That
# what is kept for a second is not given afterwards. All combinations are in unit/test_cache_terms.
# shellcheck source=tests/scenario/cache_common.bash
. "$TOP/tests/scenario/cache_common.bash"

start_standin --etag 0 --cache-control ''
start_cached

# lives SECONDS: what the last lookup got; a machine that is busy may have taken some of them.
lives() {
    local ttl
    ttl=$(field Cache-Status | sed 's/.*; ttl=//')
    [ "$ttl" -le "$1" ] && [ "$ttl" -ge $(($1 - 4)) ] || fail "ttl=$ttl, not $1"
}
asked=M11AA
# kept SECONDS [NAME=TEXT...]: what the upstream then sends is given again, without a call.
kept() {
    local seconds=$1
    shift
    says "$@"
    forget >/dev/null
    known_lookups=$(counter lookups)
    look "$asked"
    is_like Cache-Status 'postcoded; fwd=uri-miss; fwd-status=(200|404); stored; ttl=[0-9]+'
    lives "$seconds"
    look "$asked"
    is_like Cache-Status 'postcoded; hit; ttl=[0-9]+'
    upstream_lookups 1
}
# not_kept [NAME=TEXT...]
not_kept() {
    says "$@"
    forget >/dev/null
    known_lookups=$(counter lookups)
    look "$asked"
    is_like Cache-Status 'postcoded; fwd=uri-miss; fwd-status=(200|404)'
    look "$asked"
    is_like Cache-Status 'postcoded; fwd=uri-miss; fwd-status=(200|404)'
    upstream_lookups 2
}
# only_stale [NAME=TEXT...]: kept for its ETag, and never given without asking.
only_stale() {
    says etag=1 "$@"
    forget >/dev/null
    look "$asked"
    is_like Cache-Status 'postcoded; fwd=uri-miss; fwd-status=200; stored; ttl=(0|-[0-9]+)'
    look "$asked"
    is_like Cache-Status 'postcoded; fwd=stale; fwd-status=304; stored; ttl=(0|-[0-9]+)'
    says etag=0
}

# ---- as = shared ----

kept 60 'cache_control=public, max-age=60'
kept 60 'cache_control=s-maxage=60'
kept 30 'cache_control=s-maxage=30, max-age=60'
kept 60 'cache_control=max-age=60, must-revalidate'
not_kept cache_control=max-age=60
not_kept 'cache_control=private, max-age=60'
not_kept 'cache_control=public, private, max-age=60'
not_kept 'cache_control=public, no-store, max-age=60'
not_kept cache_control=public # no lifetime, and no validator
not_kept cache_control=
not_kept 'cache_control=public, max-age=60, no-cache'
only_stale cache_control=public
only_stale 'cache_control=public, max-age=60, no-cache'
only_stale 'cache_control=public, max-age=60, max-age=30'
only_stale 'cache_control=public, max-age=a'
only_stale 'cache_control=public, max-age=1.5'

# ---- Expires, Age ----

kept 100 cache_control=public "expires=$(date_in 100)"
kept 60 'cache_control=public, max-age=60' "expires=$(date_in 100)"
not_kept cache_control=public "expires=$(date_in -1)"
not_kept cache_control=public expires=0
says expires=
kept 10 'cache_control=public, max-age=60' age=50
is_like Age '5[0-9]'
not_kept 'cache_control=public, max-age=60' age=60
kept 60 'cache_control=public, max-age=60' age=old # no number
says age=

# ---- Vary: what is sent is the same each time, but for GUID and trace ----

for vary in '' Accept authorization 'Accept, Authorization' Cookie; do
    kept 60 'cache_control=public, max-age=60' "vary=$vary"
done
for vary in '*' 'Accept, *' x-guid 'Accept, X-GUID' traceparent Tracestate If-None-Match 'a b' 'Accept;'; do
    not_kept 'cache_control=public, max-age=60' "vary=$vary"
done
says vary=

# ---- ttl_max, ttl, honour ----

reload ttl_max=30s
kept 30 'cache_control=public, max-age=60'
kept 20 'cache_control=public, max-age=20'
reload ttl_max= ttl=100s
kept 100 cache_control=
kept 100 cache_control=max-age=5
kept 100 cache_control= "expires=$(date_in -100)" age=1000
says expires= age=
not_kept cache_control=no-store
not_kept 'cache_control=private, max-age=60'
not_kept cache_control=no-cache
not_kept cache_control= 'vary=*'
reload honour=off
kept 100 'cache_control=no-store, private, no-cache' 'vary=*' age=1000
says vary= age=
reload honour= ttl=

# ---- as = service ----

reload as=service
kept 60 'cache_control=private, max-age=60'
kept 60 cache_control=max-age=60
kept 60 'cache_control=s-maxage=30, max-age=60'
not_kept cache_control=s-maxage=60
not_kept 'cache_control=private, max-age=60, no-store'
kept 100 cache_control= "expires=$(date_in 100)"
says expires=
reload ttl=100s
kept 100 cache_control=private
reload ttl=

# ---- unknown postcodes ----

knob error_fields=1
asked=QQ11AA
not_kept 'cache_control=public, max-age=60'
reload negative_ttl=50s
kept 50 cache_control=
kept 50 cache_control=max-age=100
kept 50 cache_control=private
kept 10 cache_control=max-age=10
is status 404
has "$body" '"code":"unknown_postcode"'
not_kept cache_control=no-store
not_kept cache_control=no-cache
not_kept cache_control=max-age=0
reload as=shared
kept 50 cache_control= # public is not needed
not_kept cache_control=private
not_kept cache_control= 'vary=*'
says vary=
asked=M11AA
not_kept cache_control=max-age=60
# Other failures are not kept at all.
for code in 400 403 410 429 500 503; do
    says 'cache_control=public, max-age=60' "lookup_status=$code" retry_after=0
    look M12AA
    lacks "$fields" stored
done
items 0
knob lookup_status=0

# ---- a second ends ----

reload as=service negative_ttl=0s
# ends_for NAME=TEXT...: it is kept, and gone before long.
calls_again() {
    look "$asked"
    [ "$(counter lookups)" -gt "$known_lookups" ] || return
    lacks "$(field Cache-Status)" hit
}
ends_for() {
    says "$@"
    forget >/dev/null
    look "$asked"
    is_like Cache-Status 'postcoded; fwd=uri-miss; fwd-status=(200|404); stored; ttl=1'
    known_lookups=$(counter lookups)
    eventually calls_again
    is_like Cache-Status 'postcoded; fwd=(stale|uri-miss); fwd-status=(200|404); stored; ttl=1'
}
ends_for cache_control=max-age=1
reload ttl_max=1s
ends_for cache_control=max-age=60
reload ttl_max= ttl=1s
ends_for cache_control=max-age=60
reload ttl= negative_ttl=1s
asked=QQ11AA
ends_for cache_control=
stop_daemon

# ---- an upstream whose fields are other ones: several lines, two of a kind, an old Date ----

token=$url
usual='{"postcode":"M1 1AA"}'
# raw FIELDS...: an upstream that answers with these besides.
raw() {
    local text
    text=$(printf '%s\r\n' 'HTTP/1.1 200 OK' "Content-Length: ${#usual}" 'Content-Type: application/json' \
        'Connection: close' "$@")
    start_stuck --say "$text"$'\n\r\n'"$usual"
    set_key 'upstream location' address "http://$stuck"
    set_key 'upstream location' auth_url "$token/auth/v1"
    reload
    look M11AA
    is status 200
}
set_key cache as shared
set_key cache negative_ttl ''
start_daemon
eventually is_ready
raw_kept() {
    local seconds=$1
    shift
    raw "$@"
    is_like Cache-Status 'postcoded; fwd=uri-miss; fwd-status=200; stored; ttl=[0-9]+'
    lives "$seconds"
    look M11AA
    is_like Cache-Status 'postcoded; hit; .*'
}
raw_not_kept() {
    raw "$@"
    is Cache-Status 'postcoded; fwd=uri-miss; fwd-status=200'
}
raw_kept 60 'Cache-Control: public' 'Cache-Control: max-age=60'
is Cache-Control 'public, max-age=60'
raw_not_kept 'Cache-Control: public, max-age=60' 'Cache-Control: no-store'
raw_not_kept 'Cache-Control: public, max-age=60' 'Vary: Accept' 'Vary: *'
raw_kept 30 'Cache-Control: public, max-age=60' "Date: $(date_in -30)"
raw_not_kept 'Cache-Control: public, max-age=60' 'Age: 1' 'Age: 2'
raw_not_kept 'Cache-Control: public, max-age=60' "Date: $(date_in 0)" "Date: $(date_in -30)"
raw_not_kept 'Cache-Control: public' "Expires: $(date_in 100)" "Expires: $(date_in 200)"
raw_not_kept $'Cache-Control: public, max-age=60, a=\x01'
stop_daemon
