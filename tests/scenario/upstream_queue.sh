#!/bin/bash
# More lookups than the upstream can answer: who waited for a connection until the deadline is told
# so, the upstream is not blamed and sees nothing of it, and the others are answered.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

up='upstream="location"'
said() {
    grep -c -- "$1" "$here/log"
}
queued='deadline_exceeded: No connection to the upstream was free within'
silent='deadline_exceeded: The lookup did not end within'

start_standin
default_keys
set_key server workers 1
set_key server request_timeout 2s
set_key 'upstream location' max_connections 1
start_daemon
eventually is_ready

# What an answer takes is known once calls have waited.
knob delay=300
callers --count 4 --expect 200 >"$here/told" || fail "$(cat "$here/told")"

# One has the connection until its deadline, and nine wait whose deadline is about the same.
knob hold=1
callers --count 10 --barrier --expect 504 >"$here/told" || fail "$(cat "$here/told")"
eventually metric_is postcoded_upstream_queue_seconds_count 14 "$up"
metric_is postcoded_upstream_requests_total 1 "$up,status=\"none\"" || fail "$(operators /metrics | grep upstream)"
metric_is postcoded_upstream_duration_seconds_count 5 "$up" || fail "$(operators /metrics | grep upstream)"
[ "$(said "$silent 2s")" = 1 ] || fail "$(said "$silent") without an answer"
[ "$(said "$queued 2s")" = 9 ] || fail "$(said "$queued") that waited"

# The one told of the queue, while another has the connection.
callers --count 1 --timeout 120 >"$here/other" &
other=$!
started+=("$other")
counted concurrent_now=1 >/dev/null
has "$(ask -i "$at/M11AA")" ' 504 ' '"code":"deadline_exceeded"' 'request_timeout' \
    '[upstream] max_connections' 'Proxy-Status: postcoded; error=connection_limit_reached'
wait "$other"

# What /readyz says once all have failed for long enough: the last that failed waited.
unready() {
    callers --count 3 --expect 504 >"$here/told" || fail "$(cat "$here/told")"
    ! is_ready
}
eventually unready
has "$(operators /readyz)" 'no connection to the upstream was free within request_timeout'
knob hold=0
ask -f "$at/M11AA" >/dev/null || fail "it does not go on"

# Fifty at once all the time, of which the upstream can answer six within a deadline.
before=$(counter aborted)
answers=$(counter lookups_ok)
callers --count 50 --seconds 8 >"$here/told"
aborted=$(($(counter aborted) - before))
answers=$(($(counter lookups_ok) - answers))
[ "$answers" -ge 5 ] || fail "$answers answers"
[ "$aborted" -lt "$((answers / 2))" ] || fail "$aborted aborted, and $answers answers"
