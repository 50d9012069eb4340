#!/bin/bash
# Conditionals where the daemon makes the body itself: its validators are the daemon's own. And
# Cache-Control: no-store of a caller, whose lookup is answered as without a cache.
# shellcheck source=tests/scenario/cache_held_common.bash
. "$TOP/tests/scenario/cache_held_common.bash"

modified='Sun, 06 Nov 1994 08:49:37 GMT'
start_cached
says 'cache_control=public, max-age=3600' "last_modified=$modified" version=1

# conditionals N M: so many came to the stand-in, M of which it answered 304.
conditionals() {
    [ "$(counter lookups_conditional) $(counter lookups_not_modified)" = "$1 $2" ] ||
        fail "$(counter lookups_conditional) conditional, $(counter lookups_not_modified) not modified"
}

# ---- no-store: the caller's conditionals go upstream, and nothing is used, kept or shared ----

look M11AA
etag=$(field ETag)
look M11AA -H 'Cache-Control: no-store' -H "If-None-Match: $etag"
is status 304
is Cache-Status 'postcoded; fwd=bypass'
conditionals 1 1
look M11AA -H 'Cache-Control: no-store' -H 'If-None-Match: "other"'
is status 200
conditionals 2 1
look M11AA -H 'Cache-Control: no-store' -H "If-Modified-Since: $modified"
is status 304
conditionals 3 2
says version=2
look M11AA -H 'Cache-Control: no-store' -H "If-None-Match: $etag"
is status 200
[ "$(version)" = 2 ] || fail "what is kept was given: $body"
conditionals 4 2
upstream_lookups 5
look M11AA # it was not kept
is cache hit
[ "$(version)" = 1 ] || fail "what was to be left out is kept"
look M12AA -H 'Cache-Control: no-store'
items 1

# However it is written: in any of several fields, amid other directives.
for fields_of in 'no-store' 'NO-STORE' ' max-age=0 , no-store' 'no-store=1' 'a="b, c", no-store'; do
    look M11AA -H "Cache-Control: $fields_of"
    is cache fwd=bypass
done
look M11AA -H 'Cache-Control: max-age=0' -H 'cache-control: no-store' -H 'Cache-Control: no-cache'
is cache fwd=bypass
for fields_of in 'no-cache' 'max-age=0' 'min-fresh=99999' 'only-if-cached' 'no-storex' 'x="no-store"' 'max-stale'; do
    look M11AA -H "Cache-Control: $fields_of" -H 'Pragma: no-cache'
    is cache hit
done
cache_counts bypass=11 hit=8
known_lookups=$(counter lookups)

# It is shared with nobody.
says hold=1
begin first M13AA
held 1
begin alone M13AA -H 'Cache-Control: no-store'
held 2
begin joins M13AA
in_flight 3
says hold=0
for name in first alone joins; do
    ended "$name"
    is status 200
done
is_like Cache-Status '.*; collapsed; .*'
upstream_lookups 2

# ---- answer = address: the body is the daemon's, and the upstream's tags are not of it ----

set_key 'upstream location' answer address
reload
before=$(counter lookups_conditional)
look M11AA -H "If-None-Match: $etag"
is status 200
is cache fwd=uri-miss
without ETag Last-Modified
for field in "If-None-Match: $etag" "If-Modified-Since: $modified"; do
    look M11AA -H "$field"
    is status 200
    is cache hit
    without ETag Last-Modified
    has "$body" '"postcode":"M1 1AA"'
    upstream_lookups 1
    known_lookups=$((known_lookups - 1))
done
[ "$(counter lookups_conditional)" = "$before" ] || fail "a conditional went upstream"
# When it is stale the daemon revalidates it by them.
says 'cache_control=public, max-age=0'
look M14AA
look M14AA -H "If-None-Match: $etag"
is status 200
has "$fields" 'fwd=stale; fwd-status=304'
without ETag Last-Modified
has "$body" '"postcode":"M1 4AA"'
[ "$(counter lookups_conditional)" = $((before + 1)) ] || fail "it was not revalidated"
stop_daemon
