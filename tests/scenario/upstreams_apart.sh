#!/bin/bash
# Three upstreams, and a lookup that goes on from each to each of the others: what arrives at one of
# them is all its own. Its token, its client and secret, its headers, its path, its certificate; and
# nothing of the others, in no byte of any request.
# shellcheck source=tests/scenario/tls_common.bash
. "$TOP/tests/scenario/tls_common.bash"

names=(a b c)
# What is wanted of NAME, and must not be found elsewhere.
token() { echo "token-of-$1"; }
secret() { echo "secret-of-$1"; }
client() { echo "client-of-$1"; }
basic() { printf '%s:%s' "$(client "$1")" "$(secret "$1")" | base64 -w0; }
constant() { echo "constant-of-$1"; }

default_keys
unset 'setting[upstream location/address]' 'setting[upstream location/client_id]' \
    'setting[upstream location/client_secret]'
set_key server workers 1
set_key identity mode plain
set_key identity forward_header X-User
declare -A wheres=()
for name in "${names[@]}"; do
    "$driver/record" "$(token "$name")" "$here/fault-$name" >"$here/record-$name" &
    started+=("$!")
    eventually grep -qs '^record ' "$here/record-$name"
    wheres[$name]=$(sed -n 's/^record //p' "$here/record-$name")
    section="upstream $name"
    set_key "$section" address "http://${wheres[$name]}"
    set_key "$section" client_id "$(client "$name")"
    set_key "$section" client_secret "$(secret "$name")"
    set_key "$section" lookup_path "/path-of-$name/"
    set_key "$section" auth_path "/auth-of-$name"
    set_key "$section" "header.X-Of-$name" "$(constant "$name")"
done
# The same with the client in the body.
set_key 'upstream c' auth_flow client_credentials
set_key 'upstream c' auth_client post
for from in "${names[@]}"; do
    for to in "${names[@]}"; do
        [ "$from" = "$to" ] && continue
        set_key "route $from$to" prefix "/$from/$to/"
        set_key "route $from$to" upstream "$from, $to"
    done
done
start_daemon
eventually is_ready

goes_on() {
    local answer
    : >"$here/fault-$1"
    answer=$(ask -i -b identity=ada -H "X-Of-$2: of-the-caller" "http://$address/$1/$2/M11AA")
    rm "$here/fault-$1"
    [[ $answer == *" 200 "* ]] || fail "$1 to $2: $answer"
    metric_is postcoded_upstream_failovers_total 1 "from=\"$1\",to=\"$2\",reason=\"status\"" ||
        fail "$1 to $2: $(operators /metrics | grep failovers)"
}
for from in "${names[@]}"; do
    for to in "${names[@]}"; do
        [ "$from" = "$to" ] || goes_on "$from" "$to"
    done
done
stop_daemon

# arrived NAME PATTERN: in how many lines.
arrived() {
    grep -a -c -i -e "$2" "$here/record-$1"
}
for name in "${names[@]}"; do
    # As the first of two routes and as the second of two.
    [ "$(arrived "$name" "^GET /path-of-$name/M11AA HTTP")" = 4 ] || fail "$(cat "$here/record-$name")"
    [ "$(arrived "$name" '^GET ')" = 4 ] || fail "lookups elsewhere: $(cat "$here/record-$name")"
    [ "$(arrived "$name" "^POST /auth-of-$name HTTP")" = 1 ] || fail "$(cat "$here/record-$name")"
    [ "$(arrived "$name" "^Authorization: Bearer $(token "$name").\?$")" = 4 ] ||
        fail "tokens: $(cat "$here/record-$name")"
    [ "$(arrived "$name" "^X-Of-$name: $(constant "$name").\?$")" -ge 4 ] ||
        fail "constants: $(cat "$here/record-$name")"
    [ "$(arrived "$name" '^X-User: ada.\?$')" = 4 ] || fail "users: $(cat "$here/record-$name")"
    [ "$(arrived "$name" "^Host: ${wheres[$name]}.\?$")" = 5 ] || fail "hosts: $(cat "$here/record-$name")"
    [ "$(arrived "$name" of-the-caller)" = 0 ] || fail "the caller's: $(cat "$here/record-$name")"
    for other in "${names[@]}"; do
        [ "$name" = "$other" ] && continue
        for foreign in "of-$other" "$(basic "$other")" "${wheres[$other]}"; do
            [ "$(arrived "$name" "$foreign")" = 0 ] ||
                fail "$foreign has arrived at $name: $(cat "$here/record-$name")"
        done
    done
done
[ "$(arrived a "^Authorization: Basic $(basic a).\?$")" = 1 ] || fail "$(cat "$here/record-a")"
[ "$(arrived b "^Authorization: Basic $(basic b).\?$")" = 1 ] || fail "$(cat "$here/record-b")"
[ "$(arrived c "client_secret=$(secret c)")" = 1 ] || fail "$(cat "$here/record-c")"

# Certificates: each upstream has an authority of its own, which signed what it shows and what it
# wants to be shown. Tokens come from where they came from before.
start_https() {
    local name=$1 file=$here/https-$1/path-of-$1
    mkdir -p "$file"
    (cd "$here/https-$name" && exec openssl s_server -accept 127.0.0.1:0 -HTTP -naccept 100 \
        -cert "$here/server-$name.crt" -key "$here/server-$name.key" -CAfile "$here/ca-$name.crt" \
        -Verify 1 -verify_return_error) >"$here/https-$name.log" 2>&1 </dev/null &
    started+=("$!")
    eventually grep -q '^ACCEPT' "$here/https-$name.log"
    set_key "upstream $name" address "https://$(sed -n 's/^ACCEPT //p' "$here/https-$name.log")"
}
# says NAME STATUS: what it answers from now on.
says() {
    printf 'HTTP/1.1 %s x\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n{"postcode":"OK"}' "$2" \
        >"$here/https-$1/path-of-$1/M11AA"
}
for name in "${names[@]}"; do
    authority "ca-$name"
    server_certificate "server-$name" "ca-$name"
    certificate "client-$name" "ca-$name" "/CN=client-of-$name"
    start_https "$name"
    says "$name" 200
    set_key "upstream $name" auth_url "http://${wheres[$name]}/auth-of-$name"
    set_key "upstream $name" auth_path ''
    set_key "upstream $name" ca_file "$here/ca-$name.crt"
    set_key "upstream $name" client_certificate "$here/client-$name.crt"
    set_key "upstream $name" client_key "$here/client-$name.key"
done
start_daemon
eventually is_ready
for from in "${names[@]}"; do
    for to in "${names[@]}"; do
        [ "$from" = "$to" ] && continue
        says "$from" 503
        answer=$(ask -i -b identity=ada "http://$address/$from/$to/M11AA")
        says "$from" 200
        [[ $answer == *" 200 "* ]] || fail "$from to $to: $answer"
        metric_is postcoded_upstream_failovers_total 1 "from=\"$from\",to=\"$to\",reason=\"status\"" ||
            fail "$from to $to: $(operators /metrics | grep failovers)"
    done
done
stop_daemon
for name in "${names[@]}"; do
    grep -q "CN *= *client-of-$name" "$here/https-$name.log" || fail "$(cat "$here/https-$name.log")"
    for other in "${names[@]}"; do
        [ "$name" = "$other" ] || ! grep "client-of-$other" "$here/https-$name.log" ||
            fail "the certificate for $other was shown to $name"
    done
done
