#!/bin/bash
# Many at once, and for long: 500 lookups on a daemon that has no token yet make one token request
# and are all answered; 200 kept connections serve without an error; and memory does not grow with
# the number of lookups served.
#
# LIMITS_SECONDS=6 for the whole time; a second is enough to notice a leak of a byte a lookup.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

start_standin --token-hold
default_keys
set_key 'upstream location' max_connections 512
set_key log access off
start_daemon

callers --count 500 --barrier --expect 200 >"$here/told" &
many=$!
eventually metric_is postcoded_token_waiters 500 'upstream="location"'
knob token_hold=0
wait "$many" || fail "$(cat "$here/told")"
has "$(cat "$here/told")" '"answered":500' '"errors":0'
has "$(ask "$url/standin/counters")" '"token_requests":1,' '"lookups":500,'

callers --count 200 --seconds "${LIMITS_SECONDS:-1}" --expect 200 >"$here/told" ||
    fail "$(cat "$here/told")"
has "$(cat "$here/told")" '"errors":0'

# Memory that is not shared with any file, in KiB.
memory() {
    awk '/^RssAnon:/ { print $2 }' "/proc/$daemon/status"
}
# grown NAME EACH CALLERS-OPTION...: a hundred callers make so many lookups each, twice, and then
# again.
grown() {
    local name=$1 each=$2 before after
    shift 2
    for _ in 1 2; do
        callers --count 100 --requests "$each" "$@" >"$here/told" ||
            fail "$name: $(cat "$here/told")"
    done
    before=$(memory)
    callers --count 100 --requests "$each" "$@" >"$here/told" || fail "$name: $(cat "$here/told")"
    after=$(memory)
    echo "$name: $before KiB, then $after KiB"
    # A leak of fifty bytes a lookup is that, of 8,000. A sanitizer keeps what was freed, and looks
    # for leaks by itself.
    [ "$slow" -gt 1 ] || [ $((after - before)) -lt 400 ] || fail "$name: $before, then $after KiB"
}
grown answered 80 --expect 200
grown "new connections" 20 --expect 200 --new-connection
grown "refused" 20 --expect 400 --path /api/v1/addresses/%21
grown "left" 20 --leave-after 0 --reset
stop_daemon
