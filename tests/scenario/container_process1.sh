#!/bin/bash
# As process 1 of a container, on a read-only root and without /run/postcoded: it serves without the
# admin socket that nobody configured, and says so; signals work, before it is ready and after;
# orphans leave no zombies; a command ends by a signal too.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

in_namespaces --mount

mount -t tmpfs none /run 2>/dev/null || skip "mount is not permitted here"
# shellcheck disable=SC2016 # the inner shell expands it
contain=(unshare --pid --fork --kill-child --mount --mount-proc bash -c '
    mount -o remount,ro,bind / && mount -o remount,ro,bind /run || exit 77
    (exit 0) & # a zombie from before
    exec "$@"' -)
"${contain[@]}" true || skip "namespaces of processes, or a read-only root, are not permitted here"

# become NAME: the process in the container is the program, by its number outside.
become() {
    daemon=$(ps -o pid= --ppid "$outer" | tr -d ' ')
    [ -n "$daemon" ] && [[ $(readlink "/proc/$daemon/exe") == */postcoded ]]
}
# run_contained ARGUMENT...: postcoded as process 1; sets outer, whose status is the daemon's.
run_contained() {
    : >"$here/log"
    "${contain[@]}" "$BUILD/postcoded" -c "$here/pc.ini" "$@" >"$here/out" 2>"$here/log" &
    outer=$!
    started+=("$outer")
    eventually become
    grep -q '^NSpid:.*[[:space:]]1$' "/proc/$daemon/status" || fail "it is not process 1"
}
start_contained() {
    run_contained
    eventually grep -q 'lookups on' "$here/log"
    address=$(sed -n 's/.*lookups on \([^;,]*\).*/\1/p' "$here/log")
    metrics=$(sed -n 's/.*metrics on \([^;,]*\).*/\1/p' "$here/log")
    at=http://$address/api/v1/addresses
}
ends_with() {
    within 10000 wait "$outer"
    local status=$?
    [ "$status" = "$1" ] || fail "it ended with $status"
}
inside() {
    nsenter --target "$daemon" --pid --mount "$@"
}

start_standin
default_keys
set_key metrics listen 127.0.0.1:0
set_key admin listen ''
configure
start_contained
inside touch "$here/file" 2>/dev/null && fail "the root is not read-only, and this tests nothing"
line=$(logged 'admin socket')
has "$line" " warning there is no admin socket: cannot listen on unix:/run/postcoded/admin.sock" \
    "there is no directory /run/postcoded" "mkdir" "RuntimeDirectory=" "[admin] listen = off"
[ "$(grep -c ' warning ' "$here/log")" = 1 ] || fail "more than one warning"
has "$(logged 'lookups on')" "admin off"
ready() {
    ask -f -o /dev/null "http://$metrics/readyz"
}
eventually ready
[ "$(ask -o /dev/null -w '%{http_code}' "$at/M11AA")" = 200 ] || fail "no lookup"

# An orphan becomes its child, ends, and is gone; so is the one that came with the start.
mkfifo "$here/hold"
# shellcheck disable=SC2016 # the inner shell expands it
inside bash -c 'read -r <"$1" &' - "$here/hold"
children() {
    ps -o pid= --ppid "$daemon" | wc -l
}
has_children() {
    [ "$(children)" = "$1" ]
}
eventually has_children 1
echo >"$here/hold"
eventually has_children 0

# SIGHUP reloads; SIGTERM drains, and a second one ends it at once, with a lookup under way.
kill -HUP "$daemon"
logged 'configuration reloaded'  >/dev/null
set_key server drain_timeout 1h
knob hold=1
callers >"$here/told" &
calling=$!
counted concurrent_now=1 >/dev/null
kill -TERM "$daemon"
logged 'SIGTERM: draining' >/dev/null
kill -TERM "$daemon"
logged 'second signal (SIGTERM): ending at once' >/dev/null
ends_with 0
wait "$calling"
knob hold=0
start_contained
kill -INT "$daemon"
ends_with 0
has "$(cat "$here/log")" "SIGINT: draining"

# Before it is ready: stopped while it starts, when it lets signals wait; then each has its effect.
held() {
    local mask
    mask=$(sed -n 's/^SigBlk:[[:space:]]*//p' "/proc/$daemon/status")
    [ $((0x${mask:-0} & 0x4003)) = $((0x4003)) ]
}
mkdir "$here/pc.ini.d"
for ((i = 0; i < 500; i++)); do
    echo $'[log]\nlevel = info' >"$here/pc.ini.d/$i.ini"
done
early() {
    run_contained
    until held; do
        kill -0 "$daemon" 2>/dev/null || fail "it ended"
        grep -q 'lookups on' "$here/log" && break
    done
    kill -STOP "$daemon"
    grep -q 'lookups on' "$here/log" || return 0
    kill -KILL "$daemon" # it was faster than we are
    wait "$outer"
    return 1
}
eventually early
kill -HUP "$daemon"
kill -CONT "$daemon"
logged 'configuration reloaded' >/dev/null
kill -TERM "$daemon"
ends_with 0
eventually early
kill -TERM "$daemon"
kill -CONT "$daemon"
ends_with 0
has "$(cat "$here/log")" "SIGTERM: draining"
rm -r "$here/pc.ini.d"

# A socket that the configuration names is needed.
set_key admin listen unix:/run/postcoded/admin.sock
configure
"${contain[@]}" "$BUILD/postcoded" -c "$here/pc.ini" 2>"$here/log"
[ $? = 3 ] || fail "it starts without the socket that it was told to make"
has "$(cat "$here/log")" "cannot start: cannot listen on unix:/run/postcoded/admin.sock"
# The directory is there, and cannot be written to.
mkdir /run/postcoded
set_key admin listen ''
configure
start_contained
has "$(logged 'admin socket')" " warning " "/run/postcoded is on a read-only file system" \
    "[admin] listen = off"
kill -TERM "$daemon"
ends_with 0
# Off: no warning.
set_key admin listen off
configure
start_contained
lacks "$(cat "$here/log")" " warning "
kill -TERM "$daemon"
ends_with 0

# --probe waits for an endpoint that does not answer; Ctrl-C ends it, though nothing handles it but
# us. It is sent until it is heard, for the first may come before the command begins.
knob token_hold=1
set_key 'upstream location' auth_timeout 10m
configure
run_contained --probe
interrupt() {
    kill -INT "$daemon" 2>/dev/null
    ! kill -0 "$outer" 2>/dev/null
}
eventually interrupt
ends_with 130
