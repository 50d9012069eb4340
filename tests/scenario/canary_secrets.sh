#!/bin/bash
# Canaries in place of every secret (the client's, the identity key, a caller's identity, the
# token, the proxy's password, that of the client's key, a header from a file): none of them is in
# anything that the daemon writes, answers or shows of itself; and the process leaves no core, nor
# lets anybody of its own user look into it. What a token request can carry besides is in
# canary_requests.sh.
# shellcheck source=tests/scenario/systemd_common.bash
. "$TOP/tests/scenario/systemd_common.bash"

key=CanaryKey-0123456789-0123456789abcdef
printf 'CanarySecret-one' >"$here/standin-secret"
printf 'CanarySecret-one\n' >"$here/one"
printf 'CanarySecret-two\n' >"$here/two"
chmod 600 "$here/one" "$here/two" "$here/standin-secret"
start_standin --client-secret-file "$here/standin-secret" --same-token
pair=$(printf 'demo:CanaryProxy' | base64)
"$driver/proxy" "$pair" >"$here/proxy" &
started+=($!)
eventually grep -q '^proxy ' "$here/proxy"
printf 'CanaryProxy\n' >"$here/proxy-password"
printf 'CanaryPhrase\n' >"$here/phrase"
printf 'CanaryHeader\n' >"$here/x.key"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -days 1 -subj /CN=us \
    -passout "file:$here/phrase" -keyout "$here/us.key" -out "$here/us.pem" 2>/dev/null ||
    fail "no certificate"
chmod 600 "$here/proxy-password" "$here/phrase" "$here/us.key" "$here/x.key"
default_keys
set_key 'upstream location' proxy "http://demo@$(sed -n 's/^proxy //p' "$here/proxy")"
set_key 'upstream location' proxy_password_file "$here/proxy-password"
set_key 'upstream location' client_certificate "$here/us.pem"
set_key 'upstream location' client_key "$here/us.key"
set_key 'upstream location' client_key_password_file "$here/phrase"
set_key 'upstream location' header_file.X-Key "$here/x.key"
set_key log level debug
set_key identity mode jwt
set_key identity key_file "$here/identity.key"
set_key 'upstream location' client_secret ''
set_key 'upstream location' client_secret_file "$here/one, $here/two"
manage
eventually is_ready
identity=$(mint canary-user)

# The endpoint gives the same token to everybody: so this test knows the daemon's.
token=$(ask -X POST -u demo:CanarySecret-one "$url/auth/v1" |
    sed -n 's/.*"access_token":"\([^"]*\)".*/\1/p')
[ ${#token} = 40 ] || fail "no token: $token"

# Everything that happens: lookups, refusals, a bad identity, a token refused and replaced, a reload,
# a failing endpoint, a forgotten token, a crash.
{
    ask -i -b "identity=$identity" "$at/M11AA"
    ask -i -H "Authorization: Bearer $identity" "$at/ZZ1%201ZZ"
    ask -i -b "identity=${identity}x" "$at/M11AA"
    ask -i "$at/M11AA"
    find "/proc/$manager/fd" -lname '*memfd:postcoded-token*' -exec cat {} +
    knob 'unauthorized=1'
    ask -i -b "identity=$identity" "$at/M11AA"
    kill -HUP "$daemon"
    told 2 '^READY=1$'
    knob token_status=400
    admin /tokens/location/refresh -X POST
    logged 'the token endpoint rejected' >/dev/null
    for path in / /status.json /tokens /config /metrics /readyz /healthz; do
        admin "$path" -i
    done
    knob token_status=0
    admin /tokens/location/forget -X POST
    "$BUILD/postcoded" -c "$here/pc.ini" --check
    "$BUILD/postcoded" -c "$here/pc.ini" --print-config
    "$BUILD/postcoded" -c "$here/pc.ini" --probe M11AA
} >"$here/answers" 2>&1
cat "/proc/$daemon/cmdline" "/proc/$daemon/environ" >"$here/process"
# It is all there: what is looked through below is what was meant.
for part in '"state"' 'postcoded_build_info' 'verdict' '"unauthorized"' 'no fault found' postcodT; do
    grep -qaF -- "$part" "$here/answers" || fail "no $part in the answers"
done
grep -qa NOTIFY_SOCKET "$here/process" || fail "not the daemon's environment"
grep -q '^200 GET ' "$here/proxy" || fail "the proxy was not used"
# Wrong ones, and faults about them.
printf 'CanaryProxy-other\n' >"$here/proxy-password"
kill -HUP "$daemon"
told 3 '^READY=1$'
ask -i -b "identity=$identity" "$at/M11AA" >>"$here/answers"
grep -q '^407 ' "$here/proxy" || fail "the proxy did not reject"
printf 'CanaryPhrase-other\n' >"$here/phrase"
echo nonsense >>"$here/two" # two lines: no secret, and the fault must not repeat it
kill -HUP "$daemon"
told 4 '^READY=1$'
end_managed

signature=${identity##*.}
for secret in CanarySecret CanaryKey CanaryProxy CanaryPhrase CanaryHeader "$pair" "$token" "$signature" \
    "$(printf 'demo:CanarySecret-one' | base64)" "$(printf %s "$key" | base64 | cut -c1-20)"; do
    for place in answers process log told; do
        grep -qaF -- "$secret" "$here/$place" && fail "$secret is in $place"
    done
done

# No core, and no look inside: what is not dumpable belongs to root in /proc, whoever runs it.
rm -f "$here/log"
printf 'CanarySecret-two\n' >"$here/two"
printf 'CanaryPhrase\n' >"$here/phrase"
start_daemon
grep -q '^Max core file size  *0  *0 ' "/proc/$daemon/limits" || fail "a core may be written"
if [ "$(id -u)" = 0 ]; then
    stop_daemon
    chmod 711 "$here" "${here%/*}"
    chown -R 65534 "$here/identity.key" "$here/one" "$here/two" "$here/pc.ini" \
        "$here/proxy-password" "$here/phrase" "$here/us.key" "$here/x.key"
    mkdir -p "$here/nobody" && chown 65534 "$here/nobody"
    set_key metrics listen "unix:$here/nobody/metrics.sock"
    set_key admin listen off
    configure
    chown 65534 "$here/pc.ini"
    : >"$here/log"
    setpriv --reuid 65534 --clear-groups "$BUILD/postcoded" -c "$here/pc.ini" 2>"$here/log" &
    daemon=$!
    started+=("$daemon")
    eventually listens
fi
[ "$(stat -c %u "/proc/$daemon/io")" = 0 ] || fail "it can be looked into by its own user"
stop_daemon
