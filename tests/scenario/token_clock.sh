#!/bin/bash
# Deadlines are on the clock that goes on while the machine sleeps (CLOCK_BOOTTIME), on both sides:
# where they are worked out, and in the timer that wakes the daemon. In a time namespace that clock
# and CLOCK_MONOTONIC are ten days apart, as after a long sleep, and then the other way round, so
# that whoever takes one for the other waits for ever or never; tokens are renewed all the same.
# (What a day of that clock does, and that the wall clock does nothing, unit tests show in false
# time.)
. "$TOP/tests/scenario/token_common.bash"

unshare --time --boottime 1 --monotonic 1 --fork true 2>/dev/null || skip "no time namespaces here"

# in_time OPTION...: a daemon in a namespace of its own, through two renewals.
in_time() {
    local issued
    issued=$(counter tokens_issued)
    configure
    keep_log
    unshare --time "$@" --fork --kill-child "$BUILD/postcoded" -c "$here/pc.ini" 2>"$here/log" &
    daemon=$!
    started+=("$daemon")
    eventually listens
    address=$(sed -n 's/.*lookups on \([^;,]*\).*/\1/p' "$here/log")
    reached "tokens_issued=$((issued + 3))"
    [ "$(look_status)" = 200 ] || fail "no lookup"
    about "$(token age_seconds)" 0 2 || fail "$(admin /tokens)"
    about "$(token expires_in_seconds)" 0 2 || fail "$(admin /tokens)"
    # Expiries are told in the wall clock's time.
    about "$(metric postcoded_token_expiry_timestamp_seconds 'upstream="location"')" \
        "$(($(date +%s) - 1))" "$(($(date +%s) + 3))" || fail "$(operators /metrics)"
    [ "$(counter lookups_unauthorized)" = 0 ] || fail "a token was carried that had run out"
    # And it slept meanwhile.
    about "$(metric process_cpu_seconds_total)" 0 $((1 * slow)) || fail "$(operators /metrics)"
    stop_daemon KILL 137 # unshare ends, and with it the daemon
}

token_keys --lifetime 2
in_time --boottime 864000
in_time --monotonic 864000
