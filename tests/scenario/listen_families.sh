#!/bin/bash
# [::]:PORT is for callers of both families, whatever the system's default is, and an access line
# has an IPv4 caller's address as IPv4 writes it. Beside 0.0.0.0 on the same port it is a fault. On
# a host without IPv6 the error names what to write.
#
# In network namespaces of its own.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

in_namespaces "--net"

[ -e /proc/net/if_inet6 ] || skip "there is no IPv6 here"

# The last thing that this scenario does with its namespace is to take IPv6 away.
is_ready_at_8081() {
    ask -f -o /dev/null http://127.0.0.1:8081/readyz
}
without_ipv6() {
    "$driver/only6" --4 || fail "no namespace with IPv4 alone"
    start_standin
    default_keys
    set_key identity unverified_anywhere on
    set_key server listen '[::1]:8080'
    configure
    "$BUILD/postcoded" -c "$here/pc.ini" 2>"$here/log"
    [ $? = 3 ] || fail "it starts"
    has "$(cat "$here/log")" "cannot start: cannot listen on [::1]:8080" \
        "no such address" "127.0.0.1:PORT or 0.0.0.0:PORT"
    set_key server listen '[::]:8080'
    start_daemon
    eventually is_ready
    [ "$(ask -o /dev/null -w '%{http_code}' http://127.0.0.1:8080/api/v1/addresses/M11AA)" = 200 ] ||
        fail "no lookup by IPv4"
    stop_daemon
}
[ "${1:-}" != without ] || {
    without_ipv6
    exit
}

(exec unshare --net "$0" without) || fail "without IPv6"

"$driver/only6" --both || fail "no namespace with loopback"
grep -q '^00000000000000000000000000000001 ' /proc/net/if_inet6 || skip "IPv6 is disabled here"
start_standin
default_keys
set_key identity unverified_anywhere on
set_key server listen '[::]:8080'
set_key metrics listen '[::]:8081'
for only6 in 0 1; do
    echo "$only6" >/proc/sys/net/ipv6/bindv6only
    start_daemon
    eventually is_ready_at_8081
    for host in 127.0.0.1 '[::1]'; do
        : >"$here/log"
        [ "$(ask -o /dev/null -w '%{http_code}' "http://$host:8080/api/v1/addresses/M11AA")" = 200 ] ||
            fail "no lookup by $host, bindv6only $only6"
        logged "client=" >/dev/null
        has "$(cat "$here/log")" "client=$host:"
        lacks "$(cat "$here/log")" "ffff"
    done
    stop_daemon
done

# Both on a port are one too many.
for both in '[::]:8080, 0.0.0.0:8080' '0.0.0.0:8080, [::]:8080'; do
    set_key server listen "$both"
    configure
    "$BUILD/postcoded" -c "$here/pc.ini" --check >"$here/told" 2>&1 && fail "no fault in $both"
    has "$(cat "$here/told")" "[server] listen" "for [::] listens on IPv4 too; leave"
done
exit 0
