#!/bin/bash
# Header sections around max_header_size, of many fields, cookies, parameters or long values, on a
# new connection and a kept one, before and behind other requests: each has exactly one answer, and
# each answer is counted and has its access line.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

start_standin
for max in 2048 8192; do
    default_keys
    set_key server listen "unix:$here/pc.sock"
    set_key server max_header_size "$((max / 1024))K"
    start_daemon
    eventually is_ready
    "$driver/heads" --connect "unix:$here/pc.sock" --max "$max" >"$here/answers" ||
        fail "max_header_size = $max"

    # accounted STATUS COUNT
    accounted() {
        local code=too_large
        [ "$1" = 200 ] && code=ok
        [ "$(metric postcoded_requests_total "code=\"$code\",status=\"$1\"")" = "$2" ] &&
            [ "$(grep -c "request .*status=$1 code=$code" "$here/log")" = "$2" ]
    }
    all=0
    while read -r status count; do
        eventually accounted "$status" "$count"
        all=$((all + count))
    done <"$here/answers"
    [ "$all" -gt 3000 ] || fail "only $all answers"
    [ "$(grep -c 'request .*status=' "$here/log")" = "$all" ] || fail 'other access lines too'
    stop_daemon
done
