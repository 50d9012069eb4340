#!/bin/bash
# If-None-Match and If-Modified-Since are judged by the daemon, by the answer that the caller would
# get, and do not go upstream: of what is at hand and of what is just brought. A 304 leaves the
# connection as it was. Cache-Control: no-store leaves the lookup out, its conditionals too.
# shellcheck source=tests/scenario/cache_common.bash
. "$TOP/tests/scenario/cache_common.bash"

modified='Sun, 06 Nov 1994 08:49:37 GMT'
start_cached
says 'cache_control=public, max-age=3600' "last_modified=$modified"

# conditional STATUS CACHE [CURL-ARGUMENT...]: of M11AA.
conditional() {
    look M11AA "${@:3}"
    is status "$1"
    is cache "$2"
    [ "$1" = 304 ] || return 0
    is body ''
    without Content-Type Transfer-Encoding
    is ETag "$etag"
    is Last-Modified "$modified"
    is Cache-Control 'public, max-age=3600'
    is_like Cache-Status 'postcoded; .*'
    [ -n "$(field X-GUID)" ] || fail "no GUID"
    [ -n "$(field Date)" ] || fail "no Date"
}
not_modified() {
    conditional 304 hit "$@"
    is_like Age '[0-9]+'
}
whole() {
    conditional 200 hit "$@"
    is ETag "$etag"
}

# ---- of what is just brought ----

look M11AA --head
etag=$(field ETag)
forget >"$here/forgotten"
conditional 304 fwd=uri-miss -H "If-None-Match: $etag"
without Age
forget >"$here/forgotten"
conditional 304 fwd=uri-miss -H "If-Modified-Since: $modified"
forget >"$here/forgotten"
conditional 200 fwd=uri-miss -H 'If-None-Match: "other"'
upstream_lookups 4

# ---- If-None-Match of what is at hand ----

for tags in "$etag" "W/$etag" "*" " * " "\"a\", $etag" "W/\"a\" ,W/$etag" ",, $etag" "\"a,b\",$etag, \"c\""; do
    not_modified -H "If-None-Match: $tags"
done
for tags in '"other"' "${etag//\"/}" "\"x\", W/\"y\"" "\"${etag//\"/}x\"" "\"*\"" "w/$etag" "\"a, ${etag//\"/}\""; do
    whole -H "If-None-Match: $tags"
done

# ---- If-Modified-Since; If-None-Match goes before it ----

for date in "$modified" 'Sunday, 06-Nov-94 08:49:37 GMT' 'Sun Nov  6 08:49:37 1994' "$(date_in -60)"; do
    not_modified -H "If-Modified-Since: $date"
done
for date in 'Sun, 06 Nov 1994 08:49:36 GMT' 'yesterday' "$(date_in -1)Z" 0; do
    whole -H "If-Modified-Since: $date"
done
whole -H 'If-None-Match: "other"' -H "If-Modified-Since: $modified"
not_modified -H "If-None-Match: $etag" -H 'If-Modified-Since: Sun, 06 Nov 1994 08:49:36 GMT'

# ---- HEAD ----

not_modified --head -H "If-None-Match: $etag"
not_modified --head -H "If-Modified-Since: $modified"
whole --head -H 'If-None-Match: "other"'

# ---- what others might answer by is not heeded ----

for field in 'If-Match: "other"' "If-Unmodified-Since: $(date_in -1000000000)" 'Range: bytes=0-1' 'If-Range: "x"'; do
    whole -H "$field"
done
upstream_lookups 0
[ "$(counter lookups_conditional)" = 0 ] || fail "a caller's conditional went upstream"

# ---- a problem is none: what is unknown has no tag ----

look ZZ99ZZ -H 'If-None-Match: *'
is status 404
look M14AA -H "If-None-Match: $etag" # of another postcode
is status 200

# ---- the connection after a 304: the answer that follows is whole, on the same connection ----

for path in M11AA M15AA; do # at hand; and brought
    ask -H 'If-None-Match: *' -w '%{http_code} %{num_connects} %{size_download}\n' -D "$here/304" \
        "$at/$path" "$at/$path" --next -q -s -m 20 -w ' %{http_code} %{num_connects}\n' "$at/$path" \
        >"$here/kept" || fail "curl: $(cat "$here/kept")"
    [ "$(sed -n 1,2p "$here/kept")" = "304 1 0"$'\n'"304 0 0" ] || fail "$path: $(cat "$here/kept")"
    has "$(sed -n '3,$p' "$here/kept")" "{\"postcode\":\"${path%???} " '} 200 0'
    lacks "$(tr 'A-Z' 'a-z' <"$here/304")" 'connection: close' transfer-encoding
done
stop_daemon
