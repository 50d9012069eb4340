#!/bin/bash
# A call that waits for its token during a reload goes on at the upstream of after, for the token is
# that one's. What it brings is nobody's own, and is not kept: its key says the upstream of before.
# shellcheck source=tests/scenario/cache_held_common.bash
. "$TOP/tests/scenario/cache_held_common.bash"

cache_keys
with_users
says 'cache_control=public, max-age=3600' echo=X-User
knob token_hold=1
before=$url

# wait_for_token: two users wait for one call, which waits for a token; then comes a reload.
wait_for_token() {
    start_daemon
    eventually metric_is postcoded_requests_in_flight 0
    begin ada1 M11AA -b identity=ada
    in_flight 1
    begin bob1 M11AA -b identity=bob
    in_flight 2
    set_key 'upstream location' address "${before/127.0.0.1/localhost}"
    [ -z "$1" ] || set_key identity forward_header "$1"
    reload
    knob token_hold=0
    ended ada1
    is status 200
    ended bob1
    is status 200
    is_like Cache-Status '.*; collapsed.*'
}

# ---- users become known to the upstream: the call is of none of them ----

wait_for_token X-User
lacks "$body" 'ada'
lacks "$fields" '; stored'
items 0

# ---- the configuration of before comes back ----

set_key 'upstream location' address "$before"
set_key identity forward_header ''
reload
eventually is_ready
look M11AA -b identity=bob
is cache fwd=uri-miss
stop_daemon
