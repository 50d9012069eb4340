#!/bin/bash
# slowhttptest, where it is installed, in its three modes: heads, bodies and readers that are slow.
# The service stays available all the while, as it sees it itself and as a caller beside it does.
set -u
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"
command -v slowhttptest >/dev/null || skip "slowhttptest is not installed"

start_standin
default_keys
set_key server header_timeout 1s
set_key server idle_timeout 1s
set_key server max_connections 1000
set_key log access off
start_daemon
eventually is_ready

# attack OPTION...: 300 connections for three seconds, and lookups meanwhile.
attack() {
    slowhttptest -c 300 -r 300 -i 1 -l 3 -p $((2 * slow)) -u "$at/M11AA" "$@" >"$here/attack" 2>&1 &
    local attack=$!
    callers --count 4 --seconds 2 --expect 200 >"$here/others" || fail "$* $(cat "$here/others")"
    wait "$attack"
    has "$(cat "$here/attack")" 'service available:'
    grep -q 'service available:.*NO' "$here/attack" && fail "$*: $(tail -n 20 "$here/attack")"
    lacks "$(cat "$here/others")" '"502"' '"503"' '"504"'
}
attack -H
attack -B -t POST -s 8192
attack -X -w 1 -y 8 -z 1 -n 5 -k 3

# All of them are gone when their time is over.
few_left() {
    [ "$(metric postcoded_connections)" -le 2 ]
}
eventually few_left
stop_daemon
