#!/bin/bash
# What the service manager is told: READY when callers can come, whether or not there is a token;
# the token's health in a sentence; a reload's beginning and end; the end.
# shellcheck source=tests/scenario/systemd_common.bash
. "$TOP/tests/scenario/systemd_common.bash"

start_standin --token-hold
default_keys
manage

# Ready without a token: the endpoint has not answered yet.
told 1 '^READY=1$'
told 1 '^STATUS=Not ready: there is no token of location (fetching)'
[ "$(operators /readyz -o /dev/null -w '%{http_code}')" = 503 ] || fail "ready without a token"
knob token_hold=0
told 1 '^STATUS=Ready: the token of location is valid until 20[0-9-]*T[0-9:]*Z; the next request is due at 20[0-9-]*T[0-9:]*Z\.$'
eventually is_ready

# A reload: when it began, by a clock that is never ahead of the machine's uptime, and READY at its
# end.
kill -HUP "$manager"
told 1 '^RELOADING=1\\nMONOTONIC_USEC='
told 2 '^READY=1$'
usec=$(sed -n 's/^RELOADING=1\\nMONOTONIC_USEC=\([0-9]*\)$/\1/p' "$here/told")
after=$(awk '{ printf "%.0f", ($1 + 1) * 1000000 }' /proc/uptime)
{ [ "$usec" -gt 0 ] && [ "$usec" -le "$after" ]; } || fail "MONOTONIC_USEC is $usec"
[ "$(grep -n '^RELOADING' "$here/told" | cut -d: -f1)" -lt \
    "$(grep -n '^READY=1$' "$here/told" | tail -n 1 | cut -d: -f1)" ] || fail "READY came first"

# One that fails is told too, and the daemon works on.
echo nonsense >>"$here/pc.ini"
kill -HUP "$manager"
told 3 '^READY=1$'
told 1 '^STATUS=Ready: .*The last reload failed; the log says why\.$'

# The end. No secret was told, and without a watchdog there was nothing to feed.
end_managed
told 1 '^STOPPING=1$'
told 1 '^STATUS=Draining: '
[ "$(grep '^STATUS=' "$here/told" | tail -n 1)" = "STATUS=Stopped." ] ||
    fail "the last status is not that it stopped: $(tail -n 3 "$here/told")"

# Keys of a URL that were never there: not ready, whatever the token is.
set_key identity mode jwt
set_key identity key_url http://127.0.0.1:1/jwks
manage
told 1 '^STATUS=Not ready: no keys of http://127.0.0.1:1/jwks: the server refused the connection; the token of location is valid'
end_managed
set_key identity mode off

# A start that fails says why, and never that it is ready.
set_key admin listen "unix:$here/none/admin.sock"
configure
"$driver/notify" --socket "$here/notify" --output "$here/told-failed" -- \
    "$BUILD/postcoded" -c "$here/pc.ini" 2>"$here/log"
[ $? = 3 ] || fail "it started"
has "$(cat "$here/told-failed")" "STATUS=Cannot start: cannot listen on unix:$here/none/admin.sock"
lacks "$(cat "$here/told-failed")" "STATUS=Ready"
[ "$(times_told WATCHDOG=1)" = 0 ] || fail "fed a watchdog that is not there"
