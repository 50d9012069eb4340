# Lookups in the background, for the scenarios about calls that are held upstream: on top of
# cache_common.bash.
# shellcheck shell=bash

# shellcheck source=tests/scenario/cache_common.bash
. "$TOP/tests/scenario/cache_common.bash"

# begin NAME POSTCODE [CURL-ARGUMENT...]: a lookup in the background, whose X-GUID is NAME. leaves
# NAME: its caller goes away.
declare -A began=()
begin() {
    local name=$1 postcode=$2
    shift 2
    rm -f "$here/$name.status"
    curl -q -g -s -m 20 -H "X-GUID: $name" -D "$here/$name.head" -o "$here/$name.body" \
        -w '%{http_code}' "$@" "$at/$postcode" >"$here/$name.status" &
    began[$name]=$!
}
leaves() {
    kill -KILL "${began[$1]}"
    wait "${began[$1]}" 2>/dev/null
}
# in_flight N: so many lookups are under way. A call that nobody waits for is none.
in_flight() {
    eventually metric_is postcoded_requests_in_flight "$1"
}
# calling N: so many calls are under way, to that upstream.
calling() {
    eventually metric_is postcoded_upstream_connections "$1" "upstream=\"${2:-location}\",state=\"active\""
}
# held N: so many calls are held by the stand-in.
held() {
    counted "concurrent_now=$1" >/dev/null
}
# ended NAME: waits for it, and sets status, fields and body as `look` does.
ended() {
    eventually test -s "$here/$1.status"
    touch "$here/$1.head" "$here/$1.body"
    status=$(cat "$here/$1.status")
    fields=$(sed 1d "$here/$1.head" | tr -d '\r')
    body=$(cat "$here/$1.body")
}

# ---- two lookups of one call ----

# hold POSTCODE: two lookups of it wait for one call, which brings the present version.
version=0
hold() {
    says hold=1 "version=$((++version))"
    begin one "$1"
    held 1
    begin two "$1"
    in_flight 2
}
# let_go: all of them are answered, with that version.
let_go() {
    says hold=0
    both
    in_flight 0
}
both() {
    local name
    for name in one two; do
        ended "$name"
        is status 200
        [ "$(version)" = "${1:-$version}" ] || fail "$name got version $(version)"
        is_like Cache-Status 'postcoded; fwd=uri-miss; .*'
    done
    is_like Cache-Status '.*; collapsed.*'
}
# finds POSTCODE CACHE VERSION: what a lookup gets.
finds() {
    look "$1"
    is status 200
    is cache "$2"
    [ "$(version)" = "$3" ] || fail "$1: version $(version), not $3"
}
