#!/bin/bash
# A reload changes what comes after it: lookups under way finish as they began, on the upstream they
# began with; listeners, connections and the token stay when nothing they depend on has changed.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

reloads=0
# reload: and it is done.
reload() {
    configure
    kill -HUP "$daemon"
    reloads=$((reloads + 1))
    eventually metric_is postcoded_reloads_total "$reloads" 'result="success"'
}
upstream() {
    set_key 'upstream location' "$1" "$2"
}
lookup() {
    ask -w '%{http_code}' -o /dev/null "$at/M11AA" "$@"
}

printf 'first\n' >"$here/secret"
printf 'second\n' >"$here/other"
chmod 600 "$here/secret" "$here/other"
start_standin --client-secret-file "$here/standin-secret"
printf 'first\n' >"$here/standin-secret"
second_log=$here/second.log
"$BUILD/location-standin" --client-secret second >"$second_log" 2>&1 &
started+=($!)
eventually grep -q http "$second_log"
second=$(sed 's/.*\(http:.*\)/\1/' "$second_log")

default_keys
upstream client_secret ''
upstream client_secret_file "$here/secret"
set_key server workers 1
start_daemon
eventually is_ready
[ "$(lookup)" = 200 ] || fail "no lookup"

# Nothing changed, or nothing that token and connections depend on: both stay.
reload
set_key tracker header X-Request
upstream auth_token_early_expiry 1m
reload
[ "$(lookup)" = 200 ] || fail "no lookup"
has "$(ask -i "$at/M11AA")" "X-Request: "
has "$(counted lookups=2)" '"token_requests":1' '"connections":2' # one for tokens, one for lookups

# Another connect_timeout makes another pool: what is under way is not disturbed, and the old pool's
# connection is closed once nobody uses it.
knob hold=1
callers --count 3 --expect 200 >"$here/under-way" &
under_way=$!
counted concurrent_now=3 >/dev/null
upstream connect_timeout 1s
reload
has "$(ask "$url/standin/counters")" '"concurrent_now":3' '"aborted":0'
knob hold=0
wait "$under_way" || fail "$(cat "$here/under-way")"
only_token_connection() {
    [ "$(metric postcoded_upstream_connections 'upstream="location",state="idle"')" = 0 ]
}
eventually only_token_connection
[ "$(lookup)" = 200 ] || fail "no lookup by the new pool"
has "$(counted lookups=7)" '"token_requests":1'

# Another upstream, with other credentials: what is under way finishes with the old one, what comes
# later goes to the new one with a token of its own; and no token goes astray.
knob hold=1
callers --count 3 --expect 200 >"$here/under-way" &
under_way=$!
counted concurrent_now=3 >/dev/null
upstream address "$second"
upstream client_secret_file "$here/other"
reload
eventually is_ready
[ "$(lookup)" = 200 ] || fail "no lookup at the new upstream"
has "$(ask "$second/standin/counters")" '"lookups_ok":1' '"token_requests":1'
has "$(ask "$url/standin/counters")" '"concurrent_now":3'
knob hold=0
wait "$under_way" || fail "$(cat "$here/under-way")"

# A lookup that waits for a token when the credentials change gets the new one, and takes it where
# it belongs.
knob token_hold=1
upstream address "$url"
upstream client_secret_file "$here/secret"
reload
counted token_requests=2 >/dev/null
callers --count 2 --expect 200 >"$here/under-way" &
under_way=$!
eventually metric_is postcoded_token_waiters 2 'upstream="location"'
upstream address "$second"
upstream client_secret_file "$here/other"
reload
wait "$under_way" || fail "$(cat "$here/under-way")"
has "$(ask "$second/standin/counters")" '"lookups_ok":3' '"lookups_unauthorized":0'
lacks "$(ask "$url/standin/counters")" '"lookups_unauthorized":1'
knob token_hold=0

# Rotation: a second secret beside the first changes nothing; the first taken away does.
upstream address "$url"
upstream client_secret_file "$here/secret"
reload
eventually is_ready
requests=$(counter token_requests)
upstream client_secret_file "$here/secret, $here/other"
reload
is_ready || fail "not ready with two secrets"
[ "$(counter token_requests)" = "$requests" ] || fail "a second secret cost the token"
printf 'second\n' >"$here/standin-secret"
upstream client_secret_file "$here/other"
reload
eventually is_ready
[ "$(counter token_requests)" = $((requests + 1)) ] || fail "the token of the secret that is gone stays"
[ "$(lookup)" = 200 ] || fail "no lookup with the new secret"
lacks "$(cat "$here/log")" first second
stop_daemon
