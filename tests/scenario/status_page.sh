#!/bin/bash
# The status page and its data, as an operator's client gets them: on both listeners, with the headers
# that keep a browser to the page, with values that follow lookups, and without anything secret. What
# a browser makes of it is in status_browser.sh.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

secret=a-client-secret-that-nobody-shows
start_standin --client-secret "$secret"
default_keys
set_key 'upstream location' client_secret "$secret"
set_key 'upstream location' auth_url "$url/auth/v1?tenant=undisclosed"
start_daemon
eventually is_ready

admin() {
    ask --unix-socket "$here/admin.sock" "http://localhost$1" "${@:2}"
}

# The headers, on each listener; HEAD has the same.
for from in operators admin; do
    said=$("$from" / -i)
    has "$said" "HTTP/1.1 200 " "Content-Type: text/html; charset=utf-8" "Cache-Control: no-store" \
        "X-Content-Type-Options: nosniff" "Referrer-Policy: no-referrer" "X-GUID: " \
        "Content-Security-Policy: default-src 'none'; style-src 'sha256-" "base-uri 'none'" \
        "form-action 'none'" "frame-ancestors 'none'" "<!doctype html>" "</html>"
    lacks "$said" unsafe-inline " style=" " onclick="
    has "$("$from" / -I)" "HTTP/1.1 200 " "Content-Security-Policy: default-src 'none';"
    has "$("$from" / -X POST -i)" "HTTP/1.1 405 " "Allow: GET, HEAD"
    said=$("$from" /status.json -i)
    has "$said" "HTTP/1.1 200 " "Content-Type: application/json" "Cache-Control: no-store" \
        "X-Content-Type-Options: nosniff" '"ready":true'
    has "$("$from" /status.json -I)" "HTTP/1.1 200 "
done

# For a moment the same is given again, and each response ends its connection: many open pages
# neither keep the main loop busy nor take the connections of probes.
for path in / /status.json; do
    has "$(operators "$path" -i)" "Connection: close"
    [ "$(operators "$path" | cksum)" = "$(operators "$path" | cksum)" ] ||
        [ "$(operators "$path" | cksum)" = "$(operators "$path" | cksum)" ] || fail "$path is made anew"
done

# The policy names the digests of the very style and script that are sent.
operators / -D "$here/head" >"$here/page"
policy=$(sed -n 's/^Content-Security-Policy: //p' "$here/head")
# between OPEN CLOSE: what stands between them, byte by byte.
between() {
    local text
    text=$(cat "$here/page" && echo .)
    text=${text#*"$1"}
    printf '%s' "${text%%"$2"*}"
}
for part in style script; do
    digest=$(between "<$part>" "</$part>" | openssl dgst -sha256 -binary | openssl base64 -A)
    has "$policy" "$part-src 'sha256-$digest'"
done
size=$(wc -c <"$here/page")
[ "$size" -lt 60000 ] || fail "$size bytes"
lacks "$(cat "$here/page")" "<script src" "<link rel=\"stylesheet" "@import" "url(http" "src=\"http"

# Values follow lookups, and the last problems have their GUID.
for i in 1 2 3; do
    [ "$(ask -o "$here/body" -w '%{http_code}' "$at/M1%201AA")" = 200 ] || fail "$(cat "$here/body")"
done
guid=12345678-1234-4234-8234-123456789abc
ask -o "$here/body" -H "X-GUID: $guid" "$at/nonsense"
page_has() {
    [[ $(operators /) == *"$1"* ]]
}
eventually page_has "<td>$guid</td>"
eventually page_has '<tr data-code="ok"><th scope="row">ok <small>200 OK</small></th><td class="n">'
count_of() {
    operators /status.json | sed -n "s/.*{\"code\":\"$1\"[^}]*\"since_start\":\([0-9]*\)}.*/\1/p"
}
counts_are() {
    [ "$(count_of ok)" = 3 ] && [ "$(count_of invalid_postcode)" = 1 ]
}
eventually counts_are
knob lookup_status=500
ask -o "$here/body" "$at/M1%201AA"
eventually page_has 'id="problems"'
has "$(operators /)" upstream_error
knob lookup_status=0

# A token that is out of use is told by its number, in the page and in the data.
before=$(operators /status.json | sed -n 's/.*"generation":\([0-9]*\),"requests.*/\1/p')
[ "$(admin /tokens/location/refresh -X POST -o "$here/body" -w '%{http_code}')" = 202 ] || fail refresh
eventually page_has "Token #$((before + 1)) is valid"

# Whom to ask: origins, and not the rest of a URL.
has "$(operators /status.json)" "\"address\":\"$url\"" "\"token_endpoint\":\"$url\""

# Nothing secret in either.
for path in / /status.json; do
    said=$(operators "$path")
    lacks "$said" "$secret" "Bearer" undisclosed
done

# JSON for those who parse strictly.
if command -v python3 >/dev/null; then
    operators /status.json | python3 -c '
import json, sys
status = json.load(sys.stdin)
upstream = status["upstreams"][0]
assert upstream["name"] == "location", upstream["name"]
assert upstream["token"]["state"] == "valid", upstream["token"]
assert upstream["token_events"][0]["kind"] == "obtained", upstream["token_events"]
assert status["samples"]["interval_seconds"] == 10
for columns in [status["samples"], upstream["samples"]]:
    lengths = {len(column) for column in columns.values() if isinstance(column, list)}
    assert len(lengths) == 1, lengths
' || fail "the JSON is not as documented"
fi

# The listener of lookups says where they are.
for path in / /status.json; do
    has "$(ask "http://$address$path")" '"code":"not_found"' "[metrics] listen" "/status.json"
done
stop_daemon

# Paths are shown as [log] postcodes allows.
fails() {
    ask -o "$here/body" "$at/M1%201AA"
    knows_problem() {
        [[ $(operators /status.json) == *upstream_error* ]]
    }
    eventually knows_problem
    operators /
    operators /status.json
}
knob lookup_status=500
start_daemon
eventually is_ready
has "$(fails)" "addresses/M1%201AA"
stop_daemon
set_key log postcodes outward
start_daemon
eventually is_ready
said=$(fails)
has "$said" 'addresses/M1'
lacks "$said" 1AA
stop_daemon
