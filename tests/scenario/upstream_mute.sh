#!/bin/bash
# 16 connections to an upstream that go mute while they are idle, and stay open: a firewall forgot
# them, or the process behind a balancer is gone. One lookup costs its deadline at most, whichever
# worker has it; the others get fresh connections. A caller that leaves says as much as a deadline. An
# upstream that is only slow keeps the connections on which it answers.
# shellcheck source=tests/scenario/names_common.bash
. "$TOP/tests/scenario/names_common.bash"

pool=16
start_place 127.0.0.1
default_keys
set_key server request_timeout 1s
set_key 'upstream location' address "http://$where"
set_key 'upstream location' auth_url "http://$where/auth"
set_key 'upstream location' connect_timeout 500ms
set_key 'upstream location' retries 0
start_daemon
eventually is_ready

idle_are() {
    metric_is postcoded_upstream_connections "$1" 'upstream="location",state="idle"'
}
fill_pool() {
    callers --count "$pool" --path "/api/v1/addresses/H$pool" --expect 200 >"$here/told" ||
        fail "$(cat "$here/told")"
    eventually idle_are "$pool"
}
go_mute() {
    signals=$((signals + 1))
    kill -USR1 "$place"
    eventually signals_are "$signals"
}
signals=0
signals_are() {
    [ "$(grep -c SIGUSR1 "$here/place-127.0.0.1")" = "$1" ]
}
count_mute() {
    grep -c '^mute' "$here/place-127.0.0.1"
}

fill_pool
go_mute
late=0
for ((i = 0; i < 3 * pool; i++)); do
    answer=$(lookup)
    [[ $answer == *" 200 "* ]] || late=$((late + 1))
    [[ $answer == *" 200 "* || $answer == *" 504 "* ]] || fail "$answer"
done
[ "$late" -le 1 ] || fail "$late lookups met the dead connections"

# A caller who leaves after a second, which is more than connect_timeout, with no deadline in sight.
set_key server request_timeout 30s
configure
kill -HUP "$daemon"
logged "reloaded" >/dev/null
fill_pool
go_mute
before=$(count_mute)
ask -m 2 "$at/M11AA" >/dev/null
[ "$(count_mute)" -gt "$before" ] || fail "no mute connection was used"
for ((i = 0; i < 2 * pool; i++)); do
    has "$(ask -i -m 5 "$at/M11AA")" " 200 "
done
stop_daemon

# One lookup is slow, others are answered meanwhile: their connection stays.
set_key server workers 1
set_key server request_timeout 1s
start_daemon
eventually is_ready
callers --count 2 --path /api/v1/addresses/H2 --expect 200 >"$here/told" || fail "$(cat "$here/told")"
lookup H99 >"$here/slow" &
slow_one=$!
eventually grep -q 'GET .*/H99$' "$here/place-127.0.0.1"
connection=$(lookup | sed -n 's/.*"connection":\([0-9]*\).*/\1/p')
while kill -0 "$slow_one" 2>/dev/null; do
    has "$(lookup)" " 200 " "\"connection\":$connection"
done
has "$(cat "$here/slow")" " 504 "
has "$(lookup)" " 200 " "\"connection\":$connection"
stop_daemon
