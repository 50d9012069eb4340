#!/bin/bash
# Azure Maps: two ids, one of them in a header; a scope; answers deep inside a list; and the older
# token endpoint, whose numbers are strings.
# shellcheck source=tests/scenario/api_common.bash
# shellcheck disable=SC2034 # variables of api_common.bash
. "$TOP/tests/scenario/api_common.bash"

known=99950
unknown=00000
not_there='404 unknown_postcode'
lifetime=3599
small='{"postcode":"99950","country":"US"}'
refused_says="the client's credentials.*AADSTS7000215: Invalid client secret provided\."
wrong=(header.x-ms-client-id 00000000-0000-4000-8000-000000000001 header)

more_tokens() {
    local reply
    # Both of its members say when the token ends: a number of seconds, and a point in time.
    for reply in 'access_token expires_in' 'access_token expires_on'; do
        stop_daemon
        upstream auth_reply "$reply"
        issues token-v1.json
        begin
        eventually is_ready
        lives 3599 60
        reads "$small" "$known"
    done
    upstream auth_reply ''
}
play_api azure-maps
