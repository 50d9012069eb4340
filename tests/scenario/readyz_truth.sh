#!/bin/bash
# /readyz, /tokens and the service manager are told the truth: not ready when every lookup has failed
# for five seconds, though there is a token; and callers are told whose fault it is.
# shellcheck source=tests/scenario/systemd_common.bash
. "$TOP/tests/scenario/systemd_common.bash"
# shellcheck source=tests/scenario/token_common.bash
. "$TOP/tests/scenario/token_common.bash"

# Looks something up, and then: is it not ready?
unready() {
    look >"$here/answer"
    ! is_ready
}
recovered() {
    [ "$(look_status)" = 200 ] && is_ready
}
answers() {
    has "$(cat "$here/answer")" "$@"
}
begins() {
    keep_log
    manage "$@"
    eventually is_ready
    [ "$(look_status)" = 200 ] || fail "$(look)"
}
since='since 20[0-9-]*T[0-9:]*Z'

# A token that is revoked while its endpoint is down: a 503, and then 502s, whose detail does not
# send the reader to the client's rights.
token_keys
begins
ask -X POST "$url/standin/revoke"
knob token_down=1
has "$(look)" ' 503 ' '"code":"token_unavailable"' \
    'The upstream rejected the token, and no other is available: the token endpoint answered 503'
is_ready || fail "not ready after one failure"
eventually unready
answers ' 502 ' '"code":"upstream_unauthorized"' \
    'rejected the token (status 401), and no other was obtained: the token endpoint answered 503'
lacks "$(cat "$here/answer")" rights
token_is state in_doubt || fail "$(admin /tokens)"
[[ $(operators /readyz) =~ ^upstream\ location:\ every\ lookup\ has\ failed\ $since:\ the\ upstream\ rejected\ the\ token ]] ||
    fail "$(operators /readyz)"
has "$(operators /readyz)" 'the last token request failed: the token endpoint responded with 503'
[ "$(token ready)" = false ] || fail "$(admin /tokens)"
has "$(admin /tokens)" '"unready_reason": "every lookup has failed: the upstream rejected the token (status 401)'
[[ $(token unready_since) =~ ^20 ]] || fail "$(admin /tokens)"
told 1 "^STATUS=Not ready: every lookup has failed $since: the upstream rejected the token (status 401); the token of location is valid until .*, but the upstream rejects it; the last request failed: the token endpoint responded with 503"

# Another token cures it, before anybody has looked anything up with it.
knob token_down=0
eventually is_ready
[ "$(look_status)" = 200 ] || fail "$(look)"
token_is unready_reason null && token_is unready_since null || fail "$(admin /tokens)"

# An upstream that answers 503, until one lookup is good.
knob lookup_status=503
eventually unready
answers ' 503 ' '"code":"upstream_unavailable"'
has "$(operators /readyz)" 'every lookup has failed' 'the upstream responded with 503'
told 1 "^STATUS=Not ready: every lookup has failed $since: the upstream responded with 503; the token"
knob lookup_status=0
recovered || fail "one good lookup is not enough: $(operators /readyz)"
told 3 '^STATUS=Ready: '

# One that does not answer at all before the deadline.
end_managed
set_key server request_timeout 300ms
begins
knob hold=1
eventually unready
answers ' 504 '
has "$(operators /readyz)" 'the upstream did not respond within request_timeout'
knob hold=0
end_managed
set_key server request_timeout ''

# One that nobody reaches, while tokens come from elsewhere.
upstream auth_url "$url/auth/v1"
upstream address http://127.0.0.1:1
manage
eventually is_ready
eventually unready
answers ' 502 ' '"code":"upstream_unreachable"'
has "$(operators /readyz)" 'the upstream refused the connection'
# Another one after a reload: what lookups of the first came to says nothing of it.
upstream address "$url"
configure
kill -HUP "$daemon"
logs 'configuration reloaded'
is_ready || fail "not ready for an upstream that is gone: $(operators /readyz)"
[ "$(look_status)" = 200 ] || fail "$(look)"
end_managed

# A fresh token that is rejected too: now it is the client's rights.
upstream auth_url ''
upstream address "$url"
begins
knob unauthorized=3
for ((i = 0; i < 2; i++)); do
    has "$(look)" ' 502 ' 'rejected the token, and the one that replaced it (status 401)' \
        "the client's rights"
done
token_is state in_doubt || fail "$(admin /tokens)"
# And one that is good for another lookup.
[ "$(look_status)" = 200 ] || fail "$(look)"
eventually token_is state valid
knob unauthorized=1
has "$(look)" ' 502 ' 'rejected the token, which it accepts for other lookups (status 401)' \
    "the client's rights"

# A token that replaced another one and is revoked too, before a further one may be requested: it was
# good, so nobody is sent to the client's rights.
end_managed
knob unauthorized=0
begins
ask -X POST "$url/standin/revoke"
[ "$(look_status)" = 200 ] || fail "$(look)"
ask -X POST "$url/standin/revoke"
look >"$here/answer"
answers ' 502 ' 'rejected the token (status 401), which it had accepted. Another one is requested in '
lacks "$(cat "$here/answer")" rights
token_is state in_doubt || fail "$(admin /tokens)"
[ "$(token next_renewal_in_seconds | cut -d. -f1)" -le 30 ] || fail "$(admin /tokens)"

# Credentials that are refused, by a code of the standard; nothing else that the endpoint says.
end_managed
printf 'CANARY, of another client' >"$here/client.secret"
manage
logs 'rejected the client.s credentials'
has "$(look)" ' 503 ' 'No token is available: the token endpoint refused the client'"'"'s credentials (invalid_client). Try again in '
lacks "$(look)" 'unknown client'
has "$(operators /readyz)" 'no usable token (backing_off) since 20' 'invalid_client'
end_managed
