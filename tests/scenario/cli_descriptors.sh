#!/bin/bash
# Started with any of descriptors 0 to 2 closed, the daemon serves and ends well, with sockets that
# a service manager handed down too; a command that cannot print does not end well.
# shellcheck source=tests/scenario/systemd_common.bash
. "$TOP/tests/scenario/systemd_common.bash"

start_standin
default_keys
set_key server listen "unix:$here/pc.sock"
configure

# closed WHICH COMMAND...: runs it in place of this shell, with these descriptors closed.
closed() {
    local which=$1
    shift
    [[ $which == *0* ]] && exec 0<&-
    [[ $which == *1* ]] && exec 1>&-
    [[ $which == *2* ]] && exec 2>&-
    exec "$@"
}
look_up() {
    [ "$(ask --unix-socket "$here/$1" -o /dev/null -w '%{http_code}' \
        http://h/api/v1/addresses/M11AA)" = 200 ]
}
# standard N FILE: the daemon's descriptor is that file.
standard() {
    [ "$(readlink "/proc/$daemon/fd/$1")" = "$2" ] ||
        fail "descriptor $1 is $(readlink "/proc/$daemon/fd/$1")"
}

for which in 0 1 2 01 02 12 012; do
    (closed "$which" "$BUILD/postcoded" -c "$here/pc.ini") <&0 >"$here/out" 2>"$here/log" &
    daemon=$!
    started+=("$daemon")
    eventually look_up pc.sock || fail "closed: $which"
    for n in ${which:0:1} ${which:1:1} ${which:2:1}; do
        standard "$n" /dev/null
    done
    # A token, an upstream and callers: none of their sockets took a low number.
    [[ $which == *2* ]] || standard 2 "$here/log"
    kill -TERM "$daemon"
    wait "$daemon" || fail "with $which closed it ended with $?"
    [ ! -s "$here/out" ] || fail "with $which closed it printed: $(cat "$here/out")"
done

# A socket that was handed down keeps its number, 3.
configure
export -f closed
"$driver/notify" --socket "$here/notify" --output "$here/told" --listen "unix:$here/handed.sock" \
    -- bash -c 'closed 012 "$@"' - "$BUILD/postcoded" -c "$here/pc.ini" &
manager=$!
started+=("$manager")
eventually look_up handed.sock
end_managed

# Printing to nowhere is a failure; a fault is told by the status alone.
for command in --check --print-config --version --help; do
    "$BUILD/postcoded" -c "$here/pc.ini" "$command" >&- 2>"$here/log"
    [ $? = 3 ] || fail "$command cannot print, and ends with another status"
done
"$BUILD/postcoded" -c "$here/none.ini" --check 0<&- 1>&- 2>&-
[ $? = 1 ] || fail "a fault without descriptors has another status"
"$BUILD/postcoded" --frobnicate 2>&-
[ $? = 2 ] || fail "wrong usage without descriptor 2 has another status"
