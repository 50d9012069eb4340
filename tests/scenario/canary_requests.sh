#!/bin/bash
# Canaries in all that a token request can carry: a body of its own, a query, a header from a file,
# an assertion and the key that signs it. The endpoint repeats each request in its error, escaped in
# five ways. Nothing of them is in the log, in what operators and callers are told, in what the
# probe or --print-config prints; and a file of it that is wrong is not quoted.
# shellcheck source=tests/scenario/token_common.bash
. "$TOP/tests/scenario/token_common.bash"

secret='CANARY"q\of + a/client%41&=1'
printf '%s\n' "$secret" >"$here/client.secret"
printf 'CANARY "key" + 1%%\n' >"$here/x.key"
openssl ecparam -name prime256v1 -genkey -noout 2>/dev/null |
    openssl pkcs8 -topk8 -nocrypt -out "$here/client.key" || fail "no key"
chmod 600 "$here/client.secret" "$here/x.key" "$here/client.key"
exec {said_fd}< <(exec "$driver/echo")
started+=("$!")
read -r _ echo <&"$said_fd" || fail "no endpoint"
url=http://$echo
default_keys
set_key log level debug
upstream client_secret ''
upstream header_file.X-Key "$here/x.key"
upstream auth_prefetch off

# spied WORD...: a daemon whose request is repeated in each way, and which then says all that it has
# to say. Each word stands in what it says, so that this is of what was meant.
spied() {
    local way
    for way in raw json form url html; do
        upstream auth_path "/$way"
        begin
        look >>"$said"
        logs 'responded with 401: invalid_client'
        for path in /tokens /config /metrics /readyz; do
            admin "$path" -i >>"$said"
        done
        has "$(cat "$here/log")" "key" '***' "$@"
        stop_daemon
    done
    probe M11AA
    [ "$verdict" = 1 ] || fail "$told"
    {
        "$BUILD/postcoded" -c "$here/pc.ini" --check
        "$BUILD/postcoded" -c "$here/pc.ini" --print-config
    } >>"$said" 2>&1
}

# A body of its own, JSON and a form.
upstream client_secret_file "$here/client.secret"
upstream auth_client none
upstream auth_body '{"id":"{client_id}","key":"{client_secret}"}'
spied demo
upstream auth_body 'id={client_id}&key={client_secret}'
spied demo
upstream auth_body ''

# In the query; and by HTTP Basic, as it is and encoded.
upstream auth_flow client_credentials
upstream auth_client post
upstream auth_method get
spied client_credentials
upstream auth_client basic
spied client_credentials
upstream auth_method post
upstream auth_flow basic
spied Basic

# Assertions.
upstream client_secret_file ''
upstream auth_key_file "$here/client.key"
upstream auth_flow client_credentials
upstream auth_client private_key_jwt
spied client_assertion
upstream auth_flow jwt_bearer
upstream auth_client ''
spied assertion

# Files that are wrong: no fault quotes them.
printf 'CANARY\nCANARY\n' >"$here/x.key"
sed -i '2s/^..../CANA/; $d' "$here/client.key"
configure
"$BUILD/postcoded" -c "$here/pc.ini" --check >"$here/faults" 2>&1 && fail "no fault"
has "$(cat "$here/faults")" 'header_file.X-Key: ' 'auth_key_file: '
cat "$here/faults" >>"$said"

keep_log
grep -v -- '-----' "$here/client.key" | while IFS= read -r line; do
    ! grep -aqF -- "$line" "$said" || fail "a line of the private key was said"
done || exit 1
# Pieces of the secret and of the header, which no way of escaping them changes.
for piece in 'client%41' 'client%2541' 'of + a' 'of+%2B' 'of%20%2' '"key" +' 'key%22+' 'key%22%20'; do
    ! grep -aF -- "$piece" "$said" || fail "a piece of a secret was said: $piece"
done
