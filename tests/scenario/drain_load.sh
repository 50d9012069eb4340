#!/bin/bash
# The end under load: callers who ask without a pause do not keep a daemon from ending; neither
# when it drains, nor when it is to end at once, with lookups parked, on their way, and unread.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

start_standin
default_keys
set_key server drain_timeout 1s
set_key log access off

for ((round = 0; round < 9; round++)); do
    knob delay=$((round % 3))
    # At once: the listeners are still open when the second signal comes.
    set_key server drain_delay $((round % 3 == 0 ? 0 : 60))s
    start_daemon
    eventually is_ready
    callers --count 150 --seconds 20 >"$here/told" &
    load=$!
    eventually metric_is postcoded_connections 150
    counted "lookups=$(($(counter lookups) + 500))" >/dev/null
    kill -TERM "$daemon"
    if [ $((round % 3)) != 0 ]; then
        logged draining >/dev/null
        kill -TERM "$daemon"
    fi
    within 5000 wait "$daemon" || fail "round $round: ended with $?"
    wait "$load" # whose callers were cut off
done
exit 0
