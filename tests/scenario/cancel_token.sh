#!/bin/bash
# A caller who goes away while waiting for a token stops waiting, and asks nothing of the upstream;
# the token request goes on for the others, and its token is stored.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

start_standin --token-hold
default_keys
set_key 'upstream location' auth_prefetch off
start_daemon
# A pipe for each: whoever else read the same one would leave with the first, and the next writer
# would wait for a reader for ever.
mkfifo "$here/go" "$here/go--reset" "$here/go--half-close"

# Sixty ask; twenty leave in each way; nobody is left, and still there is a token.
for how in "" --reset --half-close; do
    # shellcheck disable=SC2086 # no option, or one
    callers --count 20 --leave-on-fd "$here/go$how" $how >"$here/told$how" &
    pids+=($!)
done
eventually metric_is postcoded_token_waiters 60 'upstream="location"'
for how in "" --reset --half-close; do
    : >"$here/go$how"
done
eventually metric_is postcoded_requests_cancelled_total 60
for pid in "${pids[@]}"; do
    wait "$pid" || fail "$(cat "$here"/told*)" # what it says, it says at its end
done
for how in "" --reset --half-close; do
    has "$(cat "$here/told$how")" '"left":20' '"bytes":0' '"errors":0'
done
metric_is postcoded_token_waiters 0 'upstream="location"' || fail "somebody is still waiting"
line=$(logged "status=499")
has "$line" " code=cancelled " waited_for_token=true
lacks "$line" upstream_ms
[ "$(counter token_requests)" = 1 ] || fail "not one token request"

# One more waits, and is answered when the token comes: the request of those who left.
callers --expect 200 >"$here/told" &
last=$!
eventually metric_is postcoded_token_waiters 1 'upstream="location"'
knob token_hold=0
wait "$last" || fail "$(cat "$here/told")"
callers --count 10 --expect 200 >"$here/told" || fail "$(cat "$here/told")"
[ "$(counter token_requests)" = 1 ] || fail "the token was not stored"
[ "$(counter lookups)" = 11 ] || fail "the upstream was asked for those who left"
stop_daemon

# The same with nobody left at all: whoever comes later finds the token.
knob token_hold=1
start_daemon
callers --leave-on-fd "$here/go" >"$here/told" &
eventually metric_is postcoded_token_waiters 1 'upstream="location"'
: >"$here/go"
eventually metric_is postcoded_requests_cancelled_total 1
knob token_hold=0
logged "token obtained" >/dev/null
callers --expect 200 >"$here/told" || fail "$(cat "$here/told")"
[ "$(counter token_requests)" = 2 ] || fail "the token was not stored"
stop_daemon
