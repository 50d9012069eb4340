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
export REDISCLI_AUTH=CANARY-of-the-operator
start_server store --loglevel debug --requirepass "$REDISCLI_AUTH" --port 0 --tls-port PORT \
    --tls-auth-clients no --tls-cert-file "$here/store.crt" --tls-key-file "$here/store.key" \
    --tls-ca-cert-file "$here/ca.crt"

# The line of the manual, up to the end of its display.
manual=$TOP/conf/man/postcoded.ini.5
line=$(sed -n '/^ACL SETUSER postcoded on >PASSWORD/,/^\.Ed/ { /^\.Ed/!p }' "$manual" | tr '\n' ' ')
read -r -a words <<<"${line/>PASSWORD/>$password}"
[ "${#words[@]}" -gt 20 ] || fail "the manual has no ACL line: $line"
[ "$(at_server store "${words[@]}")" = OK ] || fail "the store does not take: $line"

token_keys --lifetime 3600
for name in good bad; do
    : >"$fleet/$name.password"
    chmod 600 "$fleet/$name.password"
done
echo "$password" >"$fleet/good.password"
echo "$wrong" >"$fleet/bad.password"
set_key server workers 1
set_key fleet servers "127.0.0.1:${ports[store]}"
set_key fleet ca_file "$fleet/ca.crt"
set_key fleet user postcoded
set_key fleet password_file "$fleet/good.password"

# shares NAME...: these have one token, that of the store.
shares() {
    local one
    for one; do
        at_member "$one" eventually is_ready
        at_member "$one" eventually follows
        at_member "$one" succeeds || fail "a lookup failed at $one"
    done
    eventually are_alike
}
start_member a
start_member b
shares a b
[ "$(counter tokens_issued)" = 1 ] || fail "$(counter tokens_issued) tokens for one fleet"
first=$(fingerprints)
at_member b press forget >/dev/null
eventually are_alike "$first"
shares a b
[ "$(counter tokens_issued)" = 2 ] || fail "$(counter tokens_issued) tokens after a forget"
[ -z "$(at_server store acl log)" ] || fail "the user lacks a right: $(at_server store acl log)"

# has_failed KIND N: so many attempts, at the least.
has_failed() {
    [ "$(metric postcoded_fleet_store_errors_total "kind=\"$1\"")" -ge "$2" ]
}
# is_alone NAME KIND PROBLEM ADVICE: it tries again and again in vain, serves lookups with a token of
# its own, and says why it does in /tokens at once and in its log one time.
is_alone() {
    local tokens warnings
    at_member "$1" patiently has_failed "$2" 4
    at_member "$1" eventually is_ready
    at_member "$1" succeeds || fail "a lookup failed at $1"
    tokens=$(at_member "$1" admin /tokens)
    has "$tokens" '"state": "alone"' "\"store_error\": \"127.0.0.1:${ports[store]} $3" "$4"
    warnings=$(grep -i "level=warning\|\"level\": *\"warning\"\|warning" "$fleet/$1/log" | grep "store")
    [ "$(wc -l <<<"$warnings")" = 1 ] || fail "not one warning: $warnings"
    has "$warnings" "$3" "$4"
}

# comes_back NAME: its own token is as good as the fleet's, and stays until the fleet has another.
is_connected() {
    [ "$(fleet_says state)" = following ] && [[ $(admin /tokens) == *'"store_error": null'* ]]
}
comes_back() {
    at_member "$1" eventually is_connected
    [ "$(at_member a press refresh)" = 202 ] || fail "refresh"
}

set_key fleet password_file "$fleet/bad.password"
start_member c
is_alone c auth 'refused the user or the password' 'check [fleet] user and password_file'
[ "$(counter tokens_issued)" = 3 ] || fail "$(counter tokens_issued) tokens with one that is alone"
has "$(at_server store acl log)" auth postcoded
cp "$fleet/good.password" "$fleet/bad.password"
reload_member c
comes_back c
shares a b c
[ "$(counter tokens_issued)" = 4 ] || fail "$(counter tokens_issued) tokens after a refresh"

set_key fleet ca_file "$fleet/other.crt"
start_member d
is_alone d tls 'the TLS handshake failed' 'check [fleet] tls and ca_file'
[ "$(counter tokens_issued)" = 5 ] || fail "$(counter tokens_issued) tokens with one more alone"
set_key fleet ca_file "$fleet/ca.crt"
reload_member d
comes_back d
shares a b c d
[ "$(counter tokens_issued)" = 6 ] || fail "$(counter tokens_issued) tokens in the end"

keep_servers
for name in a b c d; do
    end_member "$name"
done
