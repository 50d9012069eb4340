#!/bin/bash
# A real Prometheus with the alerts of conf/prometheus/alerts.yml, and a daemon that goes through one
# incident after the other. In each the alerts fire that should, no other one does, and all are over when
# the incident is. Its rules run sixty times as fast (prometheus_common: a minute is a second).
# shellcheck source=tests/scenario/prometheus_common.bash
. "$TOP/tests/scenario/prometheus_common.bash"

# among TEXT WORD...: each word of the text is one of these.
among() {
    local word
    for word in $1; do
        [[ " ${*:2} " == *" $word "* ]] || return 1
    done
}
# comes: waits until all of $wanted fire, or none does where it is empty. Meanwhile none fires but these and
# $allowed.
comes() {
    local now i
    for ((i = 0; i < 600 * slow; i++)); do
        now=$(firing) || exit 1
        # shellcheck disable=SC2086 # words
        among "$now" $wanted $allowed || fail "fires: $now; only these should: $wanted $allowed"
        # shellcheck disable=SC2086
        if [ -n "$wanted" ]; then
            among "$wanted" $now && break
        else
            [ -z "$now" ] && break
        fi
        sleep 0.05
    done
    [ "$i" -lt $((600 * slow)) ] || fail "fires: $now; these should: ${wanted:-none}"
    echo "$((SECONDS - began)) s: ${now:-quiet}"
}
# fires NAME... [-- NAME...]: all of them, and perhaps those after --, of the incident before, or of this one
# under conditions.
fires() {
    wanted="$* -- "
    allowed=${wanted#* -- } wanted=${wanted%% -- *}
    allowed=${allowed%% -- *}
    comes
}
# quiet NAME...: no alert, when these are over.
quiet() {
    wanted='' allowed=$*
    comes
}
press() {
    ask --unix-socket "$here/admin.sock" -X POST -o /dev/null "http://admin/tokens/location/$1"
}
last_error() {
    ask --unix-socket "$here/admin.sock" http://admin/tokens | grep '"last_error"'
}
# Some lookups a second, whatever becomes of them.
look_on() {
    while :; do
        ask -o /dev/null "$at/M11AA"
        sleep 0.1
    done
}

echo demo >"$here/api.secret"
start_standin --client-secret-file "$here/api.secret" --lifetime 35
default_keys
start_watched
eventually is_ready
faster "$TOP/conf/prometheus/alerts.yml" >"$here/alerts.yml"
! grep -E '^ *expr:.*\[[0-9]+h\]|^ *for: [0-9]+m' "$here/alerts.yml" || fail "not made faster"
began=$SECONDS
start_prometheus "$here/alerts.yml"
for _ in 1 2; do
    look_on &
    started+=("$!")
done
# The window of shares is full of good lookups.
eventually holds 'min_over_time(instance:postcoded_lookups:rate5m[5s]) > 1 and count_over_time(up[5s]) > 10'
quiet

# The upstream is slow, and the token good for another while.
knob delay=1500
fires PostcodedUpstreamSlow
knob delay=0

# The token endpoint is down: first it matters to nobody, then the token expires.
knob token_down=1
fires PostcodedTokenOverdue -- PostcodedUpstreamSlow
fires PostcodedNoToken PostcodedNotReady PostcodedErrors -- PostcodedTokenOverdue PostcodedUpstreamSlow
has "$(last_error)" 503
knob 'token_down=0&lifetime=3600'
press refresh
quiet PostcodedNoToken PostcodedNotReady PostcodedErrors

# The client's secret is refused.
echo another >"$here/api.secret"
press forget
fires PostcodedNoToken PostcodedNotReady PostcodedErrors
has "$(last_error)" 401
echo demo >"$here/api.secret"
press refresh
quiet PostcodedNoToken PostcodedNotReady PostcodedErrors

# The upstream rejects every token.
knob unauthorized=1000000000
fires PostcodedTokenRejected PostcodedErrors PostcodedNotReady
knob unauthorized=0
quiet PostcodedTokenRejected PostcodedErrors PostcodedNotReady

# The quota is used up.
knob 'lookup_status=429&retry_after=0'
fires PostcodedUpstreamQuota PostcodedErrors -- PostcodedNotReady
knob lookup_status=0
quiet PostcodedUpstreamQuota PostcodedErrors PostcodedNotReady

# It ends. What is known of it is too old by then to fire anything else.
stop_daemon
fires PostcodedDown
start_watched
quiet PostcodedDown
