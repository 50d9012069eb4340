#!/bin/bash
# Two upstreams of one daemon with the same credentials are two members: they have one token as
# members of two daemons have, and each has a name of its own, for by it a member knows its lease.
. "$TOP/tests/scenario/fleet_common.bash"

start_store
fleet_keys --lifetime 3600 --token-delay 500
for key in address client_id client_secret client_secret_file; do
    set_key 'upstream twin' "$key" "${setting[upstream location/$key]}"
done
set_key 'route all' upstream 'location, twin'
fingerprints_of_both() {
    admin /tokens | sed -n 's/^ *"fingerprint": "\(.*\)",*$/\1/p'
}
share_another() {
    mapfile -t now < <(fingerprints_of_both)
    [ "${#now[@]}" = 2 ] && [ "${now[0]}" = "${now[1]}" ] && [ "${now[0]}" != "${1:-}" ]
}
start_member a
at_member a eventually is_ready
at_member a eventually share_another
[ "$(counter tokens_issued)" = 1 ] || fail "$(counter tokens_issued) tokens for two upstreams"
[ "$(at_member a fleet_says member | sort -u | wc -l)" = 2 ] ||
    fail "one name for two members: $(at_member a fleet_says member)"
at_member a succeeds || fail "a lookup failed"

# What is forgotten at one of them is forgotten at both.
first=$(at_member a fingerprints_of_both | head -n 1)
[ "$(at_member a press forget)" = 204 ] || fail "forget"
at_member a eventually share_another "$first"
[ "$(counter tokens_issued)" = 2 ] || fail "$(counter tokens_issued) tokens after a forget"

keep_store
end_member a
