#!/bin/bash
# A reload keeps all answers unless it changes what an answer means: then nothing of before is found.
# Another max_size begins empty; without [cache] there is none, and what was kept is forgotten.
# shellcheck source=tests/scenario/cache_common.bash
. "$TOP/tests/scenario/cache_common.bash"

start_standin --client-secret-file "$here/standin-secret"
for secret in first second; do
    echo "$secret" >"$here/$secret"
done
chmod 600 "$here/first" "$here/second"
cp "$here/first" "$here/standin-secret"
cache_keys as=service
set_key 'upstream location' client_secret ''
set_key 'upstream location' client_secret_file "$here/first"
start_daemon
eventually is_ready

# kept SECTION KEY VALUE: after a reload with that M11AA is at hand. anew: it is not.
kept() {
    set_key "$@"
    reload
    look M11AA
    is status 200
    [ "$(seen cache)" = hit ] || fail "[$1] $2 = $3 cost the answers"
    upstream_lookups 0
}
anew() {
    set_key "$@"
    reload
    look M11AA
    is status 200
    [ "$(seen cache)" = fwd=uri-miss ] || fail "[$1] $2 = $3: $(seen cache)"
    look M11AA
    is cache hit
    upstream_lookups 1
}
look M11AA
upstream_lookups 1

# ---- how the upstream is reached, how often and how fast; who may ask; what is logged ----

kept log level info
kept server request_timeout 7s
kept server max_in_flight 100
kept 'upstream location' connect_timeout 3s
kept 'upstream location' max_connections 9
kept 'upstream location' rate 100/s
kept 'upstream location' retries 0
kept 'upstream location' max_response_size 2M
kept 'upstream location' auth_token_early_expiry 1m
kept 'upstream location' client_secret_file "$here/first, $here/second"
cp "$here/second" "$here/standin-secret"
kept 'upstream location' client_secret_file "$here/second"
kept identity cookie who
kept log postcodes off
kept cache coalesce off
kept tracker trust_incoming off
set_key 'route some' postcodes M
kept 'route some' upstream location
items 1

# ---- what the upstream answers, how that is read, how long it is kept ----

anew 'upstream location' header.X-Mark one
anew 'upstream location' header.X-Mark two
anew 'upstream location' header.X-Other two
anew 'upstream location' header.X-Mark three
anew 'upstream location' answer address
anew 'upstream location' lookup_target '/api/v1/addresses/{postcode}?of=us'
anew 'upstream location' answer body
anew 'upstream location' lookup_found /town
anew 'upstream location' lookup_failed /error
anew tracker header X-Request
anew cache ttl 10m
anew cache honour off
anew cache as shared
anew cache ttl_max 1h
anew cache negative_ttl 1m
anew cache stale_if_error 1m
anew cache stale_while_revalidate 1m
anew 'upstream location' address "${url/127.0.0.1/localhost}"
anew 'upstream location' auth_scope places
# Another client, which this stand-in does not know: it is not given what the first one was.
set_key 'upstream location' client_id other
reload
look M11AA
is status 503
is cache fwd=uri-miss
set_key 'upstream location' client_id demo
reload
eventually is_ready

# ---- another size ----

look M11AA
known_lookups=$(counter lookups)
[ "$(metric postcoded_cache_items)" -gt 10 ] || fail "$(metric postcoded_cache_items) items"
anew cache max_size 10M
items 1
[ "$(metric postcoded_cache_bytes)" -le 10485760 ] || fail "$(metric postcoded_cache_bytes) bytes"
kept cache coalesce on
items 1
stop_daemon
