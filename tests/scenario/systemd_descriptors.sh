#!/bin/bash
# Of the descriptors that a service manager hands down the daemon holds open only the listening
# sockets that it uses: what is none is closed and logged, and what held a token is closed once it
# was read, or need not be read.
# shellcheck source=tests/scenario/systemd_common.bash
. "$TOP/tests/scenario/systemd_common.bash"

# held: what the daemon's descriptors are, one a line.
held() {
    find "/proc/$daemon/fd" -type l -printf '%l\n'
}
status_by() {
    ask --unix-socket "$here/handed.sock" -o /dev/null -w '%{http_code}' \
        http://h/api/v1/addresses/M11AA
}
stored() {
    find "/proc/$manager/fd" -lname '*memfd:postcoded-token*'
}
one_stored() {
    [ "$(stored | wc -l)" = 1 ]
}

# A token that comes back after a crash: its file is closed once it was read.
start_standin
default_keys
manage --restart
eventually one_stored
kill -KILL "$daemon"
find_daemon 2
ls "/proc/$daemon/fd" >/dev/null 2>&1 || skip "the daemon's descriptors cannot be listed"
is_ready || fail "not ready at once"
logged 'token restored from before the restart' >/dev/null
lacks "$(held)" memfd:
cp "$(stored)" "$here/kept"
end_managed

# handed_down OPTION...: a daemon with these, and a listening socket among them.
handed_down() {
    rm -f "$here/log"
    set_key server listen "unix:$here/own.sock"
    configure
    "$driver/handdown" "$@" -- "$BUILD/postcoded" -c "$here/pc.ini" 2>"$here/log" &
    daemon=$!
    started+=("$daemon")
    eventually listens
    eventually is_ready
}
socket_of() {
    readlink "/proc/self/fd/$1"
}
echo nothing >"$here/file"
exec {connected}<>"/dev/tcp/${api%:*}/${api##*:}" || fail "no connection"
exec {datagrams}<>"/dev/udp/${api%:*}/${api##*:}" || fail "no socket"

# Nothing of what is no listening socket stays, wherever it lies among the others.
handed_down --name first --fd "$connected" --name web --listen "$here/handed.sock" \
    --name second --file "$here/file" --fd "$datagrams" --sealed "$here/kept"
[ "$(grep -c 'of the service manager is not a listening socket; it is closed' "$here/log")" = 4 ] ||
    fail "not four are closed"
[ "$(status_by)" = 200 ] || fail "no lookup by the socket that was handed down"
lacks "$(held)" "$(socket_of "$connected")" "$(socket_of "$datagrams")" "$here/file" memfd:
stop_daemon

# Nor of the kept tokens: the newest is read, the others are not; and where none is of use, all are.
handed_down --sealed "$here/file" --file "$here/file" --sealed "$here/kept"
logged 'token restored from before the restart' >/dev/null
lacks "$(held)" "$here/file" memfd:
stop_daemon
handed_down --sealed "$here/kept" --unsealed "$here/kept" --sealed "$here/file" \
    --name web --listen "$here/handed.sock"
logged 'token restored from before the restart' >/dev/null
[ "$(grep -c 'is not used: it is' "$here/log")" = 2 ] || fail "not two are of no use"
[ "$(status_by)" = 200 ] || fail "no lookup by the socket that was handed down"
lacks "$(held)" memfd:
stop_daemon
handed_down --unsealed "$here/kept" --sealed "$here/file" --file "$here/file"
[ "$(grep -c 'is not used: it is' "$here/log")" = 3 ] || fail "not three are of no use"
lacks "$(held)" "$here/file" memfd:
stop_daemon
