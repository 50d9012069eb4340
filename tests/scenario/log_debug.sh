#!/bin/bash
# At level debug too no line holds more of a postcode than [log] postcodes allows, whatever becomes
# of the request and by whichever door it came; and no line is forged by what a caller sends.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

start_standin
default_keys
set_key server workers 1
set_key server request_timeout 300ms
set_key log level debug

postcodes=(SW1A%201XY sw1a1xy ZZ9%209YX '%53W1A%201XY' SW1A-1XY)
# Letters that no GUID has. Every end a lookup can have, each with a postcode.
everything() {
    local postcode
    for postcode in "${postcodes[@]}"; do
        ask "$at/$postcode?note=SW1A1XY"
        ask -I "$at/$postcode"
        ask -X POST -d SW1A1XY "$at/$postcode"
        ask "http://$address/addresses/$postcode"
        ask "$at/$postcode/"
        ask -H "Cookie: a" -H "Cookie: b" "$at/$postcode"
        operators "/api/v1/addresses/$postcode"
        ask --unix-socket "$here/admin.sock" "http://admin/$postcode"
    done
    printf 'GET /api/v1/addresses/SW1A%%201XY HTTP/1.1\r\nHost\r\n\r\n' >"$here/broken"
    "$driver/raw" --connect "$address" "$here/broken"
    "$driver/callers" --connect "$address" --path /api/v1/addresses/SW1A1XY --count 5 \
        --leave-after 0 --reset
    knob hold=1
    ask "$at/SW1A1XY"
    knob hold=0
    knob error_share=100
    ask "$at/SW1A1XY"
    knob error_share=0
    ask -H "X-GUID: last" "$at/SW1A1XY"
    logged "GUID: last .* ended" # the request's last line
} &>"$here/answers"

# `full` shows that the net catches what swims there.
set_key log postcodes full
start_daemon
eventually is_ready
everything
stop_daemon
grep -qi 'sw1a%201xy' "$here/log" || fail "not even with full"

for policy in outward off; do
    set_key log postcodes "$policy"
    start_daemon
    eventually is_ready
    everything
    stop_daemon
    # What is random in a line may hold anything.
    leaked=$(grep -Ei "1xy|9yx" "$here/log" | head -n 3)
    [ -z "$leaked" ] || fail "$policy: $leaked"
    [ "$policy" = outward ] || lacks "$(cat "$here/log")" SW1A sw1a ZZ9
done

# A line is one line, and what is quoted stays so.
set_key log postcodes full
start_daemon
eventually is_ready
forged='2026-01-01T00:00:00.000Z error GUID: x - forged'
ask "$at/M1%0a${forged// /%20}" >/dev/null
printf 'GET /%s HTTP/1.1\r\nHost: h\r\nX-GUID: %s\r\n\r\n' $'\x1b[31m\x7f\xff"status=200' "$forged" \
    >"$here/hostile"
"$driver/raw" --connect "$address" --timeout 300 "$here/hostile" >/dev/null
printf 'GE\x1b[0mT / HTTP/1.1\r\nHost: h\r\n\r\n' >"$here/hostile"
"$driver/raw" --connect "$address" --timeout 300 "$here/hostile" >/dev/null
ask -H "X-GUID: last" "$at/M11AA" >/dev/null
logged "GUID: last .* ended" >/dev/null
stop_daemon
[ -z "$(tr -d '\n\40-\176' <"$here/log")" ] || fail "bytes that are no plain text"
while IFS= read -r line; do
    [[ $line =~ ^20[0-9-]+T[0-9:.]+Z\ (debug|info|notice|warning)\  ]] || fail "no line of ours: $line"
    lacks "$line" " - forged"
done <"$here/log"
