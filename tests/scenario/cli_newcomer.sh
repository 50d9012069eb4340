#!/bin/bash
# What a first configuration meets: the shipped file as it is, no file, an environment without the
# credentials or the variables that the file names, a machine without /run/postcoded, and secrets
# on a mount whose modes cannot be changed.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

# run STATUS ARGUMENT...: sets out and err.
run() {
    local status=$1 is
    shift
    env -u CREDENTIALS_DIRECTORY "${environment[@]}" "$BUILD/postcoded" "$@" >"$here/out" \
        2>"$here/err" </dev/null
    is=$?
    out=$(cat "$here/out")
    err=$(cat "$here/err")
    [ "$is" = "$status" ] || fail "$*: exit $is, and $status is right: $out$err"
}
environment=()

# The shipped file: the address in it is nobody's.
cp "$TOP/conf/postcoded.ini" "$here/shipped.ini"
run 1 -c "$here/shipped.ini" --check
has "$err" "[upstream location] address: https://location.example is the placeholder of the shipped" \
    "write the address of your own Location API"
sed -i 's|https://location.example|https://api.example|' "$here/shipped.ini"
run 0 -c "$here/shipped.ini" --check
has "$err" "client_secret_file: credential:client.secret was not looked at"

# No file.
run 1 -c "$here/none.ini" --check
has "$err" "$here/none.ini: cannot be read" "-c FILE" "make install"

# A credential that needs the service manager: a check can do without, a request cannot.
run 1 -c "$here/shipped.ini" --probe
has "$err" "--probe: client_secret_file = credential:client.secret needs \$CREDENTIALS_DIRECTORY" \
    "export CREDENTIALS_DIRECTORY=DIR with the file client.secret in DIR"
lacks "$err" "cannot happen"
run 1 -c "$here/shipped.ini"
has "$err" "credential:client.secret needs \$CREDENTIALS_DIRECTORY, which is not set" \
    "LoadCredential=client.secret:PATH"
# The directory is there, and one of the files is not.
mkdir "$here/credentials"
printf '%s' "$key" >"$here/credentials/identity.key"
chmod 600 "$here/credentials/identity.key"
environment=("CREDENTIALS_DIRECTORY=$here/credentials")
run 1 -c "$here/shipped.ini"
has "$err" "client_secret_file: there is no credential client.secret:" \
    "$here/credentials/client.secret does not exist" "LoadCredential=client.secret:PATH"
lacks "$err" identity.key

# Sockets whose directory is not there are told by --check, and are no fault.
printf hush >"$here/credentials/client.secret"
chmod 600 "$here/credentials/client.secret"
if [ ! -e /run/postcoded ]; then
    run 0 -c "$here/shipped.ini" --check
    has "$err" "note: $here/shipped.ini: [admin] listen: /run/postcoded does not exist; under systemd" \
        "RuntimeDirectory=postcoded" "mkdir /run/postcoded, or set [admin] listen = off"
fi
sed -i "s|^#\(listen = unix:\)/run/postcoded/admin.sock|\1$here/nowhere/admin.sock|" \
    "$here/shipped.ini"
run 0 -c "$here/shipped.ini" --check
has "$out" "no fault found"
has "$err" "note: $here/shipped.ini:" "[admin] listen: $here/nowhere does not exist" \
    "mkdir $here/nowhere, or set [admin] listen = off"
mkdir "$here/nowhere"
run 0 -c "$here/shipped.ini" --check
[ -z "$err" ] || fail "said for nothing: $err"

# Variables of the environment, from a start to a lookup.
start_standin
default_keys
set_key 'upstream location' address "http://\${PC_API}"
set_key 'upstream location' client_secret "\${PC_SECRET}"
configure
environment=("PC_API=$api")
run 1 -c "$here/pc.ini"
has "$err" "client_secret: the variable PC_SECRET is not set"
start_daemon "PC_API=$api" PC_SECRET=demo
eventually is_ready
[ "$(ask -o /dev/null -w '%{http_code}' "$at/M11AA")" = 200 ] || fail "no lookup"
logged 'client_secret: the secret comes from the environment' >/dev/null
shown=$(ask --unix-socket "$here/admin.sock" http://operators/config)
has "$shown" "\"http://$api\"" '"(set)"'
# A reload expands again; a variable that is not there leaves what runs as it is.
set_key log level "\${PC_LEVEL}"
configure
kill -HUP "$daemon"
eventually metric_is postcoded_reloads_total 1 'result="failure"'
logged 'level: the variable PC_LEVEL is not set' >/dev/null
set_key log level ''
configure
kill -HUP "$daemon"
eventually metric_is postcoded_reloads_total 1 'result="success"'
[ "$(ask -o /dev/null -w '%{http_code}' "$at/M11AA")" = 200 ] || fail "no lookup after a reload"
stop_daemon

# Secrets on a mount with modes of its own.
printf demo >"$here/mounted"
chmod 0444 "$here/mounted"
default_keys
set_key 'upstream location' client_secret ''
set_key 'upstream location' client_secret_file "$here/mounted"
configure
environment=()
run 1 -c "$here/pc.ini"
has "$err" "others can read $here/mounted (mode 0444)" "chmod 0640" "secret_files = any"
set_key server secret_files any
start_daemon
logged "others can read $here/mounted (mode 0444); .server. secret_files = any allows it" >/dev/null
eventually is_ready
[ "$(ask -o /dev/null -w '%{http_code}' "$at/M11AA")" = 200 ] || fail "no lookup"
stop_daemon
