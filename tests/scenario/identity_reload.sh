#!/bin/bash
# Another key at a reload: an identity that was verified with the old one is rejected from then on,
# on kept connections and on new ones, though every worker has it in its verified-token cache.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

start_standin
default_keys
set_key identity mode jwt
set_key identity key_file identity.key
set_key server idle_timeout 5m
start_daemon
eventually is_ready
old=$(mint ada) || fail "nothing minted"

# Connections go to the workers in turn, so that each of the two has two of these.
connections=()
for _ in 1 2 3 4; do
    exec {fd}<>"/dev/tcp/${address%:*}/${address##*:}" || fail "no connection"
    connections+=("$fd")
done
# kept FD IDENTITY: the status of a lookup on that connection, which stays open.
kept() {
    local LC_ALL=C line status length=0 body
    printf 'GET /api/v1/addresses/M11AA HTTP/1.1\r\nHost: h\r\nCookie: identity=%s\r\n\r\n' "$2" >&"$1"
    read -r -t 20 -u "$1" _ status _ || fail "no response on a kept connection"
    while read -r -t 20 -u "$1" line && [ "$line" != $'\r' ]; do
        [[ $line == Content-Length:* ]] && length=${line//[^0-9]/}
    done
    [ "$length" = 0 ] || read -r -t 20 -u "$1" -N "$length" body || fail "no body: $body"
    echo "$status"
}
kept_is() {
    [ "$(kept "$1" "$2")" = "$3" ]
}
fresh() {
    ask -o /dev/null -w '%{http_code}' -b "identity=$1" "$at/M11AA"
}

for fd in "${connections[@]}" "${connections[@]}"; do
    kept_is "$fd" "$old" 200 || fail "the identity is rejected before the reload"
done

printf 'another-key-of-thirty-two-bytes.' >"$here/identity.key"
kill -HUP "$daemon"
eventually metric_is postcoded_reloads_total 1 'result="success"'
new=$(mint ada) || fail "nothing minted"
[ "$new" != "$old" ] || fail "the same identity with another key"

# A worker changes between two turns of its loop: it has, once it accepts the new identity.
for fd in "${connections[@]}"; do
    eventually kept_is "$fd" "$new" 200
    kept_is "$fd" "$old" 401 || fail "the old identity is accepted on a kept connection"
    kept_is "$fd" "$new" 200 || fail "the new identity is rejected on a kept connection"
done
for _ in 1 2 3 4; do
    [ "$(fresh "$old")" = 401 ] || fail "the old identity is accepted on a new connection"
    [ "$(fresh "$new")" = 200 ] || fail "the new identity is rejected on a new connection"
done
stop_daemon
