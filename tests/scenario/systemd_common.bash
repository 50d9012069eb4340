# What the scenarios with a service manager share, on top of common.bash: a daemon under
# driver/notify, which writes down what it is told in $here/told.
# shellcheck shell=bash

# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

# manage OPTION...: the daemon, with the configuration as it is, under a manager with these options;
# sets manager, daemon (its id), address and at, as start_daemon does.
manage() {
    configure
    : >"$here/told"
    "$driver/notify" --socket "$here/notify" --output "$here/told" "$@" -- \
        "$BUILD/postcoded" -c "$here/pc.ini" 2>"$here/log" &
    manager=$!
    started+=("$manager")
    find_daemon 1
}
# find_daemon N: waits for the Nth start of the daemon.
find_daemon() {
    eventually lives "$1"
    daemon=$(starts | tail -n 1)
    started+=("$daemon")
    address=$(sed -n 's/.*lookups on \([^;,]*\).*/\1/p' "$here/log" | tail -n 1)
    at=http://$address/api/v1/addresses
}
starts() {
    sed -n 's/^started //p' "$here/told"
}
lives() {
    kill -0 "$manager" 2>/dev/null || fail "the manager has ended: $(cat "$here/told")"
    [ "$(starts | wc -l)" -ge "$1" ] && [ "$(grep -c 'lookups on' "$here/log")" -ge "$1" ]
}
# told N PATTERN: waits until so many messages fit (basic expression).
told() {
    eventually told_so_often "$1" "$2"
}
told_so_often() {
    [ "$(times_told "$2")" -ge "$1" ]
}
times_told() {
    grep -c -- "$1" "$here/told"
}
# end_managed [STATUS]: the manager ends the daemon and has its status.
end_managed() {
    kill -TERM "$manager"
    wait "$manager"
    local status=$?
    [ "$status" = "${1:-0}" ] || fail "the daemon ended with $status: $(cat "$here/told")"
}
admin() {
    ask --unix-socket "$here/admin.sock" "http://admin$1" "${@:2}"
}
