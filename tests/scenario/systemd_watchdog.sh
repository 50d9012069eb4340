#!/bin/bash
# The watchdog is fed while every worker's loop turns, and only then: one thread of two is stopped,
# the feeding ends and /healthz says so, while the main loop goes on answering; the thread runs on,
# and all is well again.
# shellcheck source=tests/scenario/systemd_common.bash
. "$TOP/tests/scenario/systemd_common.bash"

start_standin
default_keys
manage --watchdog 300
eventually is_ready
told 3 '^WATCHDOG=1$'

coproc FROZEN { exec "$driver/freeze" "$daemon" worker 2>&1; }
frozen=$FROZEN_PID
started+=("$frozen")
read -r -u "${FROZEN[0]}" word tid
if [ "$word" != frozen ]; then
    wait "$frozen"
    [ $? = 77 ] && skip "no thread can be stopped here: $word $tid"
    fail "no thread was stopped: $word $tid"
fi

is_unhealthy() {
    [ "$(operators /healthz -o "$here/health" -w '%{http_code}')" = 503 ]
}
eventually is_unhealthy
has "$(cat "$here/health")" "a worker event loop is blocked"
is_ready && fail "ready with a worker that is blocked"
has "$(operators /readyz)" "worker: its event loop is blocked since 20"
told 1 '^STATUS=Not ready: worker: its event loop is blocked since 20[0-9T:-]*Z; the token'

# From here on no feeding: several meals' time passes without one. Time itself is what is tested.
meals=$(times_told '^WATCHDOG=1$')
sleep 1
[ "$(times_told '^WATCHDOG=1$')" = "$meals" ] || fail "fed while a worker stands still"

exec {FROZEN[1]}>&-
wait "$frozen"
told $((meals + 2)) '^WATCHDOG=1$'
[ "$(operators /healthz)" = ok ] || fail "not healthy again"
is_ready || fail "$(operators /readyz)"
[ "$(ask -o /dev/null -w '%{http_code}' "$at/M11AA")" = 200 ] || fail "no lookup"
end_managed
