#!/bin/bash
# An upstream that breaks HTTP in every way we could think of (the table in tests/driver/faulty.c):
# the caller is told in the right status, nothing of it reaches anybody else's answer, and a sound
# lookup right behind it is answered as ever.
set -u
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

coproc FAULTY { exec "$driver/faulty"; }
started+=("$FAULTY_PID")
read -r _ _ url <&"${FAULTY[0]}" || fail "no upstream"

default_keys
set_key server workers 1
set_key server request_timeout "$((500 * slow))ms"
set_key 'upstream location' max_response_size 64K
set_key 'upstream location' max_connections 8
start_daemon
eventually is_ready

# lookup NAME: status and body.
lookup() {
    ask -D "$here/head" -o "$here/body" -w '%{http_code}' "$at/$1"
}

# Each three times (what runs into the deadline, once): what one leaves behind would meet the next.
while read -r name want; do
    rounds=3
    [ "$want" = 504 ] && rounds=1
    for ((round = 0; round < rounds; round++)); do
        status=$(lookup "$name")
        [[ " $want " == *" $status "* ]] || fail "$name: $status: $(cat "$here/body")"
        lacks "$(cat "$here/head" "$here/body")" Smuggled POISON
        case $status in
        200) [ "$(cat "$here/body")" = '{"postcode":"OK"}' ] || fail "$name: $(cat "$here/body")" ;;
        *) grep -qi '^Proxy-Status: postcoded; error=' "$here/head" || fail "$name: Proxy-Status" ;;
        esac
        [ "$(lookup OK)" = 200 ] || fail "a sound lookup behind $name: $(cat "$here/body")"
        [ "$(cat "$here/body")" = '{"postcode":"OK"}' ] || fail "behind $name: $(cat "$here/body")"
    done
done < <("$driver/faulty" --list)

# An upstream that closes a connection in the moment of its second use, a thousand times, and one
# that closes behind each answer: none of the lookups is lost.
lost() {
    "$driver/callers" --connect "$address" --path "/api/v1/addresses/$1" --count 4 \
        --requests 250 --expect 200 >"$here/calls" || fail "$1: $(cat "$here/calls")"
    has "$(cat "$here/calls")" '"200":1000'
}
lost SECOND-RESET
lost ANSWER-CLOSE

metric_is postcoded_requests_in_flight 0 || fail "a lookup is still there"
stop_daemon
