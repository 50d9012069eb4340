#!/bin/bash
# What operators see of a cache and press: /metrics, access lines, /status.json, the page, and POST
# /cache/forget; and nothing of it where there is none.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

start_standin # its answers are private, and live for a day
default_keys
set_key server workers 1
start_daemon
eventually is_ready

admin() {
    ask --unix-socket "$here/admin.sock" "http://admin$1" "${@:2}"
}
# forget REST: prints status and answer.
forget() {
    admin "/cache/forget$1" -X POST -w '%{http_code}'
}
look() { # look GUID POSTCODE: and waits for its access line
    ask -o /dev/null -H "X-GUID: $1" "$at/$2"
    logged "GUID: $1 - request " >"$here/line"
    line=$(cat "$here/line")
}
results() { # results HIT MISS STALE REVALIDATED BYPASS JOINED
    local result
    for result in hit miss stale revalidated bypass joined; do
        [ "$1" = any ] || metric_is postcoded_cache_total "$1" "result=\"$result\"" ||
            fail "not $1 $result: $(operators /metrics | grep ^postcoded_cache)"
        shift
    done
}
# of_cache MEMBER: of /status.json, in a line.
of_cache() {
    operators /status.json | grep -o '"cache":{[^}]*}[^}]*}' | grep -o "\"$1\":[^,}]*" | cut -d: -f2
}

# Without a cache.
look off-1 M11AA
lacks "$line" cache= flight=
has "$line" ' upstream=location upstream_ms='
lacks "$(operators /metrics)" postcoded_cache
lacks "$(operators /status.json)" '"cache":' cache_lookups_per_second
lacks "$(operators /)" 'id="cache"' plot-cache
for path in '' /M11AA /%21; do
    has "$(forget "$path")" '"code":"not_found"' 'The configuration has no [cache]: no answer is kept.' 404
done
has "$(admin /cache/forget -i)" 'HTTP/1.1 405 ' 'Allow: POST'
has "$(admin /cache/forget/M11AA -i)" 'HTTP/1.1 405 ' 'Allow: POST'
has "$(operators /cache/forget -i -X POST)" 'HTTP/1.1 404 '

# A reload turns it on. What comes of a miss, of a hit, and of a call that two share.
set_key cache as service
set_key cache stale_if_error 1h
configure
kill -HUP "$daemon"
eventually metric_is postcoded_reloads_total 1 'result="success"'
results 0 0 0 0 0 0
look on-1 M11AA
has "$line" ' retries=0 upstream=location cache=miss upstream_ms='
look on-2 M11AA
[[ $line =~ \ retries=0\ upstream=location\ cache=hit$ ]] || fail "a hit: $line"
lookups=$(counter lookups)
knob hold=1
ask -o /dev/null -H 'X-GUID: first' "$at/M22BB" &
first=$!
counted "lookups=$((lookups + 1))" >/dev/null
ask -o /dev/null -H 'X-GUID: second' "$at/M22BB" &
second=$!
eventually metric_is postcoded_requests_in_flight 2
knob hold=0
wait "$first" "$second"
has "$(logged 'GUID: first - request ')" ' upstream=location cache=miss upstream_ms='
has "$(logged 'GUID: second - request ')" ' upstream=location cache=joined flight=first upstream_ms='
ask -o /dev/null -H 'X-GUID: own' -H 'Cache-Control: no-store' "$at/M22BB"
has "$(logged 'GUID: own - request ')" ' cache=bypass '
results 1 2 0 0 1 1
metric_is postcoded_cache_items 2 || fail "$(operators /metrics | grep ^postcoded_cache)"
[ "$(metric postcoded_cache_bytes)" -gt 100 ] || fail "bytes"
metric_is postcoded_cache_evictions_total 0 || fail "evictions"
metric_is postcoded_cache_stale_if_error_total 0 || fail "stale"

# The same as JSON, and on the page.
is_told() {
    [ "$(of_cache items)" = 2 ]
}
eventually is_told # the same bytes are given for a second
[ "$(of_cache hit) $(of_cache miss) $(of_cache joined) $(of_cache bypass)" = '1 2 1 1' ] ||
    fail "$(operators /status.json | grep -o '"cache":{.*' | head -c 600)"
[ "$(of_cache max_bytes)" = 67108864 ] || fail "max_bytes"
[ "$(of_cache bytes)" = "$(metric postcoded_cache_bytes)" ] || fail "bytes: $(of_cache bytes)"
has "$(operators /)" '<section id="cache"' '<dd id="cache-items">2</dd>' '<small>of 64 MiB</small>' 'id="plot-cache"'
is_sampled() { # two of five needed no call of their own
    [[ $(operators /status.json) == *'"without_call_ratio":{"last_minute":0.4,'* ]]
}
eventually is_sampled
has "$(operators /)" '<dd id="cache-share">40 % '

# Of one postcode, however it is written; of none; of all.
look on-3 M1%201AA
forgotten_is() { # forgotten_is REST ANSWER
    [ "$(forget "$1")" = "$2"$'\n'200 ] || fail "$1: $(forget "$1"), not $2"
}
forgotten_is /m1%201aa '2 answers forgotten'
has "$(logged 'forgotten by hand')" ' - cached answers forgotten by hand answers=2 postcode=m1%201aa'
forgotten_is /M1-1AA '0 answers forgotten'
metric_is postcoded_cache_items 1 || fail "one is left"
has "$(forget /M1/1AA)" '"code":"invalid_postcode"' 400
has "$(forget /)" '"code":"invalid_postcode"' 400
has "$(forget s)" '"code":"not_found"' '/cache/forget, /cache/forget/..., /config' 404
metric_is postcoded_cache_items 1 || fail "one is left"
forgotten_is '' '1 answer forgotten'
[[ $(logged 'forgotten by hand') =~ \ answers=1$ ]] || fail "all: $(logged 'forgotten by hand')"
look on-4 M22BB
has "$line" ' cache=miss '

# What a log line may show of the postcode.
set_key log postcodes off
set_key cache ttl 1s
configure
kill -HUP "$daemon"
eventually metric_is postcoded_reloads_total 2 'result="success"'
forget /SW1A1AA >/dev/null
has "$(logged 'forgotten by hand')" ' answers=0 postcode=***'
lacks "$(cat "$here/log")" SW1A

# Stale answers for lookups that fail have a number and a condition of their own.
look on-5 M11AA
knob error_share=100
is_stale() {
    ask -o /dev/null "$at/M11AA"
    [ "$(metric postcoded_cache_stale_if_error_total)" -ge 1 ]
}
eventually is_stale
[ "$(metric postcoded_cache_stale_if_error_total)" = "$(metric postcoded_cache_total 'result="stale"')" ] ||
    fail "$(operators /metrics | grep ^postcoded_cache)"
look on-6 M11AA
has "$line" ' status=200 ' ' cache=stale'
warned() {
    [[ $(operators /) == *'Lookups that fail are answered with stale answers'* ]]
}
eventually warned

# A reload turns it off: nothing is left of it.
operators /metrics >"$here/metrics"
for name in "${!setting[@]}"; do
    [[ $name != cache/* ]] || unset "setting[$name]"
done
configure
kill -HUP "$daemon"
eventually metric_is postcoded_reloads_total 3 'result="success"'
lacks "$(operators /metrics)" postcoded_cache
has "$(forget '')" 'no [cache]' 404
stop_daemon

command -v promtool >/dev/null || skip "no promtool here: the form was not checked"
promtool check metrics <"$here/metrics" >"$here/said" 2>&1 || fail "$(cat "$here/said")"
[ ! -s "$here/said" ] || fail "promtool says: $(cat "$here/said")"
