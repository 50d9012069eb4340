#!/bin/bash
# On a host with IPv6 alone: listeners and the upstream on [::1], by number and by name; the default
# listeners, on 127.0.0.1, fail with the address to write.
#
# In a network namespace of its own, which has ::1 and no other address.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

in_namespaces "--net --mount"

# Without /proc/net/if_inet6 the system has no IPv6 at all.
[ -e /proc/net/if_inet6 ] || skip "there is no IPv6 here"
"$driver/only6" || fail "no namespace with IPv6 alone"
grep -q '^00000000000000000000000000000001 ' /proc/net/if_inet6 || skip "IPv6 is disabled here"
(exec 3<>/dev/tcp/127.0.0.1/1) 2>"$here/refused"
has "$(cat "$here/refused")" "Network is unreachable"

start_standin --listen '[::1]:0'
default_keys
set_key server listen '[::1]:8080'
set_key metrics listen '[::1]:8081'
start_daemon
[ "$address" = '[::1]:8080' ] || fail "it listens on $address"
ready() {
    ask -f -o /dev/null 'http://[::1]:8081/readyz'
}
eventually ready
[ "$(ask -o /dev/null -w '%{http_code}' "$at/M11AA")" = 200 ] || fail "no lookup"
has "$(logged 'path=/api/v1/addresses/M11AA')" 'client=[::1]:'
stop_daemon

# An upstream whose name has an IPv6 address alone.
echo '::1 upstream.example' >"$here/hosts"
echo 'hosts: files' >"$here/nsswitch.conf"
instead hosts nsswitch.conf
set_key 'upstream location' address "http://upstream.example:${url##*:}"
set_key 'upstream location' plaintext on
start_daemon
eventually ready
[ "$(ask -o /dev/null -w '%{http_code}' "$at/M11AA")" = 200 ] || fail "no lookup by name"
stop_daemon

# The defaults.
fails_to_start() {
    configure
    "$BUILD/postcoded" -c "$here/pc.ini" 2>"$here/log"
    [ $? = 3 ] || fail "it starts"
    [ "$(wc -l <"$here/log")" = 1 ] || fail "more than a line: $(cat "$here/log")"
    has "$(cat "$here/log")" "cannot start: cannot listen on $1: this machine has no such address" \
        "[::1]:PORT"
}
set_key server listen ''
fails_to_start 127.0.0.1:8080
set_key server listen '[::1]:8080'
set_key metrics listen ''
fails_to_start 127.0.0.1:8081
