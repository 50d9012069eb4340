#!/bin/bash
# Each configuration in conf/examples passes --check once its two secrets are there, without a note on a
# key; what is commented out in it does too, and needs its secrets. failover.ini has two of the APIs,
# and their keys as their own files have them.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

check() {
    env -u CREDENTIALS_DIRECTORY "$BUILD/postcoded" -c "$1" --check >"$here/out" 2>"$here/err"
}

for example in "$TOP"/conf/examples/*.ini; do
    name=${example##*/}
    name=${name%.ini}
    mkdir "$here/$name"
    ini=$here/$name/postcoded.ini
    cp "$example" "$ini"
    check "$ini" && fail "$name: no secrets, and no fault"
    has "$(cat "$here/err")" "client_secret_file: "

    head -c 32 /dev/urandom | base64 >"$here/$name/identity.key"
    while read -r secret; do
        printf 'secret\n' >"$here/$name/$secret"
    done < <(sed -n 's/^client_secret_file = //p' "$example")
    chmod 0640 "$here/$name/"*.key "$here/$name/"*.secret
    check "$ini" || fail "$name: $(cat "$here/err")"
    has "$(cat "$here/out")" "no fault found"
    lacks "$(grep -v '\[admin\] listen: ' "$here/err")" "$name"

    # The keys that stand behind a # are right as well, all of them at once.
    sed -i 's/^#\([a-zA-Z]\)/\1/' "$ini"
    grep -q '^answer = address' "$ini" || fail "$name: no answer = address"
    check "$ini" || fail "$name: $(cat "$here/err")"
    lacks "$(grep -v '\[admin\] listen: ' "$here/err")" "$name"
    # It is one of the APIs that the tests play, or has several of them.
    [ "$name" = failover ] || [ -e "$TOP/tests/apis/$name/api.json" ] ||
        fail "$name is not among tests/apis"
    [ -x "$TOP/tests/scenario/api_$name.sh" ] || fail "$name has no scenario"
done
for folder in "$TOP"/tests/apis/*/; do
    name=$(basename "$folder")
    [ -e "$TOP/conf/examples/$name.ini" ] || fail "$name has no example"
done

# section FILE NAME: its lines, without comments and the names of secrets.
section() {
    sed -e '1,/^\[upstream '"$2"'\]/d' -e 's/^#\([a-zA-Z]\)/\1/' "$1" | sed '/^\[/,$d' |
        sed -e '/^#/d' -e '/^$/d' -e '/_file = /d' -e '/^eject_after/d' -e '/^rate/d' -e '/^burst/d'
}
for name in azure-maps arcgis-geocode; do
    [ "$(section "$TOP/conf/examples/failover.ini" "$name")" = \
        "$(section "$TOP/conf/examples/$name.ini" "$name")" ] || fail "failover: $name differs"
done
exit 0
