#!/bin/bash
# NZ Post: the client id in a header beside the token, an issuer elsewhere, an answer without the
# postcode.
# shellcheck source=tests/scenario/api_common.bash
# shellcheck disable=SC2034 # variables of api_common.bash
. "$TOP/tests/scenario/api_common.bash"

known=9999
unknown=9998
not_there='404 unknown_postcode'
lifetime=86399
small='{"postcode":"9999","country":"NZ"}'
refused_says="the client's credentials.*Invalid client or client credentials\."
wrong=(header.client_id them header)

more_lookups() {
    sends too-short.json
    problem 400 invalid_postcode 999
}
play_api nzpost-addresses
