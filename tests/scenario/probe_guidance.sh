#!/bin/bash
# A stranger's way through foreign APIs: each --probe names the key that is missing, until it is well.
# Nothing that it prints is a value of the API.
# shellcheck source=tests/scenario/api_common.bash
. "$TOP/tests/scenario/api_common.bash"

# The configuration is made of our keys alone, in place of an example.
configure() {
    local key section last=
    while IFS= read -r key; do
        section=${key%%/*}
        [ "$section" = "$last" ] || echo "[$section]"
        last=$section
        [ -z "${setting[$key]}" ] || echo "${key#*/} = ${setting[$key]}"
    done < <(printf '%s\n' "${!setting[@]}" | sort) >"$here/pc.ini"
    chmod 600 "$here/pc.ini"
}
# begin_with NAME: a new stranger with id, secret and host.
begin_with() {
    start_emulator "$1"
    setting=()
    default_keys
    unset "setting[upstream location/address]" "setting[upstream location/client_id]" \
        "setting[upstream location/client_secret]"
    printf '%s\n' "$secret" >"$here/client.secret"
    chmod 600 "$here/client.secret"
    upstream address "$url"
    upstream client_id us
    upstream client_secret_file "$here/client.secret"
}
# fails POSTCODE PHRASE...: the probe fails, and says so.
fails() {
    probe "$1"
    [ "$verdict" = 1 ] || fail "$told"
    has "$told" 'verdict        failed; look at ' "${@:2}"
    lacks "$told" Sampleton SAMPLETON tok-0 'OAuth2 ' 192.0.2 例 spatialReference\":
}
well() {
    probe "$1"
    [ "$verdict" = 0 ] || fail "$told"
    has "$told" 'ok: token request and lookup succeeded'
}

# ---- JSON in the request, odd names and an odd type in the response ----

begin_with japanpost-searchcode
fails 9999999 'responded with 404' 'look at auth_path or auth_url'
upstream auth_path /api/v1/j/token
fails 9999999 'asked as       client "us", auth_flow = basic' 'responded with 415' 'look at auth_flow' 'auth_body = {'
upstream auth_flow client_credentials
upstream auth_client post
fails 9999999 'responded with 415' 'look at auth_body: the endpoint takes no form'
upstream auth_body '{"grant_type":"client_credentials","client_id":"{client_id}","client_secret":"{client_secret}"}'
fails 9999999 'with auth_body' 'responded with 400' 'look at client_id' 'auth_body'
upstream auth_body '{"grant_type":"client_credentials","client_id":"{client_id}","secret_key":"{client_secret}"}'
fails 9999999 'access_token: missing; the response has token, ' 'look at auth_reply'
upstream auth_reply 'token expires_in'
fails 9999999 'token type     jwt' 'odd            the type is not Bearer' \
    'lookup         '"$url/api/v1/addresses/9999999" 'look at lookup_path, or lookup_target'
upstream lookup_target '/api/v1/searchcode/{postcode}'
fails 9999999 'response       401' 'look at auth_scheme'
upstream auth_scheme Bearer
fails 9999999 'lookup         '"$url/api/v1/searchcode/9999999" 'postcode is missing' \
    'the body       page (number), limit (number), count (number), searchtype (string of 7), addresses (array of 1)' \
    'look at lookup_found'
upstream lookup_found /address
fails 9999999 'no address     /address leads nowhere' 'look at lookup_found'
upstream lookup_found /addresses
well 9999999
fails 9999998 'response       404' 'look at lookup_target, unless the upstream just does not know'

# ---- what is unknown, and what is dead, inside of a 200 ----

begin_with arcgis-geocode
upstream auth_path /sharing/rest/oauth2/token
upstream auth_flow client_credentials
upstream auth_client post
upstream lookup_target '/arcgis/rest/services/World/GeocodeServer/findAddressCandidates?f=json&countryCode=USA&postal={postcode}'
upstream lookup_found /candidates
well 99950
fails 00000 'response       200' 'no address     /candidates leads to nothing' 'candidates (array of 0)' 'look at lookup_found, unless'
upstream lookup_failed /error
sends expired.json 2
fails 99950 'the body       error (object)' 'look at lookup_failed'
upstream lookup_failed ''
sends expired.json
fails 99950 '/candidates leads nowhere' 'look at lookup_failed: the body has a member error' \
    'and lookup_found'
printf 'CANARY another' >"$here/client.secret"
fails 99950 'responded with 200: invalid_client_id (' 'look at client_id'
exit 0
