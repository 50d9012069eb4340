#!/bin/bash
# What is no postcode, no query and no path is refused before any upstream call: the upstream counts
# none.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

start_standin
default_keys
start_daemon

prefix=/api/v1/addresses
# refused STATUS CODE PATH
refused() {
    answer=$(ask --path-as-is -w '%{http_code}' "http://$address$3")
    has "$answer" "\"code\":\"$2\"" "\"status\":$1" "}"$'\n'"$1"
}

for postcode in '' '%20' a%2Fb a/b ..%2Fx . .. '%2e%2e' '../admin' 'M1%00' '%00' '%00M1' 'M1%3Fa' \
    'M1%23' 'M1%2523' '%' '%4' '%zz' 'M1+1' 'M1%0d%0aX:y' 'M1%0aM2' 'M1%09M2' 'M1;a' 'M1%5C..' 'M1,M2' \
    '%C3%A4' '%ff' '%EF%BC%8Fa' '%EF%BC%8E%EF%BC%8E' ABCDEFGHIJKLMNOPQ 'A%20B%20C%20D%20E%20F%20G%20H%20I' 'M1/'; do
    refused 400 invalid_postcode "$prefix/$postcode"
done
# says POSTCODE WORDS: the response says what is wrong, and where
says() {
    refused 400 invalid_postcode "$prefix/$1"
    has "$answer" "\"detail\":\"A postcode is $2.\""
}
says 'SW1A+1AA' '1 to 16 letters, digits, spaces and hyphens; character 5 is U+002B (\"+\"), which is not a space: write %20'
says 'M1%C3%A4' '1 to 16 letters, digits, spaces and hyphens; character 3 is U+00E4, which is not allowed'
says 'M1%ff' '1 to 16 letters, digits, spaces and hyphens; character 3 is the byte 0xFF, which is not UTF-8'
says 'M1%4' 'percent-encoded; the % at character 3 is not followed by two hexadecimal digits'
says '' '1 to 16 letters, digits, spaces and hyphens; this one is empty'
for query in '%' '%4' '%gg' 'a=%' '"' '<' '^' '|' '{' '}' '`' '\' '[' ']'; do
    refused 400 bad_request "$prefix/M1?$query"
done
for path in /api /api/v1/addresses /api/v1//addresses/M1 /api/v1/addressesM1 \
    /api/v1/./addresses/M1 /api/../api/v1/addresses/M1 /API/v1/addresses/M1 /healthz/ \
    /metricsx /token '/%61pi/v1/addresses/M1' //; do
    refused 404 not_found "$path"
    has "$answer" '"detail":"Unknown path. Available paths: /api/v1/addresses/..."'
done

# What is on another listener is not here, whatever the method; the response names that listener.
here_and() { # here_and PATH WORDS
    refused 404 not_found "$1"
    has "$answer" "\"detail\":\"Unknown path here: lookups are at /api/v1/addresses/. $2.\""
}
for path in / /healthz /readyz '/metrics?a=b' '/?/api/v1/addresses/M1'; do
    here_and "$path" '[metrics] listen (a Unix socket) has /, /status.json, /healthz, /readyz, /readyz/..., /metrics'
    lacks "$answer" "$here"
done
for path in /tokens /tokens/location/refresh /cache/forget /cache/forget/M11AA /config; do
    here_and "$path" '[admin] listen (a Unix socket) has /tokens, /tokens/..., /cache/forget, /cache/forget/..., /config'
    lacks "$answer" "$here"
done
for path in /tokens/location/refresh /cache/forget /cache/forget/M11AA; do
    has "$(ask -i -X POST "http://$address$path")" 'HTTP/1.1 404 ' '[admin] listen'
done
[ "$(counter lookups)" = 0 ] || fail "the upstream has seen lookups"
[ "$(metric postcoded_requests_total 'code="invalid_postcode",status="400"')" -gt 30 ] ||
    fail "not counted"

# The operators' socket has no lookups.
operators "$prefix/M1" -i >"$here/answer"
has "$(cat "$here/answer")" " 404 " '"code":"not_found"' "X-GUID: "
stop_daemon

# So it does to a caller without an identity, and where the listener is off.
set_key identity mode jwt
set_key identity key_file "$here/identity.key"
set_key metrics listen 127.0.0.1:0,unix:m.sock
start_daemon
here_and /healthz '[metrics] listen (127.0.0.1:0, a Unix socket) has /, /status.json, /healthz, /readyz, /readyz/..., /metrics'
refused 401 unauthorized /nowhere
stop_daemon
set_key metrics listen off
set_key admin listen off
start_daemon
here_and /metrics '[metrics] listen, which is off, would have /, /status.json, /healthz, /readyz, /readyz/..., /metrics'
here_and /config '[admin] listen, which is off, would have /tokens, /tokens/..., /cache/forget, /cache/forget/..., /config'
stop_daemon
