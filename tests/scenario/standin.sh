#!/bin/bash
# The tools that other tests stand on: the stand-in Location API, and the drivers. What they say is
# held against what the other side has counted.
set -u

here=$TMPDIR
driver=$BUILD/driver

fail() {
    echo "line ${BASH_LINENO[0]}: $*"
    exit 1
}

# has TEXT PART...: each part occurs in the text.
has() {
    local text=$1 part
    shift
    for part; do
        [[ $text == *"$part"* ]] || fail "no $part in: $text"
    done
}

lacks() {
    local text=$1 part
    shift
    for part; do
        [[ $text != *"$part"* ]] || fail "$part in: $text"
    done
}

printf 'p+w &%%\n' >"$here/secret"
coproc STANDIN { exec "$BUILD/location-standin" --listen 127.0.0.1:0 \
    --client-secret-file "$here/secret" --token-size 100; }
standin=$STANDIN_PID
trap 'kill "$standin" 2>/dev/null' EXIT
read -r _ _ url <&"${STANDIN[0]}"
address=${url#http://}

control() {
    curl -q -s -m 20 "$@"
}
# token CURL-ARGUMENT...: prints the access token of one reply.
token() {
    control -X POST "$@" "$url/auth/v1" | sed -n 's/.*"access_token":"\([^"]*\)".*/\1/p'
}
set_knob() {
    [ "$(control -X POST -w '%{http_code}' "$url/standin/set?$1")" = 204 ] || fail "set $1"
}
# lookup POSTCODE CURL-ARGUMENT...: head and body.
lookup() {
    local postcode=$1
    shift
    control -i -H "Authorization: Bearer $bearer" "$@" "$url/api/v1/addresses/$postcode"
}
callers() {
    "$driver/callers" --connect "$address" --path /api/v1/addresses/M11AA \
        --header "Authorization: Bearer $bearer" "$@"
}

"$driver/waitfor" --connect "$address" --path /standin/counters || fail "never there"
"$driver/waitfor" --connect "$address" --path /nowhere --timeout 1 2>/dev/null &&
    fail "waitfor took a 404 for a 200"

# Tokens, by each flow, and refused.
bearer=$(token -u 'demo:p+w &%')
[ ${#bearer} = 100 ] || fail "a token of ${#bearer} bytes"
form='grant_type=client_credentials'
[ -n "$(token -u 'demo:p%2Bw+%26%25' -d $form)" ] || fail "Basic, form-encoded"
[ -n "$(token -d $form -d client_id=demo --data-urlencode 'client_secret=p+w &%')" ] || fail "post"
has "$(control -i -X POST -u demo:wrong "$url/auth/v1")" " 401 " invalid_client WWW-Authenticate
has "$(control -u 'demo:p+w &%' -d grant_type=password "$url/auth/v1")" unsupported_grant_type
has "$(control -u a:b -d "$form&client_secret=c" "$url/auth/v1")" invalid_request

# Lookups.
found=$(lookup sw1a%201aa)
has "$found" " 200 " '"postcode":"SW1A 1AA"' '"country":"England"' Cache-Control:
tag=$(sed -n 's/^ETag: \("[^"]*"\).*/\1/p' <<<"$found")
has "$(lookup SW1A1AA -H "If-None-Match: \"other\", W/$tag")" " 304 "
only=$(tail -n 1 <<<"$found") # the body
has "$(lookup EH1%201AA)" '"country":"Scotland"'
has "$(lookup CF101AA)" '"country":"Wales"'
has "$(lookup BT11AA)" '"country":"Northern Ireland"'
has "$(lookup ZZ11AA)" " 404 " unknown_postcode
for malformed in X SW1A SW1A%20%201AA 11AA1AA SW1A1A1 SW1A-1AA; do
    has "$(lookup "$malformed")" " 400 "
done
has "$(control -i "$url/api/v1/addresses/SW1A1AA")" " 401 " WWW-Authenticate

# Faults.
set_knob 'unauthorized=1&error_share=25'
has "$(callers --requests 9)" '"200":6' '"401":1' '"500":2'
set_knob 'error_share=0&lookup_status=429&retry_after=7'
has "$(lookup M11AA)" " 429 " "Retry-After: 7"
set_knob 'retry_after=0'
lacks "$(lookup M11AA)" "Retry-After"
set_knob 'lookup_status=0&token_status=418'
has "$(control -i -X POST -u 'demo:p+w &%' "$url/auth/v1")" " 418 "
set_knob 'token_status=0&token_down=1'
has "$(control -i -X POST -u 'demo:p+w &%' "$url/auth/v1")" " 503 "
has "$(control -X POST "$url/standin/set?delay=-1")" value_out_of_range
has "$(control -X POST "$url/standin/set?pace=1")" no_such_knob
set_knob 'token_down=0&same_token=1'
[ "$(token -u 'demo:p+w &%')" = "$(token -u 'demo:p+w &%')" ] || fail "not the same token"
set_knob 'same_token=0&lifetime=0.05'

# A token dies of age. How soon is the machine's affair, so it is asked until it has.
bearer=$(token -u 'demo:p+w &%')
for ((i = 0; i < 1000; i++)); do
    [[ $(lookup M11AA) == *" 401 "* ]] && break
done
[ "$i" -lt 1000 ] || fail "the token does not expire"
set_knob lifetime=3600
bearer=$(token -u 'demo:p+w &%')

# What a cache reads, and what tells a test which answer it has.
# says NAME=TEXT...: texts, percent-encoded by curl.
says() {
    local arguments=() text
    for text; do
        arguments+=(--data-urlencode "$text")
    done
    [ "$(control -X POST -G -w '%{http_code}' "${arguments[@]}" "$url/standin/set")" = 204 ] || fail "say $*"
}
seen() {
    control "$url/standin/counters" | sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p"
}
lacks "$found" Expires: Age: Vary: Last-Modified: version echo
has "$found" $'\nCache-Control: private, max-age=86400\r'
date='Sun, 06 Nov 1994 08:49:37 GMT'
says 'cache_control=public, s-maxage=1, x="a&b=c+d;%"' expires=0 age=7 'vary=Accept, X-User' "last_modified=$date"
fields=$(lookup SW1A1AA)
has "$fields" $'Cache-Control: public, s-maxage=1, x="a&b=c+d;%"\r' $'Expires: 0\r' $'Age: 7\r' \
    $'Vary: Accept, X-User\r' "Last-Modified: $date"$'\r' "ETag: $tag"
before=$(seen lookups_conditional)
has "$(lookup SW1A1AA -H "If-Modified-Since: $date")" " 304 " "Last-Modified: $date" Cache-Control
has "$(lookup SW1A1AA -H "If-Modified-Since: $date" -H 'If-None-Match: "other"')" " 200 "
has "$(lookup SW1A1AA -H "If-Modified-Since: ${date/37/38}")" " 200 "
[ "$(seen lookups_conditional)" = $((before + 3)) ] || fail "conditional: $(control "$url/standin/counters")"
[ "$(seen lookups_not_modified)" = 2 ] || fail "304: $(control "$url/standin/counters")"
says cache_control= expires= age= vary= last_modified=
set_knob etag=0
fields=$(lookup SW1A1AA -H "If-None-Match: $tag")
has "$fields" " 200 "
lacks "$fields" Cache-Control ETag Expires Age: Vary Last-Modified
set_knob 'etag=2&version=3'
fields=$(lookup SW1A1AA -H "If-None-Match: $tag")
has "$fields" " 200 " '"version":3' 'ETag: W/"'
lacks "$fields" "$tag"
has "$(lookup SW1A1AA -H "If-None-Match: W/$(sed -n 's/^ETag: W.\("[^"]*"\).*/\1/p' <<<"$fields")")" " 304 "
says echo=X-User version=0 etag=1
has "$(lookup SW1A1AA -H 'X-User: ada')" '"echo":"ada"'
has "$(lookup SW1A1AA)" '"echo":""'
says echo= cache_control=no-store lookup_status=404 status_postcode=m11aa
has "$(lookup M1%201AA)" " 404 "
has "$(lookup M11AB)" " 200 "
has "$(lookup M11AAA)" " 400 "
lacks "$(lookup M11AA)" Cache-Control
set_knob error_fields=1
has "$(lookup M11AA)" " 404 " "Cache-Control: no-store"
says status_postcode= lookup_status=0 error_fields=0 'cache_control=private, max-age=86400'
has "$(control -X POST "$url/standin/set?vary=a%0d%0ab")" value_out_of_range
has "$(control -X POST "$url/standin/set?vary=$(printf '%0600d' 0)")" value_out_of_range

# A thousand at once, in one thread: none is answered before all are there.
set_knob hold=1
callers --count 1000 --barrier --expect 200 >"$here/thousand" &
many=$!
has "$(control "$url/standin/counters?concurrent_now=1000&timeout=20000")" '"concurrent_max":1000'
set_knob hold=0
wait "$many" || fail "$(cat "$here/thousand")"
has "$(cat "$here/thousand")" '"answered":1000' '"errors":0'

# Callers who leave, in each way, are noticed at once.
set_knob hold=1
mkfifo "$here/go"
left=0
# They leave when the stand-in has read their requests: a reset takes with it what lies unread.
for way in "" --half-close --reset; do
    callers --count 20 --leave-on-fd "$here/go" $way >"$here/told" &
    told=$!
    has "$(control "$url/standin/counters?concurrent_now=20")" '"concurrent_now":20'
    : >"$here/go"
    wait "$told" || fail "$(cat "$here/told")"
    has "$(cat "$here/told")" '"left":20' '"answered":0'
    left=$((left + 20))
    has "$(control "$url/standin/counters?aborted=$left")" "\"aborted\":$left" '"concurrent_now":0'
done
callers --count 20 --leave-after 0 >/dev/null || fail "close"
has "$(control "$url/standin/counters?aborted=80")" '"aborted":80' '"concurrent_now":0'
set_knob hold=0

# The first byte of an answer, and the rest when the knob is turned off; or a caller who has enough.
set_knob trickle=1
curl -q -s -m 20 -N -i -H "Authorization: Bearer $bearer" "$url/api/v1/addresses/SW1A1AA" -o "$here/trickled" &
whole=$!
for ((i = 0; i < 1000; i++)); do
    [ "$(tail -c 1 "$here/trickled" 2>/dev/null)" = '{' ] && break
    sleep 0.02
done
has "$(cat "$here/trickled")" " 200 " "Content-Length: ${#only}"
lacks "$(cat "$here/trickled")" postcode
set_knob trickle=0
wait "$whole" || fail "trickled: $?"
has "$(cat "$here/trickled")" '{"postcode":"SW1A 1AA"' '"}'
set_knob trickle=1
before=$(seen aborted)
curl -q -s -m 20 -o /dev/null -H "Authorization: Bearer $bearer" "$url/api/v1/addresses/SW1A1AA" &
whole=$!
has "$(control "$url/standin/counters?concurrent_now=1&timeout=20000")" '"concurrent_now":1'
kill "$whole"
has "$(control "$url/standin/counters?aborted=$((before + 1))&timeout=20000")" '"concurrent_now":0'
set_knob trickle=0

# Revoked is refused; a counter not reached is a 504.
control -X POST "$url/standin/revoke"
has "$(lookup SW1A1AA)" " 401 "
has "$(control -i "$url/standin/counters?lookups=1000000&timeout=1")" " 504 "

# raw: two requests in one go; the second closes.
printf 'GET /a HTTP/1.1\r\nHost: h\r\n\r\nGET /b HTTP/1.0\r\n\r\n' >"$here/two"
answers=$("$driver/raw" --connect "$address" "$here/two") || fail "raw: $?"
[ "$(grep -c 'HTTP/1.1 404' <<<"$answers")" = 2 ] || fail "raw: $answers"
printf 'GET /a HTTP/1.1\r\n' | "$driver/raw" --connect "$address" --timeout 1 - >/dev/null
[ $? = 3 ] || fail "raw does not say that the connection is open"

# A port in use is a failure to start; a signal ends it well.
"$BUILD/location-standin" --listen "$address" 2>"$here/second"
[ $? = 3 ] || fail "a second one on the same port"
has "$(cat "$here/second")" "already in use"
kill -TERM "$standin"
wait "$standin" || fail "ended with $?"
"$driver/callers" --connect "$address" --count 3 >"$here/refused" && fail "nobody is there"
has "$(cat "$here/refused")" '"errors_connect":3'

# notify: the command has its socket and its listener, and its status comes through.
# shellcheck disable=SC2016 # the inner shell expands it
"$driver/notify" --socket "$here/notify" --listen "unix:$here/activated" --output "$here/told" -- \
    bash -c 'echo "$LISTEN_FDS $LISTEN_FDNAMES" >>"$1"; [ "$LISTEN_PID" = $$ ] &&
        [ -S /proc/self/fd/3 ] && [ -S "$NOTIFY_SOCKET" ] && exit 7' - "$here/lives"
[ $? = 7 ] || fail "notify: $(cat "$here/told")"
has "$(cat "$here/lives")" "1 listen"
has "$(cat "$here/told")" "started " "ended 7"
