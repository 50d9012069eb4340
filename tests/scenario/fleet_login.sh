#!/bin/bash
# The manual's user, over TLS: its rights are all that members need. A member with a wrong password,
# and one that trusts another authority, go on alone, say what is wrong once, and follow when it is
# put right. No password is in anything that was said.
# shellcheck source=tests/scenario/tls_common.bash
. "$TOP/tests/scenario/tls_common.bash"
# shellcheck source=tests/scenario/store_common.bash
. "$TOP/tests/scenario/store_common.bash"

password='CANARY-of-the-store'
wrong='CANARY-that-is-wrong'

authority ca
authority other
server_certificate store
start_server store --loglevel debug --port 0 --tls-port PORT --tls-auth-clients no \
    --tls-cert-file "$here/store.crt" --tls-key-file "$here/store.key" --tls-ca-cert-file "$here/ca.crt"

# The line of the manual, up to the end of its display.
manual=$TOP/conf/man/postcoded.ini.5
line=$(sed -n '/^ACL SETUSER postcoded on >PASSWORD/,/^\.Ed/ { /^\.Ed/!p }' "$manual" | tr '\n' ' ')
read -r -a words <<<"${line/>PASSWORD/>$password}"
[ "${#words[@]}" -gt 20 ] || fail "the manual has no ACL line: $line"
[ "$(at_server store "${words[@]}")" = OK ] || fail "the store does not take: $line"
at_server store acl setuser default reset >/dev/null || fail "there is a way in without a password"
