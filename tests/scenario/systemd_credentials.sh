#!/bin/bash
# A credential whose file is missing is an empty one (SetCredential= of the unit): the fault names the
# key, the credential and where it should come from. What --check finds before a reload goes to the
# journal with its priority.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

default_keys
set_key 'upstream location' client_secret ''
set_key 'upstream location' client_secret_file credential:client.secret
set_key identity mode jwt
set_key identity key_file credential:identity.key
configure
mkdir "$here/credentials"
cp "$here/identity.key" "$here/credentials/"
# check FILE [ENVIRONMENT...]: what is said about the configuration, in a file.
check() {
    env "${@:2}" "$BUILD/postcoded" -c "$here/pc.ini" --check 2>"$1" >/dev/null
}

for empty in '' '\n' '\r\n'; do
    # shellcheck disable=SC2059 # it is one
    printf "$empty" >"$here/credentials/client.secret"
    chmod 600 "$here/credentials/client.secret"
    check "$here/said" "CREDENTIALS_DIRECTORY=$here/credentials" && fail "an empty secret passes"
    has "$(cat "$here/said")" "client_secret_file: $here/credentials/client.secret is empty" \
        "LoadCredential="
done
echo secret >"$here/credentials/client.secret"
mv "$here/credentials/identity.key" "$here/key"
(umask 077 && echo >"$here/credentials/identity.key")
check "$here/said" "CREDENTIALS_DIRECTORY=$here/credentials" && fail "an empty key passes"
has "$(cat "$here/said")" "key_file: $here/credentials/identity.key is empty" "LoadCredential="
cp "$here/key" "$here/credentials/identity.key"
check "$here/said" "CREDENTIALS_DIRECTORY=$here/credentials" || fail "$(cat "$here/said")"

# As the unit's ExecReload= has it: without credentials, which are notes, and into the journal.
: >"$here/stream"
set_key server workers none
configure
check "$here/stream" -u CREDENTIALS_DIRECTORY "JOURNAL_STREAM=$(stat -c %d:%i "$here/stream")" &&
    fail "nonsense passes"
grep -q "^<3>.*pc.ini:[0-9]*: .*workers" "$here/stream" || fail "no error: $(cat "$here/stream")"
grep -q "^<5>.*credential:client.secret" "$here/stream" || fail "no notice: $(cat "$here/stream")"
check "$here/said" -u CREDENTIALS_DIRECTORY JOURNAL_STREAM=1:1
lacks "$(cat "$here/said")" "<3>" "<5>"
