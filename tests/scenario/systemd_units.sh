#!/bin/bash
# The unit is as closed as it claims: an exposure of 1.1 or less, each point that remains explained
# in the unit; descriptors enough for the default configuration; and sysusers takes the user's line.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

service=$TOP/systemd/postcoded.service
command -v systemd-analyze >/dev/null || skip "no systemd-analyze here"

systemd-analyze security --offline=true --threshold=11 "$service" >"$here/security" 2>&1 ||
    fail "$(grep -v '✓' "$here/security")"
exposure=$(sed -n 's/.*exposure level for [^:]*: \([0-9.]*\).*/\1/p' "$here/security")
has "$(cat "$service")" "an exposure of $exposure."
while read -r _ point _; do
    # RootDirectory=/RootImage= are one point; of RestrictAddressFamilies=~AF_(INET|INET6) the
    # unit explains the families.
    grep -q "^#   .*${point%%=*}=" "$service" || fail "$point remains, and the unit says not why"
done < <(grep '^✗' "$here/security")

command -v systemd-sysusers >/dev/null &&
    { systemd-sysusers --dry-run "$TOP/systemd/sysusers.d/postcoded.conf" >"$here/users" 2>&1 ||
        fail "$(cat "$here/users")"; }

# Descriptors: what the default configuration may need fits in LimitNOFILE.
limit=$(sed -n 's/^LimitNOFILE=//p' "$service")
[ "$limit" -ge $((10000 + 256 + 256)) ] || fail "LimitNOFILE=$limit is too small"
