#!/bin/bash
# The token survives a crash and a restart, in the service manager's descriptor store: one entry, a
# sealed file that holds nothing readable, replaced with each token and removed with the last. A
# descriptor that is damaged, old or somebody else's costs one line in the log and one token
# request.
# shellcheck source=tests/scenario/systemd_common.bash
. "$TOP/tests/scenario/systemd_common.bash"

requests() {
    counter token_requests
}
# stored: the paths of the manager's kept entries.
stored() {
    find "/proc/$manager/fd" -lname '*memfd:postcoded-token*'
}
one_stored() {
    [ "$(stored | wc -l)" = 1 ]
}
generation() {
    admin /tokens | sed -n 's/.*"fingerprint": "\([^"]*\)".*/\1/p'
}

start_standin --token-size 300
default_keys
manage --restart
eventually is_ready
eventually one_stored
told 1 '^FDSTOREREMOVE=1\\nFDNAME=postcoded-token$'
told 1 '^FDSTORE=1\\nFDNAME=postcoded-token \[1 fd\]$'
token=$(generation)

# Sealed: nobody can change it; encrypted: nobody can read it. Of what it holds this test knows the
# token, by asking for it as the daemon does.
{ : >"$(stored)"; } 2>/dev/null && fail "it can be written to"
cp "$(stored)" "$here/kept"
[ "$(stat -c %s "$here/kept")" -gt 300 ] || fail "what is kept is too small for a token"
lacks "$(tr -d '\0' <"$here/kept")" Bearer location demo

# kill -9: the next one is ready with no token request, before it has asked anybody.
knob token_hold=1
kill -KILL "$daemon"
find_daemon 2
is_ready || fail "not ready at once"
[ "$(generation)" = "$token" ] || fail "another token than before the crash"
[ "$(ask -o /dev/null -w '%{http_code}' "$at/M11AA")" = 200 ] || fail "no lookup"
logged 'token restored from before the restart' >/dev/null
[ "$(requests)" = 1 ] || fail "$(requests) token requests"

# So with a restart that is asked for; and what was taken back is not stored a second time.
kill -USR1 "$manager"
find_daemon 3
is_ready || fail "not ready at once"
[ "$(requests)" = 1 ] || fail "$(requests) token requests"
[ "$(times_told '^FDSTORE=1')" = 1 ] || fail "stored again"
one_stored || fail "entries: $(stored)"

# Another token takes its place.
knob token_hold=0
[ "$(admin /tokens/location/refresh -X POST -o /dev/null -w '%{http_code}')" = 202 ] || fail refresh
told 2 '^FDSTORE=1'
eventually one_stored
cmp -s "$(stored)" "$here/kept" && fail "the entry is the old one"

# A token forgotten is forgotten there too.
knob token_hold=1
[ "$(admin /tokens/location/forget -X POST -o /dev/null -w '%{http_code}')" = 204 ] || fail forget
none_stored() {
    [ -z "$(stored)" ]
}
eventually none_stored
knob token_hold=0
told 3 '^FDSTORE=1'
eventually one_stored

# Other credentials: what is kept is of no use to them, is not used, and goes.
token=$(generation)
before=$(requests)
set_key 'upstream location' auth_param.resource other
set_key 'upstream location' auth_flow client_credentials
configure
kill -KILL "$daemon"
find_daemon 4
logged 'kept by the service manager is not used: it is damaged, or belongs to other credentials' >/dev/null
eventually is_ready
[ "$(requests)" = $((before + 1)) ] || fail "no fresh token"
[ "$(generation)" != "$token" ] || fail "the old token"
told 4 '^FDSTORE=1'
eventually one_stored
cp "$(stored)" "$here/kept"
end_managed

# use OPTION FILE PATTERN REQUESTS: a daemon with that descriptor says so (once), and makes so many
# token requests.
use() {
    local before
    before=$(requests)
    rm -f "$here/log"
    configure
    "$driver/handdown" "$1" "$2" -- "$BUILD/postcoded" -c "$here/pc.ini" 2>"$here/log" &
    daemon=$!
    started+=("$daemon")
    eventually listens
    eventually is_ready
    [ "$(grep -c "$3" "$here/log")" = 1 ] || fail "$2: not once: $3"
    [ "$(requests)" = $((before + $4)) ] || fail "$2: $(($(requests) - before)) token requests"
    stop_daemon
}
not_used='is not used: it is'
size=$(stat -c %s "$here/kept")
head -c $((size - 1)) "$here/kept" >"$here/cut"
head -c 40 "$here/kept" >"$here/short"
: >"$here/empty"
head -c 100000 /dev/zero >"$here/huge"
head -c "$size" /dev/urandom >"$here/random"
{ printf 'postcodT\003' && tail -c +10 "$here/kept"; } >"$here/version"
# flip AT: the same with one bit changed.
flip() {
    local byte
    byte=$(od -An -tu1 -j "$1" -N 1 "$here/kept")
    { head -c "$1" "$here/kept" && printf "\\x$(printf %x $((byte ^ 1)))" &&
        tail -c +$(($1 + 2)) "$here/kept"; } >"$here/flipped"
}
use --sealed "$here/kept" 'token restored from before the restart' 0
use --unsealed "$here/kept" "$not_used not a sealed memory file" 1
use --file "$here/kept" "$not_used not a sealed memory file" 1
use --sealed "$here/cut" "$not_used damaged, or belongs to other credentials" 1
use --sealed "$here/short" "$not_used cut short or too long" 1
use --sealed "$here/empty" "$not_used cut short or too long" 1
use --sealed "$here/huge" "$not_used cut short or too long" 1
use --sealed "$here/random" "$not_used not a sealed token" 1
use --sealed "$here/version" "$not_used of another version" 1
for at_byte in 9 45 60 $((size - 20)) $((size - 1)); do
    flip "$at_byte"
    use --sealed "$here/flipped" "$not_used damaged, or belongs to other credentials" 1
done
