#!/bin/bash
# A resolver that never answers: a lookup ends in time all the same, so do many at once, operators
# are answered meanwhile, and the end of the daemon does not wait for it.
#
# In namespaces of its own, where /etc/resolv.conf names a server that does not answer.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

in_namespaces "--mount --net"

start_stuck --resolver
echo "nameserver 127.0.0.1" >"$here/resolv.conf"
echo "hosts: dns" >"$here/nsswitch.conf"
instead resolv.conf nsswitch.conf

timeout=400
start_standin
default_keys
set_key server request_timeout "${timeout}ms"
set_key 'upstream location' auth_url "$url/auth/v1"
set_key 'upstream location' address http://upstream.example
set_key 'upstream location' plaintext on
start_daemon
eventually is_ready

has "$(within $((timeout + 600)) ask -i "$at/M11AA")" " 504 " '"code":"deadline_exceeded"'

callers --count 40 --requests 3 --expect 504 >"$here/told" &
told=$!
eventually metric_is postcoded_requests_in_flight 40
has "$(within 1000 operators /healthz -i)" " 200 "
has "$(within 1000 operators /readyz -i)" " 200 "
# What needs no upstream is answered by the workers too.
has "$(within 1000 ask -i "$at/nowhere%21")" " 400 "
wait "$told" || fail "$(cat "$here/told")"
late=$(sed -n 's/.*duration_ms=\([0-9]*\).*/\1/p' "$here/log" | sort -n | tail -n 1)
[ "$late" -le $((timeout + 100 * slow)) ] || fail "a lookup ended after $late ms"

# The end, with lookups under way.
callers --count 5 >"$here/told" &
eventually metric_is postcoded_requests_in_flight 5
kill -TERM "$daemon"
kill -TERM "$daemon"
within 2000 wait "$daemon" || fail "the daemon ended with $?"
