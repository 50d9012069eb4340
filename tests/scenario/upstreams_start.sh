#!/bin/bash
# Two upstreams, each with a route: lookups go by the postcode, each upstream gets its own token,
# and operators are shown both.
# shellcheck source=tests/scenario/systemd_common.bash
. "$TOP/tests/scenario/systemd_common.bash"
# shellcheck source=tests/scenario/upstreams_common.bash
. "$TOP/tests/scenario/upstreams_common.bash"

several_keys
add_upstream north
add_upstream south
set_key 'route north' upstream north
set_key 'route north' postcodes M1
set_key 'route south' upstream south
manage
eventually is_ready
looked_up() {
    [ "$(ask -o /dev/null -w '%{http_code}' "$at/$1")" = 200 ] || fail "lookup of $1"
}
all_ready() {
    grep -q 'STATUS=Ready: all 2 upstreams are ready\.' "$here/told"
}
eventually all_ready
looked_up M11AA
looked_up M11AA
looked_up 'EC1A1BB'
for name in north south; do
    [ "$(at_upstream "$name" counter token_requests)" = 1 ] || fail "token requests of $name"
    # Of a token that is not its own a stand-in says 401.
    [ "$(at_upstream "$name" counter lookups_unauthorized)" = 0 ] || fail "tokens mixed up"
done
[ "$(at_upstream north counter lookups)" = 2 ] || fail "lookups of north"
[ "$(at_upstream south counter lookups)" = 1 ] || fail "lookups of south"
has "$(admin /tokens)" '"north"' '"south"'

# One of them loses its token: the other's route goes on, and the manager is told which it is.
at_upstream south knob token_status=503
[ "$(admin /tokens/south/forget -X POST -o /dev/null -w '%{http_code}')" = 204 ] || fail forget
one_ready() {
    grep -q 'STATUS=Ready: 1 of 2 upstreams are ready; not south (' "$here/told"
}
eventually one_ready
looked_up M11AA
is_ready || fail "not ready with one of two"
end_managed

# --probe asks the one that is named.
probe() {
    told=$("$BUILD/postcoded" -c "$here/pc.ini" --probe "$@" 2>&1)
    verdict=$?
}
probe north EC1A1BB
[ "$verdict" = 0 ] || fail "$told"
has "$told" "lookup         ${urls[north]}/"
[ "$(at_upstream north counter lookups)" = 4 ] || fail "not asked: $told"
probe south
[ "$verdict" = 1 ] || fail "$told"
has "$told" "token endpoint ${urls[south]}/" 'responded with 503'
probe
[ "$verdict" = 2 ] || fail "$told"
has "$told" 'NAME is needed. There are north, south: postcoded --probe NAME'
# A name with a mistake in it is called one, and so is a postcode in its place.
for name in nroth M11AA; do
    probe "$name"
    [ "$verdict" = 2 ] || fail "$told"
    has "$told" "no upstream is called $name. There are north, south: postcoded --probe NAME"
done
