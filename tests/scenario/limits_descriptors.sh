#!/bin/bash
# 300 idle callers under a limit of 256 descriptors keep nobody else from working: probes, operators,
# token requests, and lookups that need connections to the upstream have descriptors of their own.
# max_connections is lowered for that, with a warning, at the start and by a reload. A limit that is
# too low for anything is said at the start.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

start_standin --lifetime 600
default_keys
set_key server header_timeout 1h
set_key server drain_timeout 1s
set_key log access off
start_daemon prlimit --nofile=256
eventually is_ready
warned=$(logged 'warning the system allows 256 descriptors')
[[ $warned =~ 'max_connections is lowered from 10000 to '([0-9]+), ]] || fail "$warned"
lowered=${BASH_REMATCH[1]}
has "$warned" "LimitNOFILE=" "ulimit -n" "[upstream] max_connections from 256 to "
[ "$lowered" -ge 100 ] || fail "$lowered callers"

# So many keep a connection that they do not use yet, and the crowd takes all others.
for ((i = 0; i < 20; i++)); do
    exec {one}<>"/dev/tcp/${address%:*}/${address##*:}"
    kept+=("$one")
done
eventually metric_is postcoded_connections 20
"$driver/slow" --connect "$address" --count 300 --every 100000 >"$here/crowd" &
crowd=$!
started+=("$crowd")
eventually metric_is postcoded_connections "$lowered"
eventually metric_is postcoded_connections_refused_total "$((320 - lowered))"

# Nobody used a connection to the upstream yet: these are the first, and open at the same time.
[ "$(counter lookups)" = 0 ] || fail "the upstream is no stranger"
is_ready || fail "not ready"
knob hold=1
for one in "${kept[@]}"; do
    printf 'GET /api/v1/addresses/M11AA HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n' >&"$one"
done
counted concurrent_now=16 >/dev/null
before=$(counter token_requests)
[ "$(ask --unix-socket "$here/admin.sock" -X POST -o /dev/null -w '%{http_code}' \
    http://h/tokens/location/refresh)" = 202 ] || fail "no refresh"
counted "token_requests=$((before + 1))" >/dev/null
for ((i = 0; i < 10; i++)); do
    is_ready || fail "not ready"
done
knob hold=0
for one in "${kept[@]}"; do
    has "$(timeout 20 cat <&"$one")" "200 OK"
    exec {one}>&-
done
lacks "$(cat "$here/log")" "cannot accept" "Too many open files"

# By a reload; what fits is not touched.
set_key server max_connections 10
configure
: >"$here/log"
kill -HUP "$daemon"
logged 'configuration reloaded' >/dev/null
lacks "$(cat "$here/log")" "[server] max_connections is lowered"
set_key server max_connections 5000
configure
: >"$here/log"
kill -HUP "$daemon"
logged 'configuration reloaded' >/dev/null
has "$(cat "$here/log")" "max_connections is lowered from 5000 to $lowered,"

# A lower limit lets no caller go, and the upstream gets nothing that they hold; it does when they
# have gone.
kill "$crowd"
eventually metric_is postcoded_connections 0
kept=()
for ((i = 0; i < lowered; i++)); do
    exec {one}<>"/dev/tcp/${address%:*}/${address##*:}"
    kept+=("$one")
done
eventually metric_is postcoded_connections "$lowered"
[[ $warned =~ '[upstream] max_connections from 256 to '([0-9]+), ]] || fail "$warned"
upstream=${BASH_REMATCH[1]}
set_key server max_connections 20
configure
: >"$here/log"
kill -HUP "$daemon"
logged 'configuration reloaded' >/dev/null
has "$(cat "$here/log")" "[upstream] max_connections is lowered from 256 to $upstream, while" \
    "$lowered callers are connected"
knob hold=1
for one in "${kept[@]}"; do
    printf 'GET /api/v1/addresses/M11AA HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n' >&"$one"
done
eventually metric_is postcoded_requests_in_flight "$lowered"
counted "concurrent_now=$upstream" >/dev/null
knob hold=0
for one in "${kept[@]}"; do
    has "$(timeout 20 cat <&"$one")" "200 OK"
    exec {one}>&-
done
lacks "$(cat "$here/log")" "cannot accept" "Too many open files"
eventually metric_is postcoded_connections 0
: >"$here/log"
kill -HUP "$daemon"
logged 'configuration reloaded' >/dev/null
[[ $(cat "$here/log") =~ '[upstream] max_connections is lowered from 256 to '([0-9]+), ]] ||
    fail "not lowered"
[ "${BASH_REMATCH[1]}" -gt "$upstream" ] || fail "the upstream has no more than $upstream"
stop_daemon

# Too few for anything.
prlimit --nofile=64 "$BUILD/postcoded" -c "$here/pc.ini" 2>"$here/log"
[ $? = 3 ] || fail "it starts with 64 descriptors"
[ "$(wc -l <"$here/log")" = 1 ] || fail "more than a line: $(cat "$here/log")"
has "$(cat "$here/log")" "cannot start: the system allows 64 descriptors" "at least " \
    "LimitNOFILE=" "ulimit -n"
exit 0
