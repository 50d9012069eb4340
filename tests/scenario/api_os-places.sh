#!/bin/bash
# OS Places: the postcode in the query, with a space in it; "unknown" told by a number in a 200, with
# the list of results missing or empty; a lifetime in quotes or not.
# shellcheck source=tests/scenario/api_common.bash
# shellcheck disable=SC2034 # variables of api_common.bash
. "$TOP/tests/scenario/api_common.bash"

known=zz9%20%209zz
unknown=ZZ9%209ZX
not_there='404 unknown_postcode'
lifetime=299
small='{"postcode":"ZZ9 9ZZ","country":"E"}'
refused_says="the client's credentials.*Client credentials are invalid"
wrong=(lookup_target '/search/places/v1/postcode?postcode={postcode}&lr=EN' query)

more_lookups() {
    has "$(last lookup)" '"target":"/search/places/v1/postcode?postcode=ZZ9%209ZZ"'
    sends empty-array.json
    problem 404 unknown_postcode "$known"
    # Not entitled: no new token helps.
    sends not-entitled.json
    problem 502 upstream_unauthorized "$known"
    logs '403'
}
more_tokens() {
    issues token-number.json
    [ "$(press refresh)" = 202 ] || fail refresh
    eventually token_is generation 2
    lives 299
    reads "$small" "$known"
}
play_api os-places
