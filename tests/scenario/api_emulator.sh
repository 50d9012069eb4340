#!/bin/bash
# The emulator of Location APIs by itself: it plays each folder of tests/apis, lets the right requests
# in, and refuses those with one thing wrong, each with a status of its own and a line that says what
# is right.
# shellcheck source=tests/scenario/api_common.bash
. "$TOP/tests/scenario/api_common.bash"

form=application/x-www-form-urlencoded

# request ARGUMENT...: sets status and body.
request() {
    status=$(ask -o "$here/body" -w '%{http_code}' "$@")
    body=$(cat "$here/body")
}
# refused STATUS FAULT ARGUMENT...
refused() {
    local wanted=$1 fault=$2
    : >"$here/emulator.log"
    request "${@:3}"
    [ "$status" = "$wanted" ] || fail "$name: $fault: $status in place of $wanted: $body"
    grep -q "^emulator: $name: $fault: .* is right; it was " "$here/emulator.log" ||
        fail "$name: $fault is not said: $(cat "$here/emulator.log")"
}

# play NAME MEMBER TOKEN-TARGET TYPE BODY LOOKUP UNKNOWN HEADER [CURL-ARGUMENT...]: the right requests,
# then wrong ones; the arguments are those of a token request besides.
play() {
    local member=$2 ask_token lookup=$6 unknown=$7 header=$8 token grant=200 refusal expiry
    start_emulator "$1"
    ask_token=(-X POST "${@:9}" -H "Content-Type: $4" --data-binary "$5")
    [ "$name" != correios-cep ] || grant=201
    request "${ask_token[@]}" "$url$3"
    token=$(sed -n "s/.*\"$member\":\"\(tok-[a-z0-9]*\)\".*/\1/p" <<<"$body")
    [[ $status == "$grant" && $token == *000001 ]] || fail "$name: $status $body"

    local bearer=(-H "Authorization: Bearer $token" -H "$header")
    request "${bearer[@]}" "$url$lookup"
    [ "$status" = 200 ] || fail "$name: $status $body $(cat "$here/emulator.log")"
    cmp -s "$here/body" "$folder/found.json" || fail "$name: another body: $body"
    request "${bearer[@]}" "$url${lookup/%"$known"/}$unknown"
    cmp -s "$here/body" "$folder/unknown.json" || fail "$name: another body: $status $body"
    [ "$(seen faults)" = 0 ] || fail "$(cat "$here/emulator.log")"

    # One thing wrong.
    refused 404 path "${ask_token[@]}" "$url${3}x"
    refused 422 query "${ask_token[@]}" "$url$3?a=b"
    refused 405 method "${ask_token[@]:2}" -X PUT "$url$3"
    refused 415 content_type -X POST "${@:9}" -H 'Content-Type: text/plain' --data-binary "$5" "$url$3"
    refused 400 body -X POST "${@:9}" -H "Content-Type: $4" --data-binary '' "$url$3"
    case $4 in
    "$form") refused 400 body "${ask_token[@]:0:$((${#ask_token[@]} - 1))}" "$5&resource=x" "$url$3" ;;
    *) refused 400 body "${ask_token[@]:0:$((${#ask_token[@]} - 1))}" "${5%\}},\"resource\":\"x\"}" "$url$3" ;;
    esac
    if [ $# -gt 8 ]; then
        refusal=(-X POST -u us:wrong -H "Content-Type: $4" --data-binary "$5")
    else
        refusal=("${ask_token[@]:0:$((${#ask_token[@]} - 1))}" "${5/CANARY/other}")
        refused 412 header "${ask_token[@]}" -u us:x "$url$3"
    fi
    expiry=$(sed -n 's/.*"token-refused.json": .*"status": \([0-9]*\).*/\1/p' "$folder/api.json")
    refused "$expiry" client "${refusal[@]}" "$url$3"
    cmp -s "$here/body" "$folder/token-refused.json" || fail "$name: another refusal: $body"

    refused 404 path "${bearer[@]}" "$url/x$lookup"
    refused 405 method "${bearer[@]}" -X DELETE "$url$3"
    case $lookup in
    *'?'*) refused 422 query "${bearer[@]}" "$url$lookup&a=b" ;;
    *) refused 422 query "${bearer[@]}" "$url$lookup?a=b" ;;
    esac
    [ -z "$header" ] || refused 412 header -H "Authorization: Bearer $token" "$url$lookup"
    refused 401 token -H "$header" "$url$lookup"
    refused 401 token -H "$header" -H "Authorization: bearer $token" "$url$lookup"
    refused 401 token -H "$header" -H "Authorization: Bearer ${token%1}9" "$url$lookup"

    # Expired until a newer token comes; and replies that were asked for by name.
    press_emulator expire
    expiry=$(sed -n 's/.*"expired.json": .*"status": \([0-9]*\).*/\1/p' "$folder/api.json")
    request "${bearer[@]}" "$url$lookup"
    [ "$status" = "$expiry" ] && cmp -s "$here/body" "$folder/expired.json" ||
        fail "$name: not expired: $status $body"
    request "${ask_token[@]}" "$url$3"
    has "$body" "${token%1}2"
    bearer=(-H "Authorization: Bearer ${token%1}2" -H "$header")
    press_emulator 'play?lookup=limited.json&times=1'
    request "${bearer[@]}" "$url$lookup"
    [ "$status" = 429 ] && cmp -s "$here/body" "$folder/limited.json" || fail "$name: $status $body"
    request "${bearer[@]}" "$url$lookup"
    cmp -s "$here/body" "$folder/found.json" || fail "$name: once was twice: $status $body"
    press_emulator 'play?token=token-refused.json'
    request "${ask_token[@]}" "$url$3"
    cmp -s "$here/body" "$folder/token-refused.json" || fail "$name: not refused: $status $body"
    [ "$(seen tokens_issued)" = 2 ] || fail "$(ask "$url/emulator/counters")"
    has "$(last lookup)" "\"target\":\"$lookup\"" "\"method\":\"GET\"" "Bearer ${token%1}2"
}

fields='grant_type=client_credentials&client_id=us&client_secret=CANARY+%22of%5Cthe%26client%25%2B%3D+1'
json_secret='CANARY \"of\\the&client%+= 1'
known=ZZ9%209ZZ
play os-places access_token /oauth2/token/v1 $form grant_type=client_credentials \
    "/search/places/v1/postcode?postcode=$known" ZZ9%209ZX '' -u us:CANARY.of-the_client
known=99950
play usps-city-state access_token /oauth2/v3/token application/json \
    "{\"grant_type\":\"client_credentials\",\"client_id\":\"us\",\"client_secret\":\"$json_secret\"}" \
    "/addresses/v3/city-state?ZIPCode=$known" 00000 ''
play azure-maps access_token /tenant/oauth2/v2.0/token $form \
    "$fields&scope=https%3A%2F%2Fatlas.microsoft.com%2F.default" \
    "/geocode?api-version=2025-01-01&countryRegion=US&postalCode=$known" 00000 \
    'x-ms-client-id: 00000000-0000-4000-8000-000000000000'
play arcgis-geocode access_token /sharing/rest/oauth2/token $form "$fields" \
    "/arcgis/rest/services/World/GeocodeServer/findAddressCandidates?f=json&countryCode=USA&postal=$known" \
    00000 ''
known=9999
play nzpost-addresses access_token /as/token.oauth2 $form "$fields" \
    "/parceladdress/2.0/domestic/addresses?count=10&q=$known" 9998 'client_id: us'
known=99999000
play correios-cep token /token/v1/autentica/cartaopostagem application/json '{"numero":"0000000000"}' \
    "/cep/v1/enderecos/$known" 99999001 '' -u us:CANARY.of-the_client
known=9999999
play japanpost-searchcode token /api/v1/j/token application/json \
    "{\"grant_type\":\"client_credentials\",\"client_id\":\"us\",\"secret_key\":\"$json_secret\"}" \
    "/api/v1/searchcode/$known" 9999998 ''

# The postcode in the middle of a query, with what follows it.
start_emulator swisspost-zips
request -d "$fields&scope=DCAPI_ADDRESS_READ" "$url/OAuth/token"
has "$body" 000001
bearer="Authorization: Bearer tok-abcdefghijklmnopqrstuvwxyz0123000001"
request -H "$bearer" "$url/address/v1/zips?zipCity=9999&type=DOMICILE"
cmp -s "$here/body" "$folder/found.json" || fail "$status $body"
refused 422 query -H "$bearer" "$url/address/v1/zips?zipCity=9999&type=OTHER"
refused 422 query -H "$bearer" "$url/address/v1/zips?zipCity=%39999&type=DOMICILE"
refused 422 query -H "$bearer" "$url/address/v1/zips?zipCity=&type=DOMICILE"

# A folder whose description has a fault is not played.
mkdir "$here/faulty"
cp "$folder"/*.json "$here/faulty"
sed -i 's/"member":/"haeders": {}, &/' "$here/faulty/api.json"
"$driver/emulator" "$here/faulty" >"$here/out" 2>&1 && fail "a misspelt member is no fault"
has "$(cat "$here/out")" haeders
exit 0
