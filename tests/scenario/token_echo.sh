#!/bin/bash
# A token endpoint that repeats, in its error and its description, the secret it was sent: decoded,
# as a form and as the Authorization header. Nothing of it is in the log, in /tokens, in the status
# that the service manager is told, or in what the probe prints; "***" stands in its place.
. "$TOP/tests/scenario/token_common.bash"

token_keys --token-echo
printf 'CANARY, of another client' >"$here/api.secret" # so that each request is refused

# refused: the daemon, told so by the endpoint; then the probe.
refused() {
    rm -f "$here/told"
    keep_log
    configure
    "$driver/notify" --socket "$here/notify" --output "$here/told" -- \
        "$BUILD/postcoded" -c "$here/pc.ini" 2>"$here/log" &
    daemon=$!
    started+=("$daemon")
    logs 'responded with 401: \*\*\* (not the secret: \*\*\*; '"$1"
    eventually grep -q '^STATUS=.*the last request failed: .*401: \*\*\* (not the secret: ' "$here/told"
    admin /tokens >"$here/tokens"
    has "$(cat "$here/tokens")" '401: *** (not the secret: ***;'
    stop_daemon
    cat "$here/told" "$here/tokens" >>"$said"
    probe
    [ "$verdict" = 1 ] || fail "$told"
    has "$told" '401: *** (not the secret: ***;'
}
refused 'Basic \*\*\*; )'
upstream auth_flow client_credentials
refused 'Basic \*\*\*; grant_type=client_credentials)'
upstream auth_client post
refused '; grant_type=client_credentials&client_id=demo&client_secret=\*\*\*)'
