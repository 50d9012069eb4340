#!/bin/bash
# While a lookup waits for its answer and nothing else happens, a head that does not go into
# libmicrohttpd's buffer at once is read to its end.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

start_standin
default_keys
set_key server workers 1
set_key server request_timeout 60s
start_daemon
eventually is_ready

long=$(printf '%06000d' 0)
for _ in 1 2 3; do
    knob hold=1
    callers --expect 200 >"$here/told" &
    told=$!
    counted concurrent_now=1 >/dev/null
    has "$(within 1000 ask -i -H "X-Long: $long" "$at/nowhere%21")" " 400 " '"code":"invalid_postcode"'
    knob hold=0
    wait "$told" || fail "$(cat "$here/told")"
done
stop_daemon
