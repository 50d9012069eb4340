#!/bin/bash
# [upstream] rate: a hundred callers who come at once are all answered, and at no time has the
# upstream been called more often than rate and burst allow; while they wait, the daemon does not
# work.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

callers=100
start_standin
default_keys
set_key server request_timeout 20s
set_key 'upstream location' rate 20/s
set_key 'upstream location' burst 5
start_daemon
eventually is_ready

# In milliseconds; the process has used so much processor time.
now() {
    echo $(($(date +%s%N) / 1000000))
}
used() {
    awk -v tick="$(getconf CLK_TCK)" '{ print int(($14 + $15) * 1000 / tick) }' "/proc/$daemon/stat"
}
# The count is older than the time that it is compared with, so it cannot be too high by chance.
has_kept_the_rate() {
    local count=$1 since=$2
    ((count <= 5 + ($(now) - since) * 20 / 1000 + 1)) || fail "$count calls in $(($(now) - since)) ms"
}

before=$(used)
begun=$(now)
urls=()
for ((i = 0; i < callers; i++)); do
    urls+=(-o /dev/null "$at/M${i}1AA")
done
# shellcheck disable=SC2016 # curl's
curl -q -g -s -m 60 -Z --parallel-immediate --parallel-max "$callers" -w '%{http_code}\n' \
    "${urls[@]}" >"$here/statuses" &
asking=$!
started+=("$asking")
while kill -0 "$asking" 2>/dev/null; do
    has_kept_the_rate "$(counter lookups)" "$begun"
    sleep 0.1
done
wait "$asking" || fail "curl failed"
took=$(($(now) - begun))
[ "$(grep -c '^200$' "$here/statuses")" = "$callers" ] || fail "$(sort "$here/statuses" | uniq -c)"
[ "$(counter lookups)" = "$callers" ] || fail "$(counter lookups) calls"
((took >= (callers - 5) * 1000 / 20)) || fail "$callers lookups in $took ms"
cpu=$(($(used) - before))
((cpu <= 1000 * slow)) || fail "$cpu ms of processor time in $took ms"

metric_is postcoded_upstream_rate_refused_total 0 'upstream="location"' || fail "refused"
metric_is postcoded_upstream_rate_waiting 0 'upstream="location"' || fail "still waiting"
stop_daemon
