# The life of the Debian package on a machine that runs: install, upgrade with a token, removal. From
# the two packages of different versions that `make deb` and `make deb DEB_VERSION=99.0~test` leave.
# shellcheck shell=bash disable=SC2154 # of tests/systemd/inside

unpack() {
    dpkg --force-confold -i "$1" >/run/dpkg 2>&1 || fail "$1 does not install: $(tail -n 5 /run/dpkg)"
}
leftovers() {
    find /etc/systemd /usr/lib/systemd/system /lib/systemd/system /run/systemd/system \
        \( -name 'postcoded*' -o -lname '*postcoded*' \) 2>/dev/null
}
is_listening() {
    systemctl -q is-active postcoded.socket
}

# Last of all cases: it removes what the others run.
test_package_life() {
    local first second before
    command -v dpkg >/dev/null || skip "no dpkg here"
    first=$(find /check/deb -name 'postcoded_*.deb' | sort -V | head -n 1)
    second=$(find /check/deb -name 'postcoded_*.deb' | sort -V | tail -n 1)
    [ "$first" != "$second" ] || skip "not two versions in build/deb; see make deb"

    # What `make install` brought, and what keeps packages from restarting a service.
    rm -rf /usr/sbin/policy-rc.d /usr/lib/systemd/system/postcoded.*
    unpack "$first"
    ! is_active || fail "the installation started it"

    start
    kept
    before=$(pid)
    unpack "$second"
    restarted "$before" || fail "the upgrade did not restart it"
    is_kept
    serves || fail "no lookup after the upgrade"

    systemctl stop postcoded.service
    unpack "$second"
    ! is_active || fail "the upgrade started what was stopped"

    systemctl -q enable --now postcoded.socket
    systemctl -q enable postcoded.service
    serves || fail "no lookup by the socket"
    before=$(pid)
    unpack "$second"
    restarted "$before" || fail "the upgrade did not restart it beside its socket"
    is_listening || fail "the upgrade lost the socket"
    serves || fail "no lookup by the socket after the upgrade"

    dpkg -r postcoded >/run/dpkg 2>&1 || fail "it is not removed: $(tail -n 5 /run/dpkg)"
    ! is_active || fail "it runs after its removal"
    ! is_listening || fail "its socket listens after its removal"
    [ "$(shows LoadState)" = not-found ] || fail "the service is $(shows LoadState)"
    [ "$(shows LoadState postcoded.socket)" = not-found ] || fail "the socket is left"
    [ -z "$(leftovers)" ] || fail "left behind: $(leftovers)"
    [ -e "$ini" ] || fail "the removal took the configuration"
}
