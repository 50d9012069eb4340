#!/bin/bash
# Swiss Post: the postcode in the middle of a query, an issuer elsewhere, tokens of a minute, an
# unknown code told by 404 or by an empty list, and a prefix search that finds others.
# shellcheck source=tests/scenario/api_common.bash
# shellcheck disable=SC2034 # variables of api_common.bash
. "$TOP/tests/scenario/api_common.bash"

known=9999
unknown=9998
not_there='404 unknown_postcode'
lifetime=60
small='{"postcode":"9999","country":"CH"}'
refused_says="the client's credentials.*invalid_client"
wrong=(auth_scope OTHER body)

more_lookups() {
    sends empty-array.json
    problem 404 unknown_postcode "$known"
    sends not-authorized.json
    problem 502 upstream_unauthorized "$known"
    # A prefix of two digits is no postcode to the API either, but it answers.
    sends many.json
    gets many.json 99
}
play_api swisspost-zips
