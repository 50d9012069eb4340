#!/bin/bash
# make install puts everything where the units look for it, with the modes it should have; the units
# that were installed verify without a word and are as closed as they say; make uninstall leaves
# nothing but the configuration.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

root=$here/root
prefix=$root/usr
# The binary is the one under test, made already: nothing is built here. The delay that grows goes with
# systemd 254 alone, whichever is here.
systemd=(SYSTEMD_VERSION=254)
install_to() {
    make -s -C "$TOP" "$1" BUILD="$BUILD" -o "$BUILD/postcoded" "${systemd[@]}" "${@:2}" >"$here/said" 2>&1 ||
        fail "make $1: $(cat "$here/said")"
}
# modes: of every file, by its place.
modes() {
    (cd "$root" && find . -type f -printf '%m %P\n' | sort -k 2)
}
wanted="640 etc/postcoded/postcoded.ini
644 usr/lib/systemd/system/postcoded.service
644 usr/lib/systemd/system/postcoded.service.d/restart.conf
644 usr/lib/systemd/system/postcoded.socket
644 usr/lib/sysusers.d/postcoded.conf
755 usr/sbin/postcoded
$(cd "$TOP/conf/examples" && printf '644 usr/share/doc/postcoded/examples/%s\n' *.ini grafana/postcoded.json \
    prometheus/alerts.yml | sort -k 2)
644 usr/share/doc/postcoded/postcoded.ini
644 usr/share/man/man5/postcoded.ini.5
644 usr/share/man/man8/postcoded.8"

umask 077
install_to install DESTDIR="$root"
[ "$(modes)" = "$wanted" ] || fail "$(diff <(echo "$wanted") <(modes))"
units=$prefix/lib/systemd/system
[ "$(stat -c %a "$root/etc/postcoded" "$prefix/share/man/man8" "$units/postcoded.service.d" \
    "$prefix/share/doc/postcoded" "$prefix/share/doc/postcoded/examples"{,/prometheus,/grafana} | tr '\n' ' ')" = \
    "750 755 755 755 755 755 755 " ] || fail "directories"
grep -q "^ExecStart=/usr/sbin/postcoded " "$units/postcoded.service" ||
    fail "ExecStart= is not where the binary goes"
cmp -s "$BUILD/postcoded" "$prefix/sbin/postcoded" || fail "another binary"

# What an operator wrote is not written over.
echo "# mine" >"$root/etc/postcoded/postcoded.ini"
install_to install DESTDIR="$root"
[ "$(cat "$root/etc/postcoded/postcoded.ini")" = "# mine" ] || fail "the configuration is replaced"
install_to uninstall DESTDIR="$root"
[ "$(modes)" = "640 etc/postcoded/postcoded.ini" ] || fail "left behind: $(modes)"
[ ! -e "$units/postcoded.service.d" ] || fail "left behind: $units/postcoded.service.d"
[ ! -e "$prefix/share/doc/postcoded" ] || fail "left behind: $prefix/share/doc/postcoded"

systemd=(SYSTEMD_VERSION=252.39)
install_to install DESTDIR="$root"
[ "$(modes)" = "$(grep -v restart.conf <<<"$wanted")" ] || fail "252: $(diff <(echo "$wanted") <(modes))"
install_to uninstall DESTDIR="$root"
systemd=()

# With a prefix of its own it runs from there: the units name it, and the manager finds no fault.
install_to install DESTDIR="" PREFIX="$prefix" CONFIG="$root/etc/postcoded"
service=$prefix/lib/systemd/system/postcoded.service
grep -q "^ExecStart=$prefix/sbin/postcoded " "$service" || fail "ExecStart= is not below PREFIX"
grep -q "^ExecReload=.* $prefix/sbin/postcoded .*--check$" "$service" ||
    fail "ExecReload= is not below PREFIX"
[ "$("$prefix/sbin/postcoded" --version)" = "$("$BUILD/postcoded" --version)" ] || fail version
if command -v man >/dev/null; then
    for page in "5 postcoded.ini" "8 postcoded"; do
        # shellcheck disable=SC2086 # two words
        MANPATH=$prefix/share/man man -w $page >/dev/null || fail "man $page"
    done
fi
command -v systemd-analyze >/dev/null || skip "no systemd-analyze here: the units were not verified"
said=$(MANPATH=$prefix/share/man SYSTEMD_LOG_LEVEL=notice \
    systemd-analyze verify "$service" "${service%.service}.socket" 2>&1) || fail "verify: $said"
[ -z "$said" ] || fail "verify says: $said"
