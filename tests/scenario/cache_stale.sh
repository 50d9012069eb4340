#!/bin/bash
# stale_if_error: a stale answer in the place of each kind of failure, to all who wait; one try a
# second afterwards, and everybody else at once; until the upstream answers, or the window ends.
# shellcheck source=tests/scenario/cache_common.bash
. "$TOP/tests/scenario/cache_common.bash"

start_standin --cache-control max-age=0 --version 1
set_key server request_timeout "$((2 * slow))s"
start_cached as=service stale_if_error=1h

works() {
    knob lookup_status=0
    knob unauthorized=0
    knob hold=0
}
fresh() {
    stop_daemon
    start_daemon
    eventually is_ready
}
# have POSTCODE: there is a stale answer of it, and nothing has failed.
have() {
    works
    look "$1"
    is status 200
    is_like Cache-Status '.*; fwd-status=(200|304); stored; ttl=(0|-[0-9]+)'
}
# answers POSTCODE: the upstream does.
answers() {
    look "$1"
    [ "$status" = 200 ] && [[ $(field Cache-Status) == *'; stored'* ]]
}
# stale POSTCODE WHY [STATUS]: it is given, and the log says why no other is; which the upstream
# responded with, if it did.
stale() {
    look "$1" -H "X-GUID: stale-$1"
    is status 200
    [ "$(version)" = 1 ] || fail "$1: $body"
    is_like Cache-Status "postcoded; .*${3:+fwd=stale; fwd-status=$3}; ttl=-[0-9]+"
    is_like Age '[0-9]+'
    has "$(access "stale-$1")" ' status=200 ' ' cache=stale'
    has "$(logged "stale-$1 - an answer could not be replaced")" \
        "an answer could not be replaced, a stale one is given: $2 upstream=location"
}

# ---- each kind of failure ----

n=10
for code in 500 502 503 504; do
    have "M$((++n))AA"
    knob "lookup_status=$code"
    stale "M${n}AA" "the upstream responded with status $code" "$code"
done
cache_counts stale=4
metric_is postcoded_cache_stale_if_error_total 4 || fail "$(operators /metrics | grep stale)"

have M21AA
knob 'lookup_status=429&retry_after=0'
stale M21AA 'the upstream responded with status 429' 429

have M22AA
knob lookup_status=200 # and no address
stale M22AA "the upstream's response is not an address" 200

have M23AA
knob unauthorized=2
stale M23AA 'the upstream responded with status 401' 401

# The caller waits for the call a little less than it would for a failure.
have M24AA
knob hold=1
stale M24AA 'no response came in time'
has "$(access stale-M24AA)" ' cache=stale upstream_ms='

# ---- the token is rejected, and there is no other ----

fresh
have M25AA
knob token_down=1
ask -X POST "$url/standin/revoke"
stale M25AA 'the upstream responded with status 401' 401
knob token_down=0

# ---- the token ends, and there is no other ----

knob lifetime=2
fresh
have M26AA
knob token_down=1
has_no_token() {
    look M26AA
    is status 200
    [ "$(version)" = 1 ] || fail "$body"
    grep -q 'an answer could not be replaced, .*: no token is available upstream=location$' "$here/log"
}
eventually has_no_token
is_like Cache-Status 'postcoded; .*; ttl=-[0-9]+'
knob token_down=0
knob lifetime=3600
fresh

# ---- it is given to all who share the call ----

have M31AA
knob hold=1
knob lookup_status=500
before=$(counter lookups)
for name in first second third; do
    ask -H "X-GUID: $name" -D "$here/$name" -o /dev/null "$at/M31AA" &
    sharers+=("$!")
    counted "lookups=$((before + 1))" >/dev/null
done
eventually metric_is postcoded_requests_in_flight 3
knob hold=0
wait "${sharers[@]}"
for name in first second third; do
    has "$(cat "$here/$name")" ' 200 ' '; fwd=stale; fwd-status=500; ttl=-'
    has "$(access "$name")" ' cache=stale'
done
[ "$(counter lookups)" = $((before + 1)) ] || fail "$(($(counter lookups) - before)) calls"
[ "$(grep -c 'first - an answer could not be replaced' "$here/log")" = 1 ] || fail "logged more than once"
! grep -qE '(second|third) - an answer could not be' "$here/log" || fail "logged for each of them"

# ---- while a try hangs, everybody else gets it at once ----

knob hold=1
set_key server request_timeout 60s
reload
before=$(counter lookups)
tries() {
    [ "$(counter lookups)" -gt "$before" ] && return
    ask -o /dev/null "$at/M31AA" &
    return 1
}
eventually tries
for ((i = 0; i < 20; i++)); do
    look M31AA -m 5
    is status 200
    is_like Cache-Status 'postcoded; hit; ttl=-[0-9]+'
done
[ "$(counter lookups)" = $((before + 1)) ] || fail "$(($(counter lookups) - before)) calls while one hangs"
knob hold=0
eventually metric_is postcoded_requests_in_flight 0

# ---- one try a second, of all workers; then it is over ----

set_key server request_timeout "$((2 * slow))s"
set_key server workers 2
fresh
have M32AA
knob lookup_status=500
before=$(counter lookups)
began=$(date +%s%N)
for ((asked = 0; asked < 100 || $(counter lookups) < before + 3; asked++)); do
    look M32AA
    is status 200
    [ "$(version)" = 1 ] || fail "$body"
    [ "$asked" -lt 2000 ] || fail "no more than $(($(counter lookups) - before)) tries"
done
tries=$(($(counter lookups) - before))
seconds=$((($(date +%s%N) - began) / 1000000000 + 1))
# The first failure is one, and each second that began since then may have one more.
[ "$tries" -le $((seconds + 1)) ] || fail "$tries tries in $seconds s, of $asked lookups"
[ "$(metric postcoded_cache_stale_if_error_total)" = "$asked" ] || fail "$asked lookups"
[ "$(grep -c 'an answer could not be replaced.*status 500' "$here/log")" = "$tries" ] ||
    fail "$tries tries, and $(grep -c 'could not be replaced' "$here/log") are logged"
knob version=2
works
eventually answers M32AA
[ "$(version)" = 2 ] || fail "$body"
look M32AA
is_like Cache-Status 'postcoded; fwd=stale; fwd-status=304; stored; ttl=(0|-[0-9]+)'
knob version=1

# ---- not past the window: ours, or the upstream's if that is narrower ----

ends() {
    look "$1"
    [ "$status" = 502 ] || [ "$status" = 200 ] || fail "$status: $body"
    [ "$status" = 502 ]
}
# narrow POSTCODE CACHE-CONTROL: its window is a second, in which it is given.
narrow() {
    says "cache_control=$2"
    have "$1"
    knob lookup_status=500
    eventually ends "$1"
    for ((i = 0; i < 5; i++)); do
        look "$1"
        is status 502
    done
    is_like Cache-Status 'postcoded; fwd=stale; fwd-status=500'
}
narrow M41AA 'max-age=0, stale-if-error=1'
reload stale_if_error=1s
narrow M42AA 'max-age=0'
narrow M43AA 'max-age=0, stale-if-error=3600'

# ---- where it may not be given at all ----

reload stale_if_error=1h
# never POSTCODE CACHE-CONTROL; may POSTCODE CACHE-CONTROL
never() {
    says "cache_control=$2"
    have "$1"
    knob lookup_status=500
    look "$1"
    is status 502
    is_like Cache-Status 'postcoded; fwd=stale; fwd-status=500'
}
may() {
    says "cache_control=$2"
    have "$1"
    knob lookup_status=500
    look "$1"
    is status 200
    is_like Cache-Status 'postcoded; fwd=stale; fwd-status=500; ttl=-[0-9]+'
}
never M51AA 'max-age=0, must-revalidate'
never M52AA 'max-age=0, no-cache'
never M53AA 'max-age=0, stale-if-error=0'
may M54AA 'max-age=0, proxy-revalidate'
may M55AA 'max-age=0, s-maxage=0'
reload as=shared
never M61AA 'public, max-age=0, must-revalidate'
never M62AA 'public, max-age=0, no-cache'
never M63AA 'public, max-age=0, proxy-revalidate'
never M64AA 's-maxage=0'
may M65AA 'public, max-age=0'
reload as=service stale_if_error=0s
never M66AA 'max-age=0'
never M67AA 'max-age=0, stale-if-error=3600'

# ---- that there is no such postcode is no failure ----

says cache_control=max-age=0
reload stale_if_error=1h
# removes POSTCODE STATUS SEEN: an answer that replaces nothing, and nothing is left to give.
removes() {
    have "$1"
    items 1
    knob "lookup_status=$2"
    look "$1"
    is status "$3"
    is_like Cache-Status "postcoded; fwd=stale; fwd-status=$2"
    items 0
    knob lookup_status=500
    look "$1"
    is status 502
    is_like Cache-Status 'postcoded; fwd=uri-miss; fwd-status=500'
}
forget >/dev/null
removes M71AA 404 404
removes M72AA 204 404
removes M73AA 410 502
removes M74AA 400 400
reload negative_ttl=1h
have M75AA
knob lookup_status=404
look M75AA
is status 404
is_like Cache-Status 'postcoded; fwd=stale; fwd-status=404; stored; ttl=(3600|35[0-9][0-9])'
knob lookup_status=500
look M75AA
is status 404
is_like Cache-Status 'postcoded; hit; ttl=(3600|35[0-9][0-9])'
[ "$(metric postcoded_cache_total 'result="stale"')" = "$(metric postcoded_cache_stale_if_error_total)" ] ||
    fail "$(operators /metrics | grep ^postcoded_cache)"

# ---- no turn, and no connection ----

have M81AA
set_key 'upstream location' rate 1/m
reload
look M82AA
is status 200 # the turn is taken
stale M81AA 'no call was allowed in time'
set_key 'upstream location' rate ''
reload
works
eventually answers M81AA
have M83AA
kill -KILL "$standin"
stale M83AA 'the upstream refused the connection'
is_like Cache-Status 'postcoded; (hit|fwd=stale); ttl=-[0-9]+'
stop_daemon
