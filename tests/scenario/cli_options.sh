#!/bin/bash
# Options, exit statuses and what is said: to a user on stdout when asked, else in words on stderr.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

url=http://127.0.0.1:1
default_keys
set_key identity mode jwt
set_key identity key_file identity.key
configure

# run STATUS ARGUMENT...: sets out and err.
run() {
    local status=$1
    shift
    "$BUILD/postcoded" "$@" >"$here/out" 2>"$here/err" </dev/null
    local is=$?
    out=$(cat "$here/out")
    err=$(cat "$here/err")
    [ "$is" = "$status" ] || fail "$*: exit $is, and $status is right: $out$err"
}
# usage ARGUMENT...: refused, with the usage, on stderr.
usage() {
    run 2 "$@"
    has "$err" "usage: postcoded "
    [ -z "$out" ] || fail "$*: on stdout: $out"
}

run 0 --version
[[ $out =~ ^postcoded\ [0-9]+\.[0-9]+\.[0-9]+$ ]] && [ -z "$err" ] || fail "$out$err"
version=$out
run 0 -V
[ "$out" = "$version" ] || fail "-V: $out"
run 0 --help
for option in -c --check --probe --print-config --mint-identity --ttl -V --version -h --help; do
    has "$out" "$option"
done
[ -z "$err" ] || fail "$err"
help=$out
run 0 -h
[ "$out" = "$help" ] || fail "-h: $out"
usage --frobnicate
has "$err" "'--frobnicate'" "Run \`postcoded --help\`"
usage -x
usage -c
usage --mint-identity
usage lookup
has "$err" "unexpected argument: lookup" "every command is an option, such as --check" "--help"
usage --check "SW1A 1AA"
has "$err" "unexpected argument: SW1A 1AA" "takes no further argument"
usage --probe location SW1A 1AA
has "$err" "unexpected argument: 1AA" "put a postcode of --probe in quotes"
run 2 -c "$here/pc.ini" --probe SW1A 1AA
has "$err" 'no upstream is called SW1A. There is location: ' 'with a postcode in quotes'
run 2 -c "$here/pc.ini" --probe 'SW1A+1AA'
[ "$err" = 'postcoded: --probe: A postcode is 1 to 16 letters, digits, spaces and hyphens; character 5 is U+002B ("+"), which is not a space: write %20.' ] ||
    fail "$err"
usage --check --print-config
usage --ttl 5m
usage -c "$here/pc.ini" --mint-identity ada --ttl 5
has "$err" "30s, 5m or 12h"
usage -c "$here/pc.ini" --mint-identity ada --ttl 0s

# Configuration: 1.
for command in "" --check --print-config "--mint-identity ada" --probe; do
    # shellcheck disable=SC2086 # an option with its argument
    run 1 -c "$here/nowhere.ini" $command
    has "$err" "$here/nowhere.ini: cannot be read (No such file or directory)"
    [ "$(wc -l <"$here/err")" = 1 ] || fail "more than a line: $err"
done
run 1 -c "$here" --check
has "$err" "$here: is not a regular file"

# An identity: for so long as was said, and for one who is a user.
claims_of() {
    local part=${1#*.}
    part=${part%.*}
    # Exact padding: OpenSSL 3.5 rejects more than is needed.
    while [ $((${#part} % 4)) -ne 0 ]; do part+==; done
    tr -- '-_' '+/' <<<"$part" | openssl base64 -d -A
}
lifetime_of() {
    sed 's/.*"exp": *\([0-9]*\).*/\1/' <<<"$1"
}
now=$(date +%s)
run 0 -c "$here/pc.ini" --mint-identity ada
claims=$(claims_of "$out")
has "$claims" '"sub":"ada"'
left=$(($(lifetime_of "$claims") - now))
[ "$left" -ge 3599 ] && [ "$left" -le 3660 ] || fail "not an hour: $left s"
run 0 -c "$here/pc.ini" --mint-identity ada --ttl 90s
left=$(($(lifetime_of "$(claims_of "$out")") - now))
[ "$left" -ge 89 ] && [ "$left" -le 150 ] || fail "not 90 s: $left s"
for user in '' ' ' ' ada' 'ada ' $'a\nb' ä "$(printf 'u%.0s' {1..129})"; do
    run 1 -c "$here/pc.ini" --mint-identity "$user"
    has "$err" "a user is 1 to 128 printable ASCII characters, the first and last not a space"
    [ -z "$out" ] || fail "$out"
done
set_key identity mode off
configure
run 1 -c "$here/pc.ini" --mint-identity ada
has "$err" "mode is not jwt"
