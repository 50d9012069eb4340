#!/bin/bash
# What a cache is: the second lookup of a postcode is answered by the daemon, as the first one was,
# and says so. What is another lookup, and what is the same one.
# shellcheck source=tests/scenario/cache_common.bash
. "$TOP/tests/scenario/cache_common.bash"

start_cached
says 'cache_control=public, max-age=3600' version=1

# A miss, and a hit: nothing but Age and Cache-Status is another.
look M11AA -H 'X-GUID: first'
is status 200
is_like Cache-Status 'postcoded; fwd=uri-miss; fwd-status=200; stored; ttl=3(600|599)'
without Age
first=$body
before=$(grep -vi '^\(Date\|X-GUID\|Cache-Status\|Age\|Traceparent\):' <<<"$fields")
upstream_lookups 1

look M11AA -H 'X-GUID: second'
is status 200
is body "$first"
is_like Cache-Status 'postcoded; hit; ttl=3[56][0-9]{2}'
is_like Age '[0-9]{1,2}'
is X-GUID second
[ "$(grep -vi '^\(Date\|X-GUID\|Cache-Status\|Age\|Traceparent\):' <<<"$fields")" = "$before" ] ||
    fail "other fields: $fields, before: $before"
upstream_lookups 0

# What a new call would bring shows that none is made.
says version=2
look M11AA
[ "$(version)" = 1 ] || fail "not what was kept: $body"

# HEAD is a hit of what GET brought, and the other way round; it has no body.
look M11AA --head
is status 200
is_like Cache-Status 'postcoded; hit; .*'
is Content-Length ${#first}
is body ''
look M11AB --head
is cache fwd=uri-miss
look M11AB
is cache hit
is_like body '."postcode":"M1 1AB".*"version":2.'
upstream_lookups 1

# The same postcode in other letters. With a space it is another lookup, for the upstream is asked
# with one; it is forgotten with the rest all the same.
for written in m11aa M11aa %4d11AA; do
    look "$written"
    is cache hit
    is body "$first"
done
look M1%201AA
is cache fwd=uri-miss
look m1%20%201aa
is cache hit
upstream_lookups 1

# Another postcode, another query: other lookups.
look M11AC
is cache fwd=uri-miss
is_like body '."postcode":"M1 1AC".*'
for query in a=b 'a=b&c=d' a=B; do
    look "M11AA?$query"
    is cache fwd=uri-miss
    look "M11AA?$query"
    is cache hit
done
upstream_lookups 4

# What is no lookup of an upstream comes to no cache.
look not-a-postcode!
is status 400
without Cache-Status Age
look ''
without Cache-Status Age

# A caller who wants none of it gets none, and leaves nothing; all else that is asked is not heeded.
look M11AA -H 'Cache-Control: no-store'
is cache fwd=bypass
[ "$(version)" = 2 ] || fail "bypassed: $body"
look M11AD -H 'Cache-Control: max-age=0, no-store'
is cache fwd=bypass
look M11AD
is cache fwd=uri-miss
upstream_lookups 3
look M11AA -H 'Cache-Control: no-cache' -H 'Pragma: no-cache'
is cache hit
look M11AE -H 'Cache-Control: only-if-cached'
is cache fwd=uri-miss
upstream_lookups 1

# What operators see.
cache_counts hit=12 miss=9 bypass=2 stale=0 revalidated=0 joined=0
items 9
has "$(access first)" ' status=200 code=ok ' ' cache=miss' ' upstream_ms='
line=$(access second)
has "$line" ' status=200 code=ok ' ' cache=hit'
lacks "$line" upstream_ms= flight=
lacks "$(cat "$here/log")" ' warning ' ' error '

# What is forgotten is looked up again, in whatever form it was kept.
has "$(forget M11AA)" '5 answers forgotten'
items 4
look M1%201AA
is cache fwd=uri-miss
look M11AC
is cache hit
has "$(forget)" '5 answers forgotten'
items 0
upstream_lookups 1

# Without [cache] there is none of it.
stop_daemon
unset 'setting[cache/max_size]'
start_daemon
eventually is_ready
upstream_lookups 0
look M11AA -H 'X-GUID: third'
look M11AA -H 'X-GUID: fourth'
without Cache-Status Age
upstream_lookups 2
lacks "$(access fourth)" ' cache='
lacks "$(operators /metrics)" postcoded_cache_
stop_daemon
