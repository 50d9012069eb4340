# Lookups in the background, for the scenarios about calls that are held upstream: on top of
# cache_common.bash.
# shellcheck shell=bash

# shellcheck source=tests/scenario/cache_common.bash
. "$TOP/tests/scenario/cache_common.bash"

# begin NAME POSTCODE [CURL-ARGUMENT...]: a lookup in the background, whose X-GUID is NAME.
begin() {
    local name=$1 postcode=$2
    shift 2
    ask -H "X-GUID: $name" -D "$here/$name.head" -o "$here/$name.body" -w '%{http_code}' "$@" \
        "$at/$postcode" >"$here/$name.status" &
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
