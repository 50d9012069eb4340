#!/bin/bash
# Operators' paths: what they answer to whom and by which method; and that a scrape is answered
# while every worker is busy.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

start_standin --token-down
default_keys
start_daemon

# answers STATUS PATH CURL-ARGUMENT...: at [metrics]; sets said.
answers() {
    local status=$1 path=$2
    shift 2
    said=$(operators "$path" -i "$@")
    has "$said" "HTTP/1.1 $status " "X-GUID: " "Cache-Control: no-store"
}

# Without a token it lives, and is not ready, and says why.
answers 200 /healthz
has "$said" $'\r\n\r\nok'
logged "token request failed" >/dev/null
answers 503 /readyz
has "$said" "upstream location: no usable token" "the token endpoint responded with 503" \
    "Content-Type: text/plain"
knob token_down=0
eventually is_ready
answers 200 /readyz
has "$said" $'\r\n\r\nready'
answers 200 /metrics
has "$said" "Content-Type: text/plain; version=0.0.4"

for path in / /status.json /healthz /readyz /metrics; do
    answers 405 "$path" -X POST
    has "$said" "Allow: GET, HEAD" '"code":"method_not_allowed"'
    answers 405 "$path" -X DELETE
    answers 200 "$path" -I
    answers 200 "$path?x=1"
    answers 400 "$path" -X GET -d body
    has "$said" "Connection: close" '"code":"bad_request"'
done
for path in // /index.html /healthz/ /metricsx /tokens /config /tokens/location/refresh /api/v1/addresses/M1; do
    answers 404 "$path"
    has "$said" '"code":"not_found"' "Available paths: /, /status.json, /healthz, /readyz, /readyz/..., /metrics\""
done

# postcoded(8) lists all of them, and what a browser opens is in the meaning of the key.
for path in / /status.json /healthz /readyz /metrics; do
    grep -qE "^\\.It Pa (/ , )?$path( |\$)" "$TOP/conf/man/postcoded.8" || fail "postcoded(8) has no $path"
done
"$BUILD/postcoded" -c "$here/pc.ini" --print-config >"$here/config"
has "$(grep -B 5 '^listen = .*metrics\.sock' "$here/config")" "the status page, /healthz, /readyz and /metrics"

# [admin] has all of them.
admin() {
    ask --unix-socket "$here/admin.sock" "http://admin$1" -i "${@:2}"
}
for path in / /status.json /healthz /readyz /metrics /tokens /config; do
    has "$(admin "$path")" "HTTP/1.1 200 "
    has "$(admin "$path" -X PUT)" "HTTP/1.1 405 " "Allow: GET, HEAD"
done
has "$(admin /tokens/location/refresh)" "HTTP/1.1 405 " "Allow: POST"
has "$(admin /tokens/other/refresh -X POST)" "HTTP/1.1 404 "

# The sample in the documents is what one gets.
members() { sed -n 's/^ *\("[a-z_]*"\): .*/\1/p'; }
sed -n '/admin\/tokens$/,/^    }/p' "$TOP/docs/operations.md" | members >"$here/documented"
admin /tokens | members | cmp -s - "$here/documented" || fail "docs/operations.md has other members of /tokens"

# Operators are no callers: they count in none of the callers' figures.
metric_is postcoded_connections 0 || fail "$(metric postcoded_connections) connections"
[ "$(operators /metrics | grep '^postcoded_requests_total' | grep -vc ' 0$')" = 0 ] ||
    fail "requests: $(operators /metrics | grep '^postcoded_requests_total')"

# 300 lookups wait; a scrape does not, and counts them.
knob hold=1
callers --count 300 >"$here/told" &
many=$!
eventually metric_is postcoded_requests_in_flight 300
metric_is postcoded_connections 300 || fail "$(metric postcoded_connections) connections"
within 500 operators /metrics >/dev/null
knob hold=0
wait "$many" || fail "$(cat "$here/told")"
stop_daemon
