#!/bin/bash
# Who joins a call that was begun behind another caller gets the stale answer, not a 504, where that
# call does not end: stale_if_error is for those who join as for those who begin.
# shellcheck source=tests/scenario/cache_held_common.bash
. "$TOP/tests/scenario/cache_held_common.bash"

start_standin --cache-control max-age=0 --version 1
set_key server request_timeout 6s
start_cached as=service stale_if_error=1h stale_while_revalidate=3s

look M11AA
is cache fwd=uri-miss
knob hold=1
look M11AA
is cache hit
held 1
waits() { # the window is over: a lookup is not answered at once
    look M11AA -m 0.2
    [ "$status" = 000 ]
}
eventually waits
look M11AA
is status 200
is cache fwd=stale
has "$fields" 'ttl=-'
stop_daemon
