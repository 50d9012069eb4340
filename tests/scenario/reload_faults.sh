#!/bin/bash
# A reload that cannot be: the old configuration stays in force, each fault is logged with its
# place, and nothing is lost. A key that cannot reload is named and keeps its value.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

failures=0
# refused PATTERN...: the reload fails, and the log says why.
refused() {
    local pattern
    kill -HUP "$daemon"
    failures=$((failures + 1))
    eventually metric_is postcoded_reloads_total "$failures" 'result="failure"'
    for pattern; do
        logged "$pattern" >/dev/null
    done
    [ "$(ask -o /dev/null -w '%{http_code}' "$at/M11AA")" = 200 ] || fail "no lookup after $*"
}

start_standin
default_keys
start_daemon
eventually is_ready

# Every fault, not the first alone.
set_key server request_timeout soon
set_key log level loud
configure
refused 'pc.ini:[0-9]*: \[server\] request_timeout: ' 'pc.ini:[0-9]*: \[log\] level: ' \
    'reload failed: the configuration stays as it was'
set_key server request_timeout ''
set_key log level ''

# A key file that is none, and a certificate that is none: found by those who would use them.
set_key identity mode jwt
set_key identity key_file "$here/short.key"
printf short >"$here/short.key"
chmod 600 "$here/short.key"
configure
refused 'pc.ini:[0-9]*: \[identity\] key_file: '
set_key identity mode off
set_key identity key_file ''
set_key 'upstream location' ca_file "$here/short.key"
configure
refused 'pc.ini:[0-9]*: \[upstream location\] ca_file: '
set_key 'upstream location' ca_file ''

# No file at all.
mv "$here/pc.ini" "$here/gone.ini"
refused 'reload failed'
[ "$(counter token_requests)" = 1 ] || fail "reloads that failed cost token requests"

# What cannot reload keeps its value and is named; the rest of that file counts.
set_key server listen 127.0.0.1:1
set_key 'upstream location' auth_token_key other
set_key log level debug
configure
kill -HUP "$daemon"
logged 'warning \[server\] listen changed, but it cannot be reloaded' >/dev/null
logged 'warning \[upstream location\] auth_token_key changed, but it cannot' >/dev/null
eventually metric_is postcoded_reloads_total 1 'result="success"'
shown=$(ask --unix-socket "$here/admin.sock" http://admin/config)
has "$shown" '"value": "127.0.0.1:0"' '"value": "location_auth_token"' '"value": "debug"'
lacks "$shown" '127.0.0.1:1"'
[ "$(ask -o /dev/null -w '%{http_code}' "$at/M11AA")" = 200 ] || fail "no lookup"
[ "$(counter token_requests)" = 1 ] || fail "the token was not kept"

# SIGHUP while it ends changes nothing about the end.
knob hold=1
callers --expect 200 >"$here/last" &
last=$!
counted concurrent_now=1 >/dev/null
kill -TERM "$daemon"
logged 'draining' >/dev/null
kill -HUP "$daemon"
logged 'reload ignored: the daemon is draining' >/dev/null
knob hold=0
wait "$last" || fail "$(cat "$here/last")"
wait "$daemon" || fail "ended with $?"
