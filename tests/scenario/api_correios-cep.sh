#!/bin/bash
# Correios: a token request with Basic and a JSON body, answered 201 with other names and a time
# without an offset as the end; and a postcode that has no street.
# shellcheck source=tests/scenario/api_common.bash
# shellcheck disable=SC2034 # variables of api_common.bash
. "$TOP/tests/scenario/api_common.bash"

known=99999000
unknown=99999001
not_there='404 unknown_postcode'
lifetime=75600 # a day, less the three hours of the offset that is not in the time
slack=60
small='{"postcode":"99999000","country":"BR"}'
refused_says="the request.*403: EXEMPLO; credenciais invalidas"
wrong=(auth_body '{"numero":"0000000001"}' body)

more_lookups() {
    sends found-city-wide.json
    gets found-city-wide.json "$known"
    sends unknown-400.json
    problem 400 invalid_postcode "$known"
}
more_tokens() {
    sends found-city-wide.json
    reads "$small" "$known"
}
play_api correios-cep
