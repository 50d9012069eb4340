#!/bin/bash
# Two upstreams with the same credentials at the same endpoint: over a restart each keeps its own
# token, also when the first of the configuration is removed meanwhile, and the entry that the
# service manager has of the other belongs to another name. The entry of one that is removed goes.
# shellcheck source=tests/scenario/systemd_common.bash
. "$TOP/tests/scenario/systemd_common.bash"
# shellcheck source=tests/scenario/upstreams_common.bash
. "$TOP/tests/scenario/upstreams_common.bash"

# fingerprint NAME: of its token.
fingerprint() {
    admin /tokens | awk -v name="\"$1\": {" '
        index($0, name) { here = 1 }
        here && /"fingerprint"/ { gsub(/[", ]/, ""); sub(/.*:/, ""); print; exit }'
}
requests() {
    at_upstream north counter token_requests
}
stored() {
    find "/proc/$manager/fd" -lname '*memfd:postcoded-token*' | wc -l
}
has_stored() {
    [ "$(stored)" = "$1" ]
}
# restart N TOKENS: kill -9, and the Nth start is ready at once, without a token request.
restart() {
    kill -KILL "$daemon"
    find_daemon "$1"
    is_ready || fail "not ready at once"
    [ "$(requests)" = "$2" ] || fail "$(requests) token requests"
}

several_keys
add_upstream north
set_key 'upstream south' address "${urls[north]}"
set_key 'upstream south' client_id demo
set_key 'upstream south' client_secret demo
set_key 'upstream south' lookup_path '/v2/'
set_key 'route north' upstream north
set_key 'route north' postcodes M1
set_key 'route south' upstream south
manage --restart
eventually is_ready
at_upstream north counted token_requests=2 >/dev/null
eventually has_stored 2
north=$(fingerprint north)
south=$(fingerprint south)
[ "$north" != "$south" ] || fail "one token for both"
at_upstream north knob token_hold=1

restart 2 2
[ "$(fingerprint north) $(fingerprint south)" = "$north $south" ] || fail "mixed up"
has_stored 2 || fail "$(stored) entries"
lacks "$(cat "$here/log")" 'is not used'

# The first goes, by a reload: its entry goes too, and the other's stays its own.
unset 'setting[upstream north/address]' 'setting[upstream north/client_id]' \
    'setting[upstream north/client_secret]' 'setting[route north/upstream]' \
    'setting[route north/postcodes]'
configure
kill -HUP "$daemon"
eventually has_stored 1
restart 3 2
[ "$(fingerprint south)" = "$south" ] || fail "another token"
eventually has_stored 1
restart 4 2
[ "$(fingerprint south)" = "$south" ] || fail "another token"

# One is removed while the daemon does not run: its entry is of no use to anybody, and goes.
at_upstream north knob token_hold=0
set_key 'upstream other' address "${urls[north]}"
set_key 'upstream other' client_id demo
set_key 'upstream other' client_secret demo
set_key 'route other' upstream other
set_key 'route other' postcodes M1
configure
kill -HUP "$daemon"
at_upstream north counted token_requests=3 >/dev/null
eventually has_stored 2
other=$(fingerprint other)
restart 5 3 # it is the first of the configuration, and has the entry without a NAME now
[ "$(fingerprint other) $(fingerprint south)" = "$other $south" ] || fail "mixed up"
eventually has_stored 2
unset 'setting[upstream other/address]' 'setting[upstream other/client_id]' \
    'setting[upstream other/client_secret]' 'setting[route other/upstream]' \
    'setting[route other/postcodes]'
configure
restart 6 3
[ "$(fingerprint south)" = "$south" ] || fail "another token"
eventually has_stored 1
lacks "$(cat "$here/log")" 'is not used'
end_managed
