#!/bin/bash
# An upstream with two addresses, of which the first lets nobody in: the second is asked when half
# of connect_timeout is over, though the socket to it has the number of the one given up; and at
# once where the first refuses.
#
# In namespaces of its own, where /etc/hosts names the upstream.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

in_namespaces --mount

start_stuck --full
{
    echo "127.0.0.1 localhost"
    echo "127.0.0.1 upstream.example"
    echo "127.0.0.2 upstream.example"
} >"$here/hosts"
echo "hosts: files" >"$here/nsswitch.conf"
instead hosts nsswitch.conf

start_standin --listen "127.0.0.2:${stuck##*:}"
default_keys
set_key server request_timeout 30s
set_key 'upstream location' address "http://upstream.example:${stuck##*:}"
set_key 'upstream location' auth_url "$url/auth/v1"
set_key 'upstream location' plaintext on
set_key 'upstream location' connect_timeout 1s
start_daemon
eventually is_ready

# The second address: after half a second, and not only when the whole second is over.
has "$(ask -i "$at/M11AA")" " 200 "
ms=$(logged "path=/api/v1/addresses/M11AA" | sed -n 's/.*duration_ms=\([0-9]*\).*/\1/p')
[ "$ms" -ge 400 ] || fail "the first address was not tried: $ms ms"

# Several at once, each with a connection of its own.
knob hold=1
callers --count 40 --expect 200 >"$here/told" &
told=$!
counted concurrent_now=40 >/dev/null
knob hold=0
wait "$told" || fail "$(cat "$here/told")"

stop_daemon
