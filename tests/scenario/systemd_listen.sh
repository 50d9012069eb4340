#!/bin/bash
# Listeners of the daemon's own: several, IPv6, Unix sockets with their mode; a stale socket is
# removed, one that somebody answers on is not, and neither is a file that is no socket.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

start_standin
default_keys
v6='[::1]:0, '
grep -q '' /proc/net/if_inet6 2>/dev/null || v6=
set_key server listen "127.0.0.1:0, ${v6}unix:$here/a.sock, unix:$here/b.sock"
set_key server socket_mode 0606
set_key admin socket_mode 0600
start_daemon
eventually is_ready
IFS=', ' read -r -a all <<<"$(sed -n 's/.*lookups on \(.*\); metrics on.*/\1/p' "$here/log")"
[ "${#all[@]}" = $((3 + (${#v6} > 0))) ] || fail "listens on ${all[*]}"
for one in "${all[@]}"; do
    to=(-g "http://$one/api/v1/addresses/M11AA")
    [ "${one#unix:}" = "$one" ] || to=(--unix-socket "${one#unix:}" http://h/api/v1/addresses/M11AA)
    [ "$(ask -o /dev/null -w '%{http_code}' "${to[@]}")" = 200 ] || fail "no answer on $one"
done
[ "$(stat -c %a "$here/a.sock" "$here/b.sock" "$here/admin.sock" | tr '\n' ' ')" = "606 606 600 " ] ||
    fail "modes: $(stat -c '%a %n' "$here"/*.sock)"

# A second daemon on a socket that is answered: it does not start, and the first goes on.
"$BUILD/postcoded" -c "$here/pc.ini" 2>"$here/second"
[ $? = 3 ] || fail "a second one started"
has "$(cat "$here/second")" "another process has it"
[ -S "$here/a.sock" ] || fail "the second took the socket away"
[ "$(ask -o /dev/null -w '%{http_code}' --unix-socket "$here/a.sock" http://h/none)" = 404 ] ||
    fail "the first does not answer"

# Killed, it leaves its sockets behind; they are in nobody's way. Ended well, it takes them along.
stop_daemon KILL 137
[ -S "$here/a.sock" ] || fail "no stale socket to test with"
rm -f "$here/log"
start_daemon
eventually is_ready
stop_daemon
for file in a.sock b.sock metrics.sock admin.sock; do
    [ ! -e "$here/$file" ] || fail "$file was left behind"
done

# What is no socket is nobody's to remove.
echo precious >"$here/a.sock"
"$BUILD/postcoded" -c "$here/pc.ini" 2>"$here/second"
[ $? = 3 ] || fail "it started over a file"
[ "$(cat "$here/a.sock")" = precious ] || fail "the file is gone"
