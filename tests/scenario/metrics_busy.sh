#!/bin/bash
# How busy each worker is, sampled every ten seconds whoever looks; and when the configuration was
# loaded, and whether the last attempt to do so failed.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

# busy WORKER: its share, or "" where there is none.
busy() {
    operators /metrics | sed -n 's/^postcoded_worker_busy_ratio{worker="'"$1"'"} //p'
}
is_busier_than() {
    awk -v busy="$(busy 0)" -v least="$1" 'BEGIN { exit !(busy != "" && busy > least) }'
}
is_idler_than() {
    awk -v busy="$(busy 0)" -v most="$1" 'BEGIN { exit !(busy != "" && busy < most) }'
}
loaded_at() {
    metric postcoded_reload_timestamp_seconds
}
# reload RESULT N: so many have ended so.
reload() {
    configure
    kill -HUP "$daemon"
    eventually metric_is postcoded_reloads_total "$2" "result=\"$1\""
}

start_standin
default_keys
set_key server workers 1
began=$(date +%s)
start_daemon
eventually is_ready
[ "$(busy 0)" = 0.000 ] || fail "busy before the first interval has ended: $(busy 0)"
[ -z "$(busy 1)" ] || fail "a worker that is not there"

"$driver/callers" --connect "$address" --path /api/v1/addresses/M11AA --count 16 --seconds 60 \
    >/dev/null &
load=$!
started+=("$load")

first=$(loaded_at)
awk -v at="$first" -v began="$began" 'BEGIN { exit !(at >= began && at < began + 60) }' ||
    fail "loaded at $first"
metric_is postcoded_reload_success 1 || fail "nothing has failed"
set_key server request_timeout soon
reload failure 1
metric_is postcoded_reload_success 0 || fail "a failure"
[ "$(loaded_at)" = "$first" ] || fail "the configuration is the same"
set_key server request_timeout ''
reload success 1
metric_is postcoded_reload_success 1 || fail "a success"
awk -v at="$(loaded_at)" -v first="$first" 'BEGIN { exit !(at > first) }' || fail "not later"

# The load takes most of a core, or what other programs leave of it; the worker does not wait then.
eventually is_busier_than 0.3
kill "$load"
eventually is_idler_than 0.1
