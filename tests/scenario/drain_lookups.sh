#!/bin/bash
# The end: twenty lookups in flight are all answered; /readyz says 503 at once, the listeners close
# after drain_delay, keep-alive callers are told Connection: close; exit 0. What does not end within
# drain_timeout is cut off, and a second signal ends at once.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

start_standin
default_keys
set_key server drain_delay 700ms
start_daemon
eventually is_ready

refused() {
    ! (exec {try}<>"/dev/tcp/${address%:*}/${address##*:}") 2>/dev/null
}
status_of() {
    ask -o /dev/null -w '%{http_code}' "$@"
}

# A caller who keeps its connection: one lookup before, one after the listeners have closed.
exec {keep}<>"/dev/tcp/${address%:*}/${address##*:}"
# next_answer: its head, from the connection; the body is read over.
next_answer() {
    local line length=0
    printf 'GET /api/v1/addresses/M11AA HTTP/1.1\r\nHost: h\r\n\r\n' >&"$keep"
    while IFS= read -r -u "$keep" line && [ "$line" != $'\r' ]; do
        [[ ${line,,} == content-length:* ]] && length=${line//[^0-9]/}
        echo "$line"
    done
    read -r -u "$keep" -N "$length" line
}
has "$(next_answer)" "200 OK"

knob hold=1
callers --count 20 --expect 200 >"$here/twenty" &
twenty=$!
counted concurrent_now=20 >/dev/null
kill -TERM "$daemon"
logged 'SIGTERM: draining' >/dev/null

# Within drain_delay: not ready, and a caller who comes all the same is accepted.
[ "$(status_of --unix-socket "$here/metrics.sock" http://o/readyz)" = 503 ] || fail "still ready"
has "$(operators /readyz)" draining
callers --expect 200 >"$here/late" &
late=$!
counted concurrent_now=21 >/dev/null

# Then the listeners are closed, and the connections go on; operators still see how far it is.
eventually refused
[ "$(metric postcoded_requests_in_flight)" = 21 ] || fail "not 21 in flight"
has "$(ask "$url/standin/counters")" '"aborted":0'
knob hold=0
wait "$twenty" || fail "$(cat "$here/twenty")"
wait "$late" || fail "$(cat "$here/late")"
has "$(cat "$here/twenty")" '"answered":20' '"errors":0'
wait "$daemon" || fail "ended with $?"
logged 'drained: every lookup has its response' >/dev/null
exec {keep}>&-

# A connection that is kept open while the daemon drains is answered, and told to close.
rm -f "$here/log"
set_key server drain_delay 0s
start_daemon
eventually is_ready
exec {keep}<>"/dev/tcp/${address%:*}/${address##*:}"
lacks "$(next_answer)" "Connection: close"
knob hold=1
callers --expect 200 >"$here/late" &
late=$!
counted concurrent_now=1 >/dev/null
kill -TERM "$daemon"
eventually refused
printf 'GET /nowhere HTTP/1.1\r\nHost: h\r\n\r\n' >&"$keep"
head=$(timeout 10 cat <&"$keep") || fail "its connection was not closed"
has "$head" "404" "Connection: close"
knob hold=0
wait "$late" || fail "$(cat "$here/late")"
wait "$daemon" || fail "ended with $?"

# drain_timeout: what is not done by then is cut off, and that is no failure of the daemon's.
rm -f "$here/log"
set_key server drain_timeout 200ms
start_daemon
eventually is_ready
knob hold=1
callers --count 2 >"$here/cut" &
cut=$!
counted concurrent_now=2 >/dev/null
within 3000 stop_daemon
wait "$cut" && fail "answered? $(cat "$here/cut")"
logged 'drain_timeout is over: 2 lookups are cut off' >/dev/null
knob hold=0

# A second signal does not wait.
rm -f "$here/log"
set_key server drain_timeout 1h
start_daemon
eventually is_ready
knob hold=1
callers >"$here/cut" &
cut=$!
counted concurrent_now=1 >/dev/null
kill -TERM "$daemon"
logged 'draining' >/dev/null
within 3000 stop_daemon INT
logged 'second signal (SIGINT): ending at once' >/dev/null
wait "$cut" && fail "answered? $(cat "$here/cut")"
exit 0
