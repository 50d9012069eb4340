#!/bin/bash
# Six users ask for the same postcodes at once, on two workers, while answers go stale, calls fail
# and reloads come: each gets what is his own, every time.
# shellcheck source=tests/scenario/cache_common.bash
. "$TOP/tests/scenario/cache_common.bash"

users=(a b c d e f)
rounds=3
cache_keys stale_while_revalidate=1h stale_if_error=1h
with_users X-User
set_key log access off
set_key log level notice
set_key server workers 2
says 'cache_control=public, max-age=1' delay=2 error_share=5
start_daemon
eventually is_ready

# list USER: each postcode twice, into a file of its own.
list() {
    local i postcode
    echo "cookie = identity=$1"
    for postcode in M{1..9}1A{A..E}; do
        for i in 1 2; do
            printf 'url = %s\noutput = %s\n' "$at/$postcode" "$here/got.$1.$i.$postcode"
        done
    done
}
ask_all() {
    curl -q -s -m 60 -Z --parallel-max 8 -K "$here/list.$1" 2>"$here/progress.$1"
}
# own USER: all that has come is of USER, and it is nearly all.
own() {
    local file count=0
    for file in "$here/got.$1".*; do
        grep -q '"code":' "$file" && continue # of a call that failed
        grep -qF "\"echo\":\"$1\"" "$file" || fail "$1 got $(cat "$file")"
        count=$((count + 1))
    done
    [ "$count" -gt 60 ] || fail "$1 got $count addresses"
}
for user in "${users[@]}"; do
    list "$user" >"$here/list.$user"
done
for ((round = 1; round <= rounds; round++)); do
    asking=()
    for user in "${users[@]}"; do
        ask_all "$user" &
        asking+=("$!")
    done
    says "version=$round"
    [ "$round" = 1 ] || reload "ttl_max=${round}h"
    wait "${asking[@]}"
    for user in "${users[@]}"; do
        own "$user"
    done
done
for result in hit miss joined; do
    [ "$(cache_count "$result")" -gt 0 ] || fail "no $result: $(operators /metrics | grep cache_total)"
done
stop_daemon
