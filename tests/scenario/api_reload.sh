#!/bin/bash
# A reload that changes how a Location API is asked, or how its bodies are read, counts for the next
# lookup. Only what decides on tokens costs one: headers do, for they go with the token request too.
# shellcheck source=tests/scenario/api_common.bash
. "$TOP/tests/scenario/api_common.bash"

known=ZZ9%209ZZ
reloads=0
# reload KEY VALUE...
reload() {
    while [ $# -gt 0 ]; do
        upstream "$1" "$2"
        shift 2
    done
    configure
    kill -HUP "$daemon"
    reloads=$((reloads + 1))
    eventually metric_is postcoded_reloads_total "$reloads" 'result="success"'
}

start_emulator os-places
api_keys
begin
eventually is_ready
asked 1
gets found.json "$known"

# What a body means.
reload lookup_found /header/nothing
problem 502 upstream_malformed "$known"
reload lookup_found /header/offset
problem 404 unknown_postcode "$known"
reload lookup_found ''
reload lookup_failed /header
problem 502 upstream_unauthorized "$known"
asked 1 # for a token that is said to be rejected
reload lookup_failed ''
gets found.json "$known"

# What a caller gets.
reload answer address address_postcode /nowhere address_country '"GB"'
reads '{"postcode":"ZZ9 9ZZ","country":"GB"}' "$known"
reload address_country '"FR"'
reads '{"postcode":"ZZ9 9ZZ","country":"FR"}' "$known"
reload answer body address_postcode '' address_country ''
gets found.json "$known"

# Where the postcode goes: the emulator knows one target only.
reload lookup_target '/other?q={postcode}'
look_up "$known"
[ "$status" = 404 ] || fail "$status"
has "$(last lookup)" '"target":"/other?q=ZZ9%209ZZ"'
reload lookup_target ''
gets found.json "$known"
asked 0

# Headers: the next lookup has them, and so does the token request that comes first.
reload header.X-Version 1
asked_again() {
    eventually is_ready
    gets found.json "$known"
    asked 1
    for kind in token lookup; do
        has "$(last $kind)" "\"$1\":\"$2\""
    done
}
asked_again X-Version 1
logged 'credentials at the token endpoint changed: .* is no longer used upstream=' >/dev/null
reload header.X-Version 2
asked_again X-Version 2
printf 'one\n' >"$here/x.key"
chmod 600 "$here/x.key"
reload header.X-Version '' header_file.X-Key "$here/x.key"
asked_again X-Key one
lacks "$(last lookup)" X-Version
printf 'two\n' >"$here/x.key"
reload
asked_again X-Key two

# Asked for in another way, the token is the same.
reload auth_timeout 6s
gets found.json "$known"
asked 0
stop_daemon
