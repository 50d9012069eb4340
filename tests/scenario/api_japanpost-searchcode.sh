#!/bin/bash
# Japan Post: a token request in JSON with a name of its own for the secret, a token whose type
# is not the scheme that lookups want, and null members in the answer.
# shellcheck source=tests/scenario/api_common.bash
# shellcheck disable=SC2034 # variables of api_common.bash
. "$TOP/tests/scenario/api_common.bash"

known=9999999
unknown=9999998
not_there='404 unknown_postcode'
lifetime=600
small='{"postcode":"9999999","country":"JP"}'
refused_says="the request.*401-1002-0001"
wrong=(auth_scheme jwt token)

more_lookups() {
    sends bad-request.json
    problem 400 invalid_postcode 99
}
more_tokens() {
    issues token-documented.json
    [ "$(press refresh)" = 202 ] || fail refresh
    eventually token_is generation 2
    reads "$small" "$known"
    # A header of the configuration is on both requests.
    has "$(last lookup)" '"X-Forwarded-For":"192.0.2.1"'
    has "$(last token)" '"X-Forwarded-For":"192.0.2.1"'
}
play_api japanpost-searchcode
