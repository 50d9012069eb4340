#!/bin/bash
# USPS: a token request in JSON with the credentials in it, an unknown code told by 400, an answer
# without the postcode; and the call of the same API whose country is null.
# shellcheck source=tests/scenario/api_common.bash
# shellcheck disable=SC2034 # variables of api_common.bash
. "$TOP/tests/scenario/api_common.bash"

known=99950
unknown=00000
not_there='400 invalid_postcode'
lifetime=28799
small='{"postcode":"99950","country":"US"}'
refused_says="the client's credentials.*The client credentials are invalid\."
wrong=(auth_body '{"client_id":"{client_id}","client_secret":"{client_secret}"}' body)

more_lookups() {
    sends bad-zip.json
    problem 400 invalid_postcode 9995
    # It is another shape, in which the member that is looked for is not there.
    sends address-null-country.json
    problem 502 upstream_malformed "$known"
}
more_tokens() {
    # A new token ends the one before: whichever of them a lookup goes with, no third is asked for.
    [ "$(press refresh)" = 202 ] || fail refresh
    eventually token_is generation 2
    press_emulator revoke
    reads "$small" "$known"
    asked 1

    stop_daemon
    upstream lookup_found /address/ZIPCode
    begin
    sends address-null-country.json
    reads "$small" "$known"
    stop_daemon
    upstream address_postcode /address/ZIPCode
    upstream address_country /country
    begin
    sends address-null-country.json
    reads '{"postcode":"99950","country":null}' "$known"
    stop_daemon
    upstream answer body
    begin
    sends address-null-country.json
    gets address-null-country.json "$known"
    upstream answer ''
    upstream lookup_found ''
    upstream address_postcode ''
    upstream address_country ''
}
play_api usps-city-state
