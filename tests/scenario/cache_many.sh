#!/bin/bash
# A load for the sanitizers: many callers of many postcodes on all workers, in a cache that is far too
# small for them, with short lifetimes; answers are evicted, revalidated, forgotten and joined all the
# time, and the configuration is reloaded. Nobody gets an answer of another postcode.
#
# CACHE_LOOKUPS=1000000 CACHE_SECONDS=3600 for a long one.
# shellcheck source=tests/scenario/cache_common.bash
. "$TOP/tests/scenario/cache_common.bash"

lookups=${CACHE_LOOKUPS:-60000}
seconds=${CACHE_SECONDS:-10}

start_standin --cache-control max-age=2 --body-size 3000
set_key server workers 4
set_key server max_in_flight 1000
set_key log access off
cache_keys as=service max_size=1M stale_if_error=1m stale_while_revalidate=1s negative_ttl=1s
set_key server workers 4
start_daemon
eventually is_ready

"$driver/postcodes" --connect "$address" --callers 32 --postcodes 4000 --lookups "$lookups" \
    --seconds "$seconds" >"$here/result" &
load=$!
started+=("$load")

# Meanwhile: each in turn, a few times a second, until the load ends.
disturb() {
    case $(($1 % 8)) in
    0) forget "M$(($1 % 60 + 1))0AA" >/dev/null ;;
    1) forget >/dev/null ;;
    2) says 'cache_control=max-age=0' ;;
    4) says 'cache_control=max-age=0, stale-while-revalidate=0' ;;
    3) reload coalesce=off ;;
    5) reload coalesce=on ;;
    6) says 'cache_control=max-age=60' ;;
    7) reload max_size=$((1048576 + $1 % 16 / 8)) ;;
    esac
}
rounds=0
while kill -0 "$load" 2>/dev/null; do
    disturb "$rounds"
    [ "$(metric postcoded_cache_bytes)" -le $((3 * 1048576)) ] || fail "$(metric postcoded_cache_bytes) bytes"
    rounds=$((rounds + 1))
done
wait "$load"
status=$?
result=$(cat "$here/result")
echo "$rounds rounds, $result; $(operators /metrics | grep '^postcoded_cache' | tr '\n' ' ')"
[ "$status" = 0 ] || fail "$result"
good=$(sed 's/.*"good":\([0-9]*\).*/\1/' <<<"$result")
[ "$good" -ge 1000 ] || fail "too few to tell anything: $result"

# All of it took place.
for name in hit miss joined revalidated stale; do
    [ "$(cache_count "$name")" -gt 0 ] || fail "no $name: $(operators /metrics | grep '^postcoded_cache')"
done
[ "$(metric postcoded_cache_evictions_total)" -gt 100 ] || fail "too few evictions"
sum=0
for name in hit miss joined revalidated stale; do
    sum=$((sum + $(cache_count "$name")))
done
[ "$sum" = "$good" ] || fail "$sum are counted, and $good were answered"

# Nothing is left behind, with the cache or without it.
eventually metric_is postcoded_requests_in_flight 0
forget >/dev/null
items 0
stop_daemon
