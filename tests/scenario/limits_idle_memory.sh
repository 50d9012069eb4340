#!/bin/bash
# What an idle keep-alive connection costs: twice max_header_size, 4 KiB, and 1 KiB at most.
set -u
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"
[ "$slow" = 1 ] || skip "a sanitizer's memory is not the daemon's"

count=2000
ulimit -n $((count * 2 + 500)) || skip "not enough descriptors"
start_standin
default_keys
set_key server idle_timeout 60s
set_key log access off
start_daemon
eventually is_ready

resident() {
    awk '$1 == "VmRSS:" { print $2 }' "/proc/$daemon/status"
}
# As many at once first, so that what is made once, and what lookups take, is not counted.
callers --count 200 --requests 20 --expect 200 >/dev/null || fail "no lookups"
before=$(resident)
"$driver/slow" --connect "$address" --count "$count" --answered --timeout 50 >"$here/idle" &
started+=("$!")
idle() {
    [ "$(metric postcoded_connections)" -ge "$count" ] &&
        [ "$(metric postcoded_requests_total 'code="ok",status="200"')" -ge $((count + 4000)) ]
}
eventually idle
each=$((($(resident) - before) * 1024 / count))
echo "$each bytes for each of $count idle connections"
[ "$each" -le $((2 * 8192 + 4096 + 1024)) ] || fail "$each bytes for each idle connection"
kill -KILL "${started[-1]}"
stop_daemon
