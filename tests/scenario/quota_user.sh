#!/bin/bash
# [quota] per_user: each user has an own one, over all workers. What one over it is told, what is
# counted and logged, and that a reload changes it at once and forgets nobody.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

start_standin
default_keys
set_key identity mode plain
set_key quota per_user 60/h
set_key quota burst 3
start_daemon
eventually is_ready

# status USER [OPTION...]: of a lookup.
status() {
    ask -o /dev/null -w '%{http_code}' -b "identity=$1" "${@:2}" "$at/M11AA"
}
is_status() {
    local want=$1
    shift
    [ "$(status "$@")" = "$want" ] || fail "user $*: not $want"
}

# Each on a connection of its own, so that both workers have some. HEAD counts as GET does, and what
# is not looked up does not count.
is_status 200 ada
is_status 200 ada --head
[ "$(ask -o /dev/null -w '%{http_code}' -b identity=ada "$at/not-a-postcode!")" = 400 ] || fail "400"
is_status 200 ada
calls=$(counter lookups)
is_status 429 ada
is_status 429 ada --head
[ "$(counter lookups)" = "$calls" ] || fail "a lookup over the quota was made"
for _ in 1 2 3; do
    is_status 200 bob
done
is_status 429 bob

answer=$(ask -i -b identity=ada -H 'X-GUID: over-quota' "$at/M11AA")
has "$answer" 'HTTP/1.1 429 ' 'Content-Type: application/problem+json' '"code":"quota_exceeded"' \
    'You may make 1 lookup a minute, and 3 at once after a pause ([quota] per_user and burst).'
wait=$(sed -n 's/^Retry-After: \([0-9]*\).*/\1/p' <<<"$answer")
((wait >= 1 && wait <= 60)) || fail "Retry-After: $wait"
has "$answer" "Try again in $wait s."

metric_is postcoded_quota_total 6 'result="allowed"' || fail "allowed"
metric_is postcoded_quota_total 4 'result="exceeded"' || fail "exceeded"
[ "$(metric postcoded_requests_total 'code="quota_exceeded",status="429"')" = 4 ] || fail "requests"
line=$(grep over-quota "$here/log") || fail "no access line"
has "$line" 429 quota_exceeded ada

# A reload: faster at once, although much is used up of the slow one. Then a caller who waits for as
# long as it was told is answered.
set_key quota per_user 120/m
set_key quota burst 1
configure
kill -HUP "$daemon"
eventually metric_is postcoded_reloads_total 1 'result="success"'
is_over() {
    answer=$(ask -i -b identity=ada "$at/M11AA")
    [[ $answer == 'HTTP/1.1 429 '* ]]
}
eventually is_over
has "$answer" 'You may make 2 lookups a second' 'Retry-After: 1'
sleep 1
is_status 200 ada

set_key quota per_user 90/h
configure
kill -HUP "$daemon"
eventually metric_is postcoded_reloads_total 2 'result="success"'
has "$(ask -b identity=bob "$at/M11AA")" 'You may make 90 lookups an hour'

# Off: nobody is judged.
set_key quota per_user off
configure
kill -HUP "$daemon"
eventually metric_is postcoded_reloads_total 3 'result="success"'
before=$(metric postcoded_quota_total 'result="allowed"')
for _ in 1 2 3 4 5 6; do
    is_status 200 ada
done
metric_is postcoded_quota_total "$before" 'result="allowed"' || fail "judged though it is off"
stop_daemon
