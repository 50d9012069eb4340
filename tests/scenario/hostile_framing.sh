#!/bin/bash
# The corpus of raw requests (tests/corpus), each with its verdict, against the real daemon.
set -u
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

start_standin
default_keys
set_key server listen "unix:$here/pc.sock"
set_key server workers 1
set_key server max_header_size 4K
set_key server header_timeout 1s
set_key server idle_timeout 60s
start_daemon
eventually is_ready

# An argument list holds them all, and each name is the file's.
"$driver/corpus" --connect "unix:$here/pc.sock" --standin "$api" \
    --metrics "unix:$here/metrics.sock" "$TOP"/tests/corpus/* ||
    fail "verdicts"
stop_daemon
