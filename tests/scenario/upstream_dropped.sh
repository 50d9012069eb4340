#!/bin/bash
# A path that drops all packets, and says nothing: the lookups on it end soon after connect_timeout,
# long before their deadline, whether the upstream has acknowledged them or not; they are sent again on
# a fresh connection, to where the name leads by now. A token request ends in the same way. Where it
# drops packets for a moment only, and with them a probe of keep-alive, nothing ends.
#
# In namespaces of its own: the upstream that is to be lost is in a second one, behind a pair of
# interfaces, and a queue without room drops what it sends. (What is dropped on the near side does not
# count as sent for keep-alive.)
# shellcheck source=tests/scenario/names_common.bash
. "$TOP/tests/scenario/names_common.bash"

for tool in ip tc nsenter; do
    command -v "$tool" >/dev/null || skip "there is no $tool"
done
in_namespaces "--mount --net"

far=10.9.9.2
# start_far PORT [SECONDS]: a place (start_place) beyond the interfaces.
start_far() {
    nsenter --net="/proc/$holder/ns/net" "$driver/place" "$far:$1" "${@:2}" >>"$here/place-$far" &
    started+=("$!")
    eventually grep -qs "^place " "$here/place-$far"
    where=$(sed -n 's/^place //p' "$here/place-$far" | tail -n 1)
}
is_apart() {
    [ "$(readlink "/proc/$holder/ns/net")" != "$(readlink /proc/self/ns/net)" ]
}
unshare --net sleep 1000 &
holder=$!
started+=("$holder")
eventually is_apart
ip link add near type veth peer name away netns "/proc/$holder/ns/net" 2>/dev/null ||
    skip "no pair of interfaces can be made here"
ip addr add 10.9.9.1/24 dev near && ip link set near up || fail "near"
nsenter --net="/proc/$holder/ns/net" ip addr add "$far/24" dev away
nsenter --net="/proc/$holder/ns/net" ip link set away up || fail "away"
drop_all() {
    nsenter --net="/proc/$holder/ns/net" tc qdisc replace dev away root pfifo limit 0 ||
        skip "no queue can be made here"
}
drop_nothing() {
    nsenter --net="/proc/$holder/ns/net" tc qdisc del dev away root
}

name=upstream.example
start_names "$name 300 $far"
start_place 127.0.0.1
issuer=$where
start_far 0
port=${where##*:}
start_place "127.0.0.2:$port"

default_keys
set_key server request_timeout 30s
set_key 'upstream location' address "http://$name:$port"
set_key 'upstream location' auth_url "http://$issuer/auth"
set_key 'upstream location' plaintext on

# For a moment. Keep-alive probes 2, 3 and 4 s after the last sign of life; only the first is lost.
set_key 'upstream location' connect_timeout 4s
start_daemon
eventually is_ready
callers --count 4 --path /api/v1/addresses/H4 --expect 200 >"$here/told" || fail "$(cat "$here/told")"
lookup H2 >"$here/held" &
held=$!
eventually grep -q 'GET .*/H2$' "$here/place-$far"
sleep 1.4
drop_all
sleep 1.1
drop_nothing
sleep 3
[ "$(grep -c 'GET .*/H2$' "$here/place-$far")" = 1 ] || fail "the lookup was sent again"
metric_is postcoded_upstream_connections 3 'upstream="location",state="idle"' ||
    fail "idle connections ended"
has "$(lookup H2)" " 200 " "$far"
wait "$held"
has "$(cat "$here/held")" " 200 " "$far"
stop_daemon

# Sent into the void.
set_key 'upstream location' connect_timeout 1s
start_daemon
eventually is_ready
callers --count 16 --path /api/v1/addresses/H16 --expect 200 >"$here/told" || fail "$(cat "$here/told")"
drop_all
say_names "$name 300 127.0.0.2"
callers --count 16 --path /api/v1/addresses/H16 --timeout 20 --expect 200 >"$here/told" ||
    fail "$(cat "$here/told")"
for ((i = 0; i < 32; i++)); do
    has "$(ask -m 5 -i "$at/M11AA")" " 200 " 127.0.0.2
done
stop_daemon

# Acknowledged, and lost after that.
drop_nothing
say_names "$name 300 $far"
start_daemon
eventually is_ready
has "$(lookup)" " 200 " "$far"
lookup H2 >"$here/held" &
held=$!
eventually grep -q 'GET .*/H2$' "$here/place-$far"
drop_all
say_names "$name 300 127.0.0.2"
eventually grep -q 'GET .*/H2$' "$here/place-127.0.0.2"
has "$(lookup H2)" " 200 " 127.0.0.2
wait "$held"
has "$(cat "$here/held")" " 200 " 127.0.0.2
stop_daemon

# A token request.
drop_nothing
say_names "$name 300 127.0.0.2" "auth.example 300 $far"
set_key 'upstream location' auth_url "http://auth.example:$port/H99"
set_key 'upstream location' auth_method get
set_key 'upstream location' auth_timeout 5m
start_daemon
eventually grep -q 'GET /H99' "$here/place-$far"
drop_all
logged "the token request failed" >/dev/null
stop_daemon
