# postcoded.socket: the manager listens, and goes on listening whatever becomes of the daemon.
# shellcheck shell=bash disable=SC2154 # of tests/systemd/inside

listens() {
    systemctl -q is-active postcoded.socket
}

test_socket_starts_it() {
    systemctl start postcoded.socket || fail "no socket"
    state_is inactive || fail "it runs without a caller"
    [ "$(lookup)" = 200 ] || fail "the first caller gets no answer"
    eventually is_active
    says "socket(s) of the service manager"
}

# Callers wait in the backlog while it is away.
test_socket_restart_refuses_nobody() {
    local codes
    systemctl start postcoded.socket
    eventually serves
    kept
    for ((i = 0; i < 40; i++)); do
        lookup
        echo
    done >/run/codes &
    eventually [ -s /run/codes ]
    systemctl restart postcoded || fail "it does not start again"
    wait
    codes=$(sort /run/codes | uniq -c | tr -s ' ')
    [ "$codes" = " 40 200" ] || fail "$codes"
    is_kept
}

test_socket_after_crash() {
    local before
    restart_quickly
    systemctl start postcoded.socket
    eventually serves
    for _ in 1 2 3 4 5 6 7 8; do
        before=$(pid)
        kill -KILL "$before"
        eventually serves
    done
    listens || fail "the socket is $(shows ActiveState postcoded.socket)"
}

# A broken file, and callers that come and go; once it is mended, the next caller is answered.
test_socket_broken_ini() {
    restart_quickly
    break_ini
    systemctl start postcoded.socket || fail "no socket"
    for ((i = 0; i < 30; i++)); do
        lookup -m 0.1 >/run/code-$((i % 3)) &
        ((i % 3 < 2)) || wait
        listens || fail "the socket is $(shows ActiveState postcoded.socket) after $i callers"
    done
    eventually tried 8
    listens || fail "the socket is $(shows ActiveState postcoded.socket)"
    mend_ini
    eventually serves
    eventually is_active
}

# The same with the delays as they are installed.
test_socket_broken_ini_as_installed() {
    break_ini
    systemctl start postcoded.socket || fail "no socket"
    lookup -m 0.2
    eventually tried 3
    for _ in 1 2 3; do
        lookup -m 0.2
    done
    listens || fail "the socket is $(shows ActiveState postcoded.socket)"
    mend_ini
    eventually serves
}
