#!/bin/bash
# Callers who are slow, and callers who are many: what each limit of [server] does, and that the
# others are served meanwhile.
set -u
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

start_standin
default_keys
set_key server header_timeout 700ms
set_key server idle_timeout 700ms
set_key server request_timeout 60s
set_key server max_connections 700
set_key server max_in_flight 50
set_key log access off
start_daemon
eventually is_ready

# at_least NUMBER NAME [LABELS]: and the operators' own connection counts.
at_least() {
    [ "$(metric "$2" "${3:-}")" -ge "$1" ]
}
all_gone() {
    [ "$(metric postcoded_connections)" -le 1 ]
}
summed() {
    sed -n "s/.*\"$2\":\([0-9]*\).*/\1/p" "$1"
}

# 300 callers who send a byte every 50 ms: header_timeout is a deadline for the whole head, not a
# bound on silence. All are cut, unanswered, and whoever asks meanwhile is served at once.
"$driver/slow" --connect "$address" --count 300 --every 50 >"$here/drips" &
drips=$!
eventually at_least 300 postcoded_connections
callers --count 4 --requests 50 --expect 200 >"$here/others" || fail "$(cat "$here/others")"
kill -0 "$drips" || fail "the slow ones were gone before the others were served"
wait "$drips" || fail "$(cat "$here/drips")"
has "$(cat "$here/drips")" '"closed":300' '"answered":0'
# Of a whole deadline they had about one, not one for each byte; the machine may be busy.
longest=$(summed "$here/drips" longest_ms)
[ "$longest" -ge 600 ] && [ "$longest" -le $((3000 * slow)) ] || fail "cut after $longest ms"

# Idle ones: cut after idle_timeout, having been answered once.
"$driver/slow" --connect "$address" --count 100 --answered >"$here/idle" || fail "$(cat "$here/idle")"
has "$(cat "$here/idle")" '"closed":100' '"answered":100'

# 400 at once with 50 allowed: 50 wait, 350 are told so while those wait, and then the 50 are served.
overloaded='code="overloaded",status="503"'
before=$(metric postcoded_requests_total "$overloaded")
seen=$(counter lookups)
knob hold=1
callers --count 400 --barrier >"$here/many" &
many=$!
counted 'concurrent_now=50' >/dev/null
eventually at_least $((before + 350)) postcoded_requests_total "$overloaded"
metric_is postcoded_requests_in_flight 50 || fail "$(metric postcoded_requests_in_flight) in flight"
knob hold=0
wait "$many" || fail "$(cat "$here/many")"
has "$(cat "$here/many")" '"200":50' '"503":350'
[ "$(counter lookups)" = $((seen + 50)) ] || fail "the upstream saw $(counter lookups), not $seen + 50"
# Most of the 400 were refused, and so the median is theirs.
median=$(sed -n 's/.*"p50":\([0-9]*\).*/\1/p' "$here/many")
[ "$median" -lt $((250 * slow)) ] || fail "refused after $median ms"

# Over max_connections: closed at once, and counted; those within are served.
"$driver/slow" --connect "$address" --count 900 --every 100000 >"$here/crowd" &
crowd=$!
eventually at_least 200 postcoded_connections_refused_total
wait "$crowd"
has "$(cat "$here/crowd")" '"closed":900'
eventually all_gone
callers --count 10 --requests 5 --expect 200 >"$here/after" || fail "$(cat "$here/after")"
stop_daemon
