#!/bin/bash
# Starts that fail say why in one line, with status 3, and leave nothing behind; a stale socket is
# taken over, a live one is not; Ctrl-C ends a daemon well.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

start_standin
default_keys
set_key server listen "127.0.0.1:0, unix:$here/pc.sock"
start_daemon
eventually is_ready
first=$address

# fails_to_start TEXT...: with one line that has these.
fails_to_start() {
    configure
    within 5000 "$BUILD/postcoded" -c "$here/pc.ini" >"$here/out" 2>"$here/second"
    local status=$?
    [ "$status" = 3 ] || fail "exit $status: $(cat "$here/second")"
    [ "$(wc -l <"$here/second")" = 1 ] && [ ! -s "$here/out" ] || fail "$(cat "$here/second")"
    has "$(cat "$here/second")" " error " "cannot start: " "$@"
}

# A second daemon on an address in use, of each kind. The first goes on.
set_key server listen "$first"
fails_to_start "cannot listen on $first" "another process has it" "ss -ltnp sport = :${first##*:}"
set_key server listen "unix:$here/pc.sock"
fails_to_start "cannot listen on unix:$here/pc.sock" "another process has it" \
    "ss -lxp src $here/pc.sock"
set_key server listen 127.0.0.1:0
fails_to_start "cannot listen on unix:$here/metrics.sock" "another process has it"
set_key metrics listen "$first"
fails_to_start "cannot listen on $first"
set_key metrics listen off
fails_to_start "cannot listen on unix:$here/admin.sock"
set_key admin listen off
set_key server listen "unix:$here/none/pc.sock"
fails_to_start "cannot listen on unix:$here/none/pc.sock" "there is no directory $here/none;" \
    "mkdir" "RuntimeDirectory="
set_key server listen 192.0.2.1:80
set_key identity unverified_anywhere on
fails_to_start "cannot listen on 192.0.2.1:80" "this machine has no such address"
# A low port, as a user who may not: root of another namespace of users is none here.
if [ "$(cat /proc/sys/net/ipv4/ip_unprivileged_port_start)" -gt 81 ] &&
    unshare --user --map-root-user true 2>/dev/null; then
    set_key server listen 127.0.0.1:81
    configure
    unshare --user --map-root-user "$BUILD/postcoded" -c "$here/pc.ini" 2>"$here/second"
    [ $? = 3 ] || fail "it listens on port 81: $(cat "$here/second")"
    has "$(cat "$here/second")" "cannot listen on 127.0.0.1:81: port 81 is below 1024" \
        "choose a port from 1024 on" "FileDescriptorName=tls"
fi
: >"$here/file"
set_key server listen "unix:$here/file"
fails_to_start "cannot listen on unix:$here/file" "a file that is not a socket is there"
[ -f "$here/file" ] || fail "a file that is no socket was removed"

[ "$(ask -o /dev/null -w '%{http_code}' "$at/M11AA")" = 200 ] || fail "the first is disturbed"
[ "$(ask --unix-socket "$here/pc.sock" -o /dev/null -w '%{http_code}' \
    http://h/api/v1/addresses/M11AA)" = 200 ] || fail "the first is disturbed"
is_ready || fail "the first is disturbed"

# Killed, it leaves its sockets; they are stale, and the next takes their place.
kill -KILL "$daemon"
wait "$daemon"
[ -S "$here/pc.sock" ] || fail "it left no socket, and this test tests nothing"
default_keys
set_key server listen "unix:$here/pc.sock"
set_key server socket_mode 0600
start_daemon
[ "$(stat -c %a "$here/pc.sock")" = 600 ] || fail "mode $(stat -c %a "$here/pc.sock")"
[ "$(stat -c %a "$here/admin.sock")" = 660 ] || fail "mode $(stat -c %a "$here/admin.sock")"
kill -INT "$daemon"
within 2000 wait "$daemon" || fail "Ctrl-C: status $?"
for socket in pc metrics admin; do
    [ ! -e "$here/$socket.sock" ] || fail "$socket.sock is left behind"
done
has "$(cat "$here/log")" "SIGINT: draining"

# Operators' doors may be closed; the address the system chose is told.
set_key metrics listen off
set_key admin listen off
set_key server listen '127.0.0.1:0, [::1]:0'
start_daemon
has "$(logged 'lookups on')" "metrics off; admin off" "lookups on 127.0.0.1:" ", [::1]:"
[ "$(ask -o /dev/null -w '%{http_code}' "$at/%21")" = 400 ] || fail "not there"
stop_daemon
