#!/bin/bash
# A daemon whose callers are not verified does not start on an address that others reach, unless
# told that it may; with identities that are verified it does.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

url=http://127.0.0.1:1
default_keys
set_key identity key_file identity.key

for listen in 0.0.0.0:0 '[::]:0' '127.0.0.1:0, 0.0.0.0:0' 192.0.2.1:0; do
    set_key server listen "$listen"
    for mode in plain off; do
        set_key identity mode "$mode"
        configure
        within 2000 "$BUILD/postcoded" -c "$here/pc.ini" 2>"$here/log"
        [ $? = 1 ] || fail "$mode on $listen: not exit 1"
        has "$(cat "$here/log")" "unverified_anywhere" "[identity] mode" "${listen##*, }"
        "$BUILD/postcoded" -c "$here/pc.ini" --check 2>"$here/log" && fail "$mode on $listen: well"
        has "$(cat "$here/log")" "$here/pc.ini:" "unverified_anywhere"
    done
done

set_key identity mode jwt
set_key server listen '0.0.0.0:0'
start_daemon
stop_daemon

set_key identity mode plain
set_key identity unverified_anywhere on
start_daemon
logged "warning .*forge" >/dev/null
stop_daemon

# On loopback and on Unix sockets it needs no leave, but plain is warned of.
set_key identity unverified_anywhere off
set_key server listen "127.0.0.1:0, [::1]:0, unix:$here/pc.sock, 127.8.9.10:0"
start_daemon
logged "warning .*forge" >/dev/null
stop_daemon
