#!/bin/bash
# The access line: each of its fields, as text, as JSON, and with the journal's priority; and the
# level below which nothing is written.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

start_standin
default_keys
set_key identity mode plain
set_key server workers 1
start_daemon
eventually is_ready

# line_of GUID CURL-ARGUMENT...: what the log has of that request.
line_of() {
    local guid=$1
    shift
    ask -o /dev/null -H "X-GUID: $guid" "$@"
    logged "$guid.* status\|$guid.*\"status\""
}
# fits PATTERN TEXT: an extended expression, of the whole.
fits() {
    [[ $2 =~ ^$1$ ]] || fail "\"$2\" does not fit $1"
}
time='20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z'
ms='[0-9]+\.[0-9]{3}'
path=/api/v1/addresses

answered="request client=127.0.0.1:[0-9]+ method=GET path=$path/M11AA status=200 code=ok user=ada"
answered+=" bytes=110 duration_ms=$ms waited_for_token=false retries=0 upstream=location upstream_ms=$ms"
fits "$time info GUID: g-1 - $answered" "$(line_of g-1 -b identity=ada "$at/M11AA?secret=1")"
has "$(line_of g-9 -b "identity=é" "$at/M11AA")" " code=unauthorized reason=malformed bytes="
fits "$time info GUID: g-2 - request client=127.0.0.1:[0-9]+ method=GET path=$path/M11AA status=401 \
code=unauthorized reason=absent bytes=[0-9]+ duration_ms=$ms waited_for_token=false retries=0" \
    "$(line_of g-2 "$at/M11AA")"
has "$(line_of g-3 -b identity=ada -I "$at/M11AA")" " method=HEAD " " status=200 " " bytes=0 "
has "$(line_of g-4 -b 'identity=Ada "L." \ x' "$at/M11AA")" ' user="Ada \"L.\" \\ x" '
has "$(line_of g-5 -b identity=ada "$at/%41%22=")" " path=\"$path/%41%22=\" "
knob unauthorized=1
has "$(line_of g-6 -b identity=ada "$at/M11AA")" " status=200 " " retries=1 " \
    " waited_for_token=true "
# A problem of the upstream's has a line of its own, with what to do; a caller's has none.
knob error_share=100
line_of g-7 -b identity=ada "$at/M11AA" >/dev/null
fits "$time warning GUID: g-7 - upstream_error: The upstream responded with status 500\..* \
code=upstream_error status=502 upstream=location" \
    "$(grep 'g-7 - upstream' "$here/log")"
[ "$(grep -c g-2 "$here/log")" = 1 ] || fail "more than a line about a 401"
stop_daemon

# JSON: an object, with the fields of before; numbers are numbers.
set_key log format json
start_daemon
eventually is_ready
line_of j-4 -b identity=ada "$at/M11AA" >/dev/null
fits "\\{\"time\":\"$time\",\"level\":\"warning\",\"guid\":\"j-4\",\"message\":\"upstream_error: The upstream .*\",\
\"code\":\"upstream_error\",\"status\":502,\"upstream\":\"location\"\\}" "$(grep 'j-4.*upstream_error:' "$here/log")"
knob error_share=0
answered="\"client\":\"127.0.0.1:[0-9]+\",\"method\":\"GET\",\"path\":\"$path/M11AA\",\"status\":200,"
answered+="\"code\":\"ok\",\"user\":\"ada\",\"bytes\":110,\"duration_ms\":$ms,"
answered+="\"waited_for_token\":false,\"retries\":0,\"upstream\":\"location\",\"upstream_ms\":$ms"
fits "\\{\"time\":\"$time\",\"level\":\"info\",\"guid\":\"j-1\",\"message\":\"request\",$answered\\}" \
    "$(eventually is_ready; line_of j-1 -b identity=ada "$at/M11AA")"
has "$(line_of j-3 -b "identity=é" "$at/M11AA")" '"code":"unauthorized","reason":"malformed","bytes":'
has "$(line_of j-2 -b 'identity=Ada "L." \ x' "$at/M11AA")" '"user":"Ada \"L.\" \\ x"'
stop_daemon

# The journal takes the priority in front, and has a time of its own.
set_key log format text
: >"$here/log"
start_daemon "JOURNAL_STREAM=$(stat -c %d:%i "$here/log")"
eventually is_ready
fits "<6>GUID: p-1 - request client=.* status=200 .*" "$(line_of p-1 -b identity=ada "$at/M11AA")"
knob error_share=100
line_of p-2 -b identity=ada "$at/M11AA" >/dev/null
fits "<4>GUID: p-2 - upstream_error: .* code=upstream_error status=502 upstream=location" "$(grep 'p-2 - upstream' "$here/log")"
fits "<5>postcoded .*: lookups on .*" "$(grep 'lookups on' "$here/log")"
stop_daemon
grep -v '^<[3-7]>' "$here/log" && fail "without a priority"

# Somebody else's journal is not ours.
start_daemon JOURNAL_STREAM=1:1
fits "$time notice postcoded .*" "$(grep 'lookups on' "$here/log")"
stop_daemon

# Above info there are no access lines; what is wrong is still told.
set_key log level warning
set_key server listen "unix:$here/pc.sock"
configure
"$BUILD/postcoded" -c "$here/pc.ini" 2>"$here/log" &
daemon=$!
started+=("$daemon")
eventually is_ready 2>/dev/null
ask -o /dev/null -b identity=ada -H "X-GUID: g-8" --unix-socket "$here/pc.sock" "http://h$path/M11AA"
logged "g-8 - upstream_error" >/dev/null
stop_daemon
lacks "$(cat "$here/log")" " info " " notice " "status=500"
