#!/bin/bash
# The end resets no caller. What waits in a full backlog when the signal comes is answered; who comes
# while the listeners are closed is answered or refused; on TCP and on Unix sockets. A request that
# had begun to arrive is answered, and one that never arrives is not waited for until drain_timeout.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

start_standin
default_keys
set_key log access off
set_key server listen "127.0.0.1:0, unix:$here/pc.sock"
set_key server drain_delay 0s

# wait_in_backlog: how many do, on the TCP and on the Unix socket.
wait_in_backlog() {
    local tcp unix
    tcp=$(awk -v at="$(printf ':%04X' "${address##*:}")" \
        '$4 == "0A" && $2 ~ at "$" { sub(".*:", "", $5); print $5 }' /proc/net/tcp)
    unix=$(grep -c -- " $here/pc.sock\$" /proc/net/unix)
    [ "$((16#$tcp)) $((unix - 1))" = "$1 $1" ]
}

# 500 on each, who send while the daemon stands still. They are more than a worker accepts in a turn,
# and all are looked up.
start_daemon
eventually is_ready
suspend_daemon
for to in "$address" "unix:$here/pc.sock"; do
    "$driver/callers" --connect "$to" --path /api/v1/addresses/M11AA --count 500 --expect 200 \
        >"$here/told.${to%%:*}" &
    crowds+=("$!")
done
eventually wait_in_backlog 500
kill -TERM "$daemon"
kill -CONT "$daemon"
for crowd in "${crowds[@]}"; do
    wait "$crowd" || fail "$(cat "$here"/told.*)"
done
wait "$daemon" || fail "ended with $?"
logged 'drained: every lookup has its response' >/dev/null

# A lookup that is held keeps the daemon from its end until all of the crowd have been refused.
for ((round = 0; round < 8; round++)); do
    start_daemon
    eventually is_ready
    knob hold=1
    callers --expect 200 >"$here/held" &
    held=$!
    counted concurrent_now=1 >/dev/null
    to=$address
    [ $((round % 2)) = 0 ] || to=unix:$here/pc.sock
    "$driver/callers" --connect "$to" --path /nowhere --count 60 --new-connection --seconds 60 \
        --expect 404 >"$here/told" &
    crowd=$!
    answered() {
        [ "$(metric postcoded_requests_total 'code="not_found",status="404"')" -ge 1000 ]
    }
    eventually answered
    kill -TERM "$daemon"
    wait "$crowd"
    has "$(cat "$here/told")" '"errors":60,"errors_connect":60,"errors_closed":0'
    knob hold=0
    wait "$held" || fail "$(cat "$here/held")"
    wait "$daemon" || fail "ended with $?"
done

# A connection that has not asked yet is waited for, two seconds. Of the request nothing, a part of the
# request line, or more has been read when the listeners close.
request=$'GET /api/v1/addresses/M11AA HTTP/1.1\r\nHost: h\r\n\r\n'
# arrive: 30 callers who have sent a part; sets begun.
arrive() {
    begun=()
    for ((i = 0; i < 30; i++)); do
        exec {one}<>"/dev/tcp/${address%:*}/${address##*:}"
        printf '%s' "${request:0:i % 3 * 20}" >&"$one"
        begun+=("$one")
    done
    eventually metric_is postcoded_connections 30
}
start_daemon
eventually is_ready
arrive
kill -TERM "$daemon"
logged draining >/dev/null
sleep 0.1 # ten looks of the daemon, of which nothing tells
for ((i = 0; i < 30; i++)); do
    printf '%s' "${request:i % 3 * 20}" >&"${begun[i]}"
done
for one in "${begun[@]}"; do
    has "$(timeout 20 cat <&"$one")" "200 OK" "Connection: close"
    exec {one}>&-
done
wait "$daemon" || fail "ended with $?"

start_daemon
eventually is_ready
arrive
kill -TERM "$daemon"
within 5000 wait "$daemon" || fail "ended with $?"
exit 0
