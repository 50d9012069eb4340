#!/bin/bash
# A stderr that nobody reads blocks no worker: every lookup is answered, lines are dropped and
# counted, and once somebody reads again the log says how many are missing.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

start_standin
default_keys
set_key server listen "unix:$here/lookups.sock"
configure
mkfifo "$here/stderr"
"$BUILD/postcoded" -c "$here/pc.ini" 2>"$here/stderr" &
daemon=$!
started+=("$daemon")
exec {log}<"$here/stderr"
eventually is_ready
address=unix:$here/lookups.sock

# Access lines of some 300 bytes: the pipe holds 64 KB, a worker's ring 256 KB. What a caller's GUID
# adds makes them long.
guid=$(printf '%0128d' 0)
callers --count 10 --requests 1000 --expect 200 --header "X-GUID: $guid" >"$here/many" ||
    fail "$(cat "$here/many")"
has "$(cat "$here/many")" '"answered":10000' '"errors":0'
dropped=$(metric postcoded_log_lines_dropped_total)
[ "$dropped" -gt 0 ] || fail "nothing was dropped: nothing is proved"

cat <&"$log" >"$here/log" &
reader=$!
started+=("$reader")
exec {log}<&-
logged '[0-9]* log lines dropped' >/dev/null
stop_daemon
wait "$reader"
there=$(grep -c 'status=200' "$here/log")
told=$(sed -n 's/.* \([0-9]*\) log lines dropped.*/\1/p' "$here/log" | awk '{ n += $1 } END { print n }')
[ $((there + told)) -ge 10000 ] || fail "$there lines there, $told told missing, of 10000"
lacks "$(grep -v '^20[0-9-]*T' "$here/log")" request
