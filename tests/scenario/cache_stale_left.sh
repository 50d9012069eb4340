#!/bin/bash
# An upstream that is silent counts as failing although no caller waits for the deadline: who comes
# after one that left gets the stale answer at once.
# shellcheck source=tests/scenario/cache_held_common.bash
. "$TOP/tests/scenario/cache_held_common.bash"

start_standin --cache-control max-age=0 --version 1
set_key server request_timeout 120s
start_cached as=service stale_if_error=1h

look M11AA
is cache fwd=uri-miss

# one that leaves soon says nothing of the upstream
knob hold=1
look M11AA -m 0.2
is status 000
in_flight 0

# one that has waited does
look M11AA -m 3
is status 000
in_flight 0
logged 'a stale one is given: no response came in time' >/dev/null
look M11AA
is status 200
is cache hit
has "$fields" 'ttl=-'

# what was forgotten while a call is held is not given to who comes later
begin before M12AA
held 1
forget >/dev/null
begin behind M12AA
held 2
knob hold=0
ended before
is status 200
ended behind
is status 200
stop_daemon
