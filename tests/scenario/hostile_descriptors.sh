#!/bin/bash
# Out of descriptors, for the limit was lowered behind its back: the daemon says so once, waits
# without spinning, serves those it has, and goes on as soon as there are descriptors again.
set -u
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

start_standin
default_keys
set_key server listen "unix:$here/pc.sock"
set_key server header_timeout 2s
set_key log access off
start_daemon
eventually is_ready
prlimit --pid "$daemon" --nofile=100
socket=unix:$here/pc.sock

# A lookup first, so that there is a connection to the upstream.
callers() {
    "$driver/callers" --connect "$socket" --path /api/v1/addresses/M11AA "$@"
}
callers --expect 200 >/dev/null || fail "no lookup at all"

# cpu: ticks of the daemon so far.
cpu() {
    awk '{ print $14 + $15 }' "/proc/$daemon/stat"
}

"$driver/slow" --connect "$socket" --count 200 --every 100000 >"$here/crowd" &
crowd=$!
logged 'cannot accept connections: Too many open files' >/dev/null
kill -0 "$crowd" || fail "nobody is there any more"

# While it starves: accepting is tried ten times a second. A spinning loop would take the whole of
# the second; the sanitizers' own threads take some.
before=$(cpu)
sleep 1
spent=$(($(cpu) - before))
[ "$spent" -lt 40 ] || fail "$spent ticks of CPU in a second of starving"
[ "$(grep -c 'cannot accept connections' "$here/log")" -le 4 ] || fail "it says so over and over"

wait "$crowd" || fail "$(cat "$here/crowd")"
has "$(cat "$here/crowd")" '"closed":200'
callers --count 20 --requests 5 --expect 200 >"$here/after" || fail "$(cat "$here/after")"
has "$(cat "$here/after")" '"200":100'
stop_daemon
