#!/bin/bash
# An upstream whose lookups fail is left out: after eject_after failures in a row nobody calls it for
# five seconds; then one lookup tries it, and no other, and if that fails too it is left out for
# ten. Once the trial is good, lookups go there again. The last upstream of a route is always asked.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"
# shellcheck source=tests/scenario/upstreams_common.bash
. "$TOP/tests/scenario/upstreams_common.bash"

several_keys
add_upstream a
add_upstream b
route_all 'a, b'
set_key log access off
set_key 'upstream a' eject_after 5
start_daemon
eventually is_ready
[ "$(status)" = 200 ] || fail "$(ask -i "$at/M11AA")"
calls=$(lookups_at a) # before the failures

# passed MS: whether so much time has passed since the last failure before the ejection was asked
# for, which is a bit before the ejection.
passed() {
    [ $((($(date +%s%N) - began) / 1000000)) -ge "$1" ]
}
calls_are() {
    [ "$(lookups_at a)" = $((calls + $1)) ] || fail "$(($(lookups_at a) - calls)) calls, and $1 are right"
}
load() {
    callers --count 8 --seconds "$1" --expect 200 >"$here/told" || fail "$(cat "$here/told")"
}

# The trial takes a while, so that others who took it for theirs would be seen.
at_upstream a knob 'lookup_status=503&delay=300'
for ((i = 1; i <= 5; i++)); do
    ejected_is a 0 || fail "ejected after $((i - 1)) failures"
    began=$(date +%s%N)
    status >/dev/null
    calls_are "$i"
done
ejected_is a 1 || fail "not ejected"
logged 'warning .*upstream a has failed 5 times in a row: .* leave it out for 5 s' >/dev/null
# A reload that changes it, and adds another, leaves it where it is.
set_key 'upstream a' retries 0
add_upstream c
set_key 'route c' prefix /c/
set_key 'route c' upstream c
configure
kill -HUP "$daemon"
eventually metric_is postcoded_reloads_total 1 'result="success"'
ejected_is a 1 || fail "the reload forgot it"
load 3
passed 5000 || calls_are 5
[ "$(failovers a b ejected)" -gt 0 ] || fail "$(operators /metrics | grep failovers)"

# From three seconds to nine: one trial.
load 6
calls_are 6
ejected_is a 1 || fail "not ejected after the trial"
logged 'warning .*upstream a has failed .* leave it out for 10 s' >/dev/null

# Mended, which nobody notices for ten seconds after the trial: that is fifteen after the ejection.
at_upstream a knob 'lookup_status=0&delay=0'
is_back() {
    [ "$(status)" = 200 ] || fail "while it is left out: $(ask -i "$at/M11AA")"
    ejected_is a 0
}
eventually is_back
passed 14900 || fail "the second trial was too early"
logged 'notice .*upstream a answers again' >/dev/null
calls=$(lookups_at a)
others=$(lookups_at b)
for ((i = 1; i <= 5; i++)); do
    [ "$(status)" = 200 ] || fail "$(ask -i "$at/M11AA")"
    calls_are "$i"
done
[ "$(lookups_at b)" = "$others" ] || fail "b is still asked"
stop_daemon

# Both are ejected, each by the route that has it first: the last of a list is asked all the same. One
# good response, and the other route has it back.
set_key 'route back' prefix /back/
set_key 'route back' upstream 'b, a'
set_key 'upstream a' eject_after 2
set_key 'upstream b' eject_after 2
start_daemon
eventually is_ready
at_upstream a knob lookup_status=503
at_upstream b knob lookup_status=503
back() {
    ask -o /dev/null -w '%{http_code}' "http://$address/back/M11AA"
}
both_ejected() {
    [ "$(status),$(back)" = 503,503 ] || fail "$(ask -i "$at/M11AA")"
    ejected_is a 1 && ejected_is b 1
}
eventually both_ejected
began=$(date +%s%N)
calls=$(lookups_at a)
others=$(lookups_at b)
for ((i = 1; i <= 5; i++)); do
    [ "$(status),$(back)" = 503,503 ] || fail "$(ask -i "$at/M11AA")"
    passed 4000 && break # soon a trial is due
    calls_are "$i"
    [ "$(lookups_at b)" = $((others + i)) ] || fail "the last one is left out"
done
at_upstream b knob lookup_status=0
[ "$(status)" = 200 ] || fail "$(ask -i "$at/M11AA")"
ejected_is b 0 || fail "b is still ejected"
[ "$(back)" = 200 ] || fail "b is still left out"
stop_daemon
