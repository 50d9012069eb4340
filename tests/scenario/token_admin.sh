#!/bin/bash
# What operators read of a token, and press: on the admin socket alone, and never the token.
. "$TOP/tests/scenario/token_common.bash"

token_keys --lifetime 600
begin
eventually is_ready
has "$(admin /tokens)" '"location": {' '"state": "valid"' '"ready": true' '"generation": 1' \
    '"waiters": 0' '"requests_last_hour": 1' '"charged_last_hour": 0' '"lifetime_seconds": 600.0' \
    '"last_error": null'
# JSON ends its line, so that a prompt does not stand behind it; the length includes that.
for path in /tokens /config; do
    admin "$path" -D "$here/head" -o "$here/body"
    [ -z "$(tail -c 1 "$here/body")" ] || fail "$path does not end with a newline"
    has "$(tr -d '\r' <"$here/head")" "Content-Length: $(stat -c %s "$here/body")"
done
# min(5m, 20 % of 600 s), less the jitter; early is counted from the end, the renewal from now.
early=$(token early_expiry_seconds)
about "$early" 108 120 || fail "$early"
about "$(token next_renewal_in_seconds)" "$(awk -v e="$early" 'BEGIN { print 599.9 - e - 60 }')" \
    "$(awk -v e="$early" 'BEGIN { print 600 - e }')" || fail "$(admin /tokens)"
first=$(token fingerprint)
[[ $first =~ ^[0-9a-f]{8}$ ]] || fail "a fingerprint of $first"

expiry=$(metric postcoded_token_expiry_timestamp_seconds 'upstream="location"')
about "$expiry" "$(($(date +%s) + 500))" "$(($(date +%s) + 601))" || fail "$expiry"

[ "$(press refresh)" = 202 ] || fail "refresh"
eventually token_is generation 2
[ "$(token fingerprint)" != "$first" ] || fail "the same fingerprint"
[ "$(token charged_last_hour)" = 1 ] || fail "$(admin /tokens)"
evicted() {
    metric postcoded_token_evictions_total "upstream=\"location\",reason=\"$1\""
}
[ "$(evicted replaced)" = 1 ] || fail "$(operators /metrics)"

# A second refresh while one is under way joins it.
knob token_hold=1
[ "$(press refresh)" = 202 ] || fail "refresh"
[ "$(press refresh)" = 202 ] || fail "refresh, joining"
token_is state renewing || fail "$(admin /tokens)"
[ "$(look_status)" = 200 ] || fail "meanwhile"
knob token_hold=0
eventually token_is generation 3
[ "$(counter token_requests)" = 3 ] || fail "it did not join"

# Forgetting drops the token at once; with prefetch on another is asked for.
knob token_hold=1
[ "$(press forget)" = 204 ] || fail "forget"
token_is state fetching || fail "$(admin /tokens)"
has "$(admin /tokens)" '"fingerprint": null' '"expires_in_seconds": null'
metric_is postcoded_token_expiry_timestamp_seconds 0 'upstream="location"' ||
    fail "$(operators /metrics)"
[ "$(operators /readyz -o /dev/null -w '%{http_code}')" = 503 ] || fail "ready without a token"
[ "$(press forget)" = 204 ] || fail "forget, of none"
knob token_hold=0
eventually token_is generation 4
[ "$(token charged_last_hour)" = 3 ] || fail "$(admin /tokens)"
[ "$(evicted forgotten)" = 1 ] || fail "$(operators /metrics)"
for line in 'refresh requested by hand upstream=location' 'token forgotten by hand upstream=location'; do
    logs "$line"
done

# Nowhere else, no other way, and of no other upstream.
is_status() {
    [ "$(admin "$1" -o /dev/null -w '%{http_code}' "${@:3}")" = "$2" ] || fail "$1 is not $2"
}
is_status /tokens/location/refresh 405
is_status /tokens/elsewhere/refresh 404 -X POST
is_status /tokens/location/steal 404 -X POST
is_status /tokens 405 -X POST
[ "$(operators /tokens -o /dev/null -w '%{http_code}')" = 404 ] || fail "/tokens among metrics"
lacks "$(admin /config)" "$secret"
admin /config >>"$said"
admin /tokens >>"$said"
admin /metrics >>"$said"
