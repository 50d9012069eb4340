#!/bin/bash
# ArcGIS: everything is a 200, a token that has expired and a client that is refused too.
# shellcheck source=tests/scenario/api_common.bash
# shellcheck disable=SC2034 # variables of api_common.bash
. "$TOP/tests/scenario/api_common.bash"

known=99950
unknown=00000
not_there='404 unknown_postcode'
lifetime=7200
small='{"postcode":"99950","country":"US"}'
refused_says="the request.*Invalid client_id"
wrong=(auth_param.f json body)

more_tokens() {
    # Another error in a 200 is a 401 as well: one new token, once.
    sends token-required.json
    reads "$small" "$known"
    asked 1
    sends token-required.json
    problem 502 upstream_unauthorized "$known"
    asked 0

    # Many at once: a 200 with an error in it never counts as a success of the token.
    stop_daemon
    begin
    eventually is_ready
    asked 1
    press_emulator expire
    "$driver/callers" --connect "$address" --path "/api/v1/addresses/$known" --count 20 --barrier \
        --expect 200 >"$here/load" || fail "$(cat "$here/load")"
    asked 1
}
play_api arcgis-geocode
