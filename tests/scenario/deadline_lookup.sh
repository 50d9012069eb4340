#!/bin/bash
# request_timeout bounds a lookup whatever it is waiting for: a token, a connection, the first byte
# of an answer, the last. The answer is 504, within 100 ms of the time.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

timeout=400
start_standin --token-hold
default_keys
set_key server request_timeout "${timeout}ms"
set_key 'upstream location' retries 3
start_daemon

# late GUID: a lookup's 504, in time; and its line.
late() {
    local answer began ms
    began=$(date +%s%N)
    answer=$(ask -i -H "X-GUID: $1" "$at/M11AA")
    ms=$((($(date +%s%N) - began) / 1000000))
    has "$answer" " 504 " '"code":"deadline_exceeded"' "request_timeout" "400ms" \
        "Proxy-Status: postcoded; error=" "X-GUID: $1"
    line=$(logged "GUID: $1 - request")
    has "$line" " status=504 " " code=deadline_exceeded "
    # By the daemon's own account, and with what the client takes to start.
    duration=$(sed 's/.*duration_ms=\([0-9]*\).*/\1/' <<<"$line")
    [ "$duration" -ge $((timeout - 1)) ] && [ "$duration" -le $((timeout + 100 * slow)) ] ||
        fail "after $duration ms: $line"
    [ "$ms" -le $((timeout + 600 * slow)) ] || fail "$1: $ms ms"
}

late token
# What it was waiting for stands in the line.
has "$line" " waited_for_token=true "
lacks "$line" upstream_ms
knob token_hold=0
eventually is_ready

knob hold=1
late answer
has "$line" " waited_for_token=false " " upstream_ms="
counted aborted=1 >/dev/null
knob hold=0
ask -f "$at/M11AA" >/dev/null || fail "it does not go on"

# Many at once.
knob hold=1
callers --count 50 --expect 504 >"$here/told" || fail "$(cat "$here/told")"
counted aborted=51 >/dev/null
knob hold=0
[ "$(metric postcoded_requests_total 'code="deadline_exceeded",status="504"')" = 52 ] ||
    fail "not counted"
metric_is postcoded_requests_in_flight 0 || fail "some are still in flight"
stop_daemon

# An upstream that says something of an answer, and then nothing; one that lets nobody in: a
# listener whose backlog is full. Tokens come from the stand-in.
set_key 'upstream location' auth_url "$url/auth/v1"
start_stuck --say $'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{'
set_key 'upstream location' address "http://$stuck"
start_daemon
eventually is_ready
late body
stop_daemon

start_stuck --full
set_key 'upstream location' address "http://$stuck"
start_daemon
eventually is_ready
late connect
stop_daemon
