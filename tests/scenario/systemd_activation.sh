#!/bin/bash
# Sockets handed down by the service manager take the place of [server] listen; metrics and admin
# stay. Several at once, IPv6 and Unix ones among them; a restart loses no caller; and nobody goes
# unverified on one that is not loopback.
# shellcheck source=tests/scenario/systemd_common.bash
. "$TOP/tests/scenario/systemd_common.bash"

status_of() {
    ask -o /dev/null -w '%{http_code}' "$@"
}
# ports: of the listeners, in the order the daemon names them.
named() {
    sed -n 's/.*lookups on \(.*\); metrics on.*/\1/p' "$here/log" | tail -n 1
}

start_standin
default_keys
set_key server listen "unix:$here/not-made.sock"

# By the real tool, which starts the daemon when the first caller comes. It binds the port itself,
# so one that is free is asked for until it is still free.
if command -v systemd-socket-activate >/dev/null; then
    configure
    port=0
    activator=
    come_up() {
        if [ -z "$activator" ] || ! kill -0 "$activator" 2>/dev/null; then
            port=$((20000 + RANDOM % 20000))
            systemd-socket-activate -l "127.0.0.1:$port" -l "$here/by-tool.sock" \
                "$BUILD/postcoded" -c "$here/pc.ini" 2>"$here/log" &
            activator=$!
            started+=("$activator")
        fi
        grep -q 'Listening on.*by-tool' "$here/log"
    }
    eventually come_up
    answered() {
        [ "$(status_of "http://127.0.0.1:$port/api/v1/addresses/M11AA")" = 200 ]
    }
    eventually answered
    [ "$(status_of --unix-socket "$here/by-tool.sock" http://h/api/v1/addresses/M11AA)" = 200 ] ||
        fail "no lookup by the Unix socket"
    has "$(named)" "127.0.0.1:$port" "unix:$here/by-tool.sock"
    [ ! -e "$here/not-made.sock" ] || fail "[server] listen was bound too"
    eventually is_ready
    # It became the daemon: the same process.
    kill -TERM "$activator"
    wait "$activator" || fail "ended with $?"
    [ -S "$here/by-tool.sock" ] || fail "the manager's socket was removed"
    rm -f "$here/log"
fi

# Three at once; the daemon names what it got.
v6="--listen=[::1]:0"
grep -q '' /proc/net/if_inet6 2>/dev/null || v6=
manage --listen 127.0.0.1:0 ${v6:+"$v6"} --listen "unix:$here/handed.sock"
has "$(named)" "unix:$here/handed.sock" "127.0.0.1:"
IFS=', ' read -r -a all <<<"$(named)"
for one in "${all[@]}"; do
    case $one in
    unix:*) code=$(status_of --unix-socket "${one#unix:}" http://h/api/v1/addresses/M11AA) ;;
    *) code=$(status_of -g "http://$one/api/v1/addresses/M11AA") ;;
    esac
    [ "$code" = 200 ] || fail "$one: $code"
done

# A restart under load: callers wait in the manager's backlog, and all are answered.
tcp=${all[0]}
for ((i = 0; i < 40; i++)); do
    status_of "http://$tcp/api/v1/addresses/M11AA"
    echo
done >"$here/codes" &
asking=$!
eventually [ -s "$here/codes" ]
kill -USR1 "$manager"
wait "$asking"
[ "$(sort "$here/codes" | uniq -c | tr -s ' ')" = " 40 200" ] || fail "$(sort "$here/codes" | uniq -c)"
find_daemon 2
end_managed

# Mode off on a socket that everybody can reach: refused at the start, and by a reload.
manage_refused() {
    configure
    "$driver/notify" --socket "$here/notify" --output "$here/told" --listen 0.0.0.0:0 -- \
        "$BUILD/postcoded" -c "$here/pc.ini" 2>"$here/log"
    [ $? = 3 ] || fail "it started"
    has "$(cat "$here/log")" "no caller is verified" "ListenStream="
}
manage_refused
set_key identity mode jwt
set_key identity key_file "$here/identity.key"
rm -f "$here/log"
manage --listen 0.0.0.0:0
set_key identity mode plain
configure
kill -HUP "$daemon"
logged 'no caller is verified'
logged 'the configuration stays as it was'
[ "$(status_of "http://127.0.0.1:${address##*:}/api/v1/addresses/M11AA" -b identity=me)" = 401 ] ||
    fail "unverified"
end_managed
