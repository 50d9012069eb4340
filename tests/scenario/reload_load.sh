#!/bin/bash
# A hundred reloads under load lose nothing: every call is answered 200, though each reload gives
# the workers other connections, and every fourth other credentials. At the end nothing of the old
# configurations is left.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

start_standin
default_keys
set_key log access off
start_daemon
eventually is_ready
descriptors() {
    find "/proc/$daemon/fd" -mindepth 1 | wc -l
}

# Load for as long as the reloads take.
load() {
    while [ ! -e "$here/done" ]; do
        callers --count 20 --requests 100 --expect 200 >"$here/load" || return 1
    done
}
load &
load=$!
counted lookups=1 >/dev/null
for ((i = 1; i <= 100; i++)); do
    set_key 'upstream location' connect_timeout $((1000 + i))ms
    [ $((i % 4)) = 0 ] && set_key 'upstream location' auth_param.turn "$i" &&
        set_key 'upstream location' auth_flow client_credentials
    configure
    kill -HUP "$daemon"
    eventually metric_is postcoded_reloads_total "$i" 'result="success"'
    # A token request that is under way in a reload is made again, and would count twice.
    logged "token obtained upstream=location .* generation=$((1 + i / 4)) " >/dev/null
done
: >"$here/done"
wait "$load" || fail "$(cat "$here/load")"
[ "$(metric postcoded_requests_cancelled_total)" = 0 ] || fail "callers gave up"
[ "$(counter token_requests)" = 26 ] || fail "$(counter token_requests) token requests"

# Of the old pools' connections none is left: what is open now is the last pool's, and our own.
few_left() {
    [ "$(descriptors)" -le 80 ]
}
eventually few_left
stop_daemon
