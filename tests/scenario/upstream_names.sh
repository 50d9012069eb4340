#!/bin/bash
# The upstream's name in DNS: a name that moves is followed within connection_max_age, and at once
# where the old address refuses; a resolver that fails, or does not know the name, is recovered from
# as soon as it answers; one that does not answer at all leaves kept connections alone. The same for
# the name of the token endpoint.
#
# In namespaces of its own, where /etc/resolv.conf names a server whose answers the test changes.
# shellcheck source=tests/scenario/names_common.bash
. "$TOP/tests/scenario/names_common.bash"

in_namespaces "--mount --net"

name=upstream.example
start_names "$name 300 127.0.0.2"
start_place 127.0.0.1
issuer=$where
start_place 127.0.0.2
second=$place port=${where##*:}
start_place "127.0.0.3:$port"
third=$place

default_keys
set_key 'upstream location' address "http://$name:$port"
set_key 'upstream location' auth_url "http://$issuer/auth"
set_key 'upstream location' plaintext on
set_key 'upstream location' retries 0

answered_from() { # HOST: the next lookup is
    lookup >"$here/answer"
    grep -q "\"place\":\"$1:" "$here/answer"
}

both_are_held() {
    [ "$(grep -c 'GET .*/H3$' "$here/place-127.0.0.2")" = 2 ]
}

# The age of connections bounds that of answers: the old address would go on answering.
set_key 'upstream location' connection_max_age 2s
start_daemon
eventually is_ready
answered_from 127.0.0.2 || fail "$(cat "$here/answer")"
say_names "$name 300 127.0.0.3"
within 4000 eventually answered_from 127.0.0.3
for ((i = 0; i < 20; i++)); do
    answered_from 127.0.0.3 || fail "it goes back: $(cat "$here/answer")"
done
stop_daemon

# However many open connections at once, each worker asks once; and a young answer is not asked for
# again.
set_key 'upstream location' connection_max_age 5m
start_daemon
eventually is_ready
before=$(asked "$name")
callers --count 40 --path /api/v1/addresses/H40 --expect 200 >"$here/told" ||
    fail "$(cat "$here/told")"
callers --count 60 --path /api/v1/addresses/H60 --expect 200 >"$here/told" ||
    fail "$(cat "$here/told")"
[ "$(asked "$name")" -le $((before + 2)) ] || fail "asked $(asked "$name") times, after $before"

# The old address refuses: one lookup notices it, and the next ones succeed, on the other worker too.
say_names "$name 300 127.0.0.2"
end_place "$third"
eventually metric_is postcoded_upstream_connections 0 'upstream="location",state="idle"'
has "$(lookup)" " 502 " connection_refused
for ((i = 0; i < 20; i++)); do
    answered_from 127.0.0.2 || fail "after the one that noticed: $(cat "$here/answer")"
done
stop_daemon

# With a retry not even that one fails; and of two addresses the one that refuses is passed over.
set_key 'upstream location' retries 1
say_names "$name 300 127.0.0.3"
start_place "127.0.0.3:$port"
third=$place
start_daemon
eventually is_ready
answered_from 127.0.0.3 || fail "$(cat "$here/answer")"
end_place "$third"
say_names "$name 300 127.0.0.2"
for ((i = 0; i < 20; i++)); do
    answered_from 127.0.0.2 || fail "with a retry: $(cat "$here/answer")"
done
say_names "$name 300 127.0.0.3 127.0.0.2"
stop_daemon
set_key 'upstream location' retries 0
start_daemon
eventually is_ready
answered_from 127.0.0.2 || fail "of two: $(cat "$here/answer")"
stop_daemon

# The resolver cannot say, or says that there is no such name: an error that says so, and the first
# lookup after it can is answered.
for word in SERVFAIL NXDOMAIN; do
    say_names "$name 300 $word"
    start_daemon
    eventually is_ready
    for ((i = 0; i < 4; i++)); do
        has "$(lookup)" " 502 " '"code":"upstream_unreachable"' "error=dns_error"
    done
    say_names "$name 300 127.0.0.2"
    for ((i = 0; i < 10; i++)); do
        answered_from 127.0.0.2 || fail "after $word: $(cat "$here/answer")"
    done
    stop_daemon
done

# The resolver is silent: a lookup ends with connect_timeout, and those on kept connections go on.
set_key server workers 1
set_key 'upstream location' connect_timeout 500ms
set_key 'upstream location' connection_max_age 19s # answers: 1 s
start_daemon
eventually is_ready
callers --count 2 --path /api/v1/addresses/H2 --expect 200 >"$here/told" || fail "$(cat "$here/told")"
say_names "$name 300 SILENT"
sleep 1.2 # the age of the answer, which no counter tells
lookup H3 >"$here/held1" &
held1=$!
lookup H3 >"$here/held2" &
held2=$!
eventually both_are_held
began=$(date +%s%N)
callers --count 8 --expect 502 >"$here/told" || fail "$(cat "$here/told")"
took=$((($(date +%s%N) - began) / 1000000))
[ "$took" -le $((2500 * slow)) ] || fail "they ended after $took ms"
has "$(lookup)" "error=dns_error"
say_names "$name 300 127.0.0.2"
has "$(lookup H3)" " 200 "
wait "$held1" "$held2"
has "$(cat "$here/held1")" " 200 "
has "$(cat "$here/held2")" " 200 "
stop_daemon

# The token endpoint's name: the request after the one that found nobody goes to the new address.
start_place 127.0.0.4 3
old=$place
start_place "127.0.0.5:${where##*:}" 3
say_names "$name 300 127.0.0.2" "auth.example 300 127.0.0.4"
set_key 'upstream location' connection_max_age 5m
set_key 'upstream location' auth_url "http://auth.example:${where##*:}/auth"
start_daemon
eventually is_ready
say_names "$name 300 127.0.0.2" "auth.example 300 127.0.0.5"
end_place "$old"
eventually grep -q POST "$here/place-127.0.0.5"
stop_daemon
