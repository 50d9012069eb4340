#!/bin/bash
# An answer at hand takes no place of max_in_flight, and every other lookup does: one that joins a
# call, too. Each lookup that came as far as the cache says so and is counted once, however it ends.
# shellcheck source=tests/scenario/cache_held_common.bash
. "$TOP/tests/scenario/cache_held_common.bash"

set_key server request_timeout 60s
cache_keys as=service
set_key server max_in_flight 1
start_daemon
eventually is_ready
look M11AA
upstream_lookups 1

# ---- one place, and a lookup that has it ----

knob hold=1
begin holder M12AA
held 1
for _ in 1 2; do
    look M11AA
    is status 200
    is cache hit
done
look M11AA --head
is cache hit
look M11AA -H 'If-None-Match: *'
is status 304
is cache hit

look M13AA # a call of its own
is status 503
has "$body" '"code":"overloaded"' max_in_flight
is Cache-Status 'postcoded; fwd=uri-miss'
look M12AA # one that might join
is status 503
is Cache-Status 'postcoded; fwd=uri-miss'
look M11AA -H 'Cache-Control: no-store' # one that wants none of it
is status 503
is Cache-Status 'postcoded; fwd=bypass'
upstream_lookups 1
cache_counts hit=4 miss=3 bypass=1
knob hold=0
ended holder
is status 200
in_flight 0
look M13AA # the place is free again
is status 200
upstream_lookups 1
cache_counts hit=4 miss=5 bypass=1

# ---- however it ends: with a field, and counted once ----

# all_in_all N: lookups that are counted, whatever as.
all_in_all() {
    [ "$(operators /metrics | awk '/^postcoded_cache_total/ { n += $2 } END { print n }')" = "$1" ] ||
        fail "$(operators /metrics | grep ^postcoded_cache_total), not $1 in all"
}
all_in_all 10
look ZZ99ZZ
is status 404
is Cache-Status 'postcoded; fwd=uri-miss; fwd-status=404'
all_in_all 11
knob lookup_status=500
look M14AA
is status 502
is Cache-Status 'postcoded; fwd=uri-miss; fwd-status=500'
all_in_all 12
knob lookup_status=429
knob retry_after=0
look M14AA
is status 429
is_like Cache-Status 'postcoded; fwd=uri-miss; fwd-status=429'
all_in_all 13
knob lookup_status=0
look M14AA -H 'Cache-Control: no-store'
is status 200
is Cache-Status 'postcoded; fwd=bypass'
all_in_all 14
known_lookups=$(counter lookups)

set_key server max_in_flight 10
reload
knob hold=1
begin first M15AA
held 1
set_key server request_timeout 1s
reload
begin second M15AA # each ends by its own deadline
begin third M16AA
ended second
is status 504
is Cache-Status 'postcoded; fwd=uri-miss; collapsed'
ended third
is status 504
is Cache-Status 'postcoded; fwd=uri-miss'
all_in_all 16
set_key server request_timeout 60s
reload
begin fourth M17AA
held 2
leaves fourth # it gets nothing, and is counted
in_flight 1
all_in_all 17
knob hold=0
ended first
is status 200
in_flight 0
all_in_all 18
cache_counts hit=4 miss=11 bypass=2 joined=1
upstream_lookups 3

# A problem of before the cache has none.
look 'M11AA!'
is status 400
without Cache-Status
look M11AA -X POST
is status 405
without Cache-Status
all_in_all 18
stop_daemon
