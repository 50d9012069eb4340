#!/bin/bash
# Every place under a limit is given back: after max_connections was reached and many connections
# were refused, the whole limit is there again, and so it is with max_in_flight; however those that
# held the places ended. A caller that leaves amid a request holds none, whatever header_timeout is.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

refusals=30
start_standin
default_keys
set_key log access off
set_key server idle_timeout 5m
set_key server request_timeout 2m
set_key server header_timeout 1h

look_status() {
    ask -o /dev/null -w '%{http_code}' "$at/M11AA"
}
# hold N OPTION...: that many lookups wait for the upstream, each on a connection of its own; sets
# holders.
hold() {
    local count=$1
    shift
    knob hold=1
    callers --count "$count" --timeout 120 "$@" >"$here/held" &
    holders=$!
    started+=("$holders")
    counted "concurrent_now=$count" >/dev/null
}
# let_go: they end as their options say.
let_go() {
    knob hold=0
    wait "$holders" || fail "$(cat "$here/held")"
}
# ended N: so many requests in all have been accounted for.
ended() {
    [ "$(operators /metrics | awk '/^postcoded_requests_total/ { n += $2 } END { print n + 0 }')" = "$1" ]
}
none_open() {
    metric_is postcoded_connections 0
}
# leave: the callers that hold the places go away.
leave() {
    echo >"$here/leave"
    wait "$holders" || fail "$(cat "$here/held")"
    counted concurrent_now=0 >/dev/null
}
# look_in_vain STATUS COMPLAINT: $refusals lookups, each of which ends with STATUS.
look_in_vain() {
    local i
    for ((i = 0; i < refusals; i++)); do
        [ "$(look_status)" = "$1" ] || fail "$2"
    done
}

# ---- max_connections ----

limit=6
set_key server max_connections "$limit"
start_daemon
eventually is_ready
refused=0
# refuse_some: over the limit a connection is closed without a response, each time.
refuse_some() {
    look_in_vain 000 "a connection over the limit is accepted"
    refused=$((refused + refusals))
    [ "$(metric postcoded_connections_refused_total)" = "$refused" ] || fail "not $refused refused"
}
mkfifo "$here/leave"
for how in "--expect 200" "--leave-on-fd $here/leave" "--leave-on-fd $here/leave --reset" \
    "--expect 200"; do
    # shellcheck disable=SC2086 # several words
    hold "$limit" $how
    metric_is postcoded_connections "$limit" || fail "not $limit connections"
    refuse_some
    case $how in
    *leave*) leave ;;
    *) let_go ;;
    esac
    eventually none_open
done
[ "$(look_status)" = 200 ] || fail "no lookup after all have gone"
for ((i = 0; i < 100; i++)); do
    exec {one}<>"/dev/tcp/${address%:*}/${address##*:}"
    printf 'GET /api' >&"$one"
    exec {one}>&-
done
eventually none_open
stop_daemon

# ---- max_in_flight ----

limit=4
set_key server max_connections 100
set_key server max_in_flight "$limit"
start_daemon
eventually is_ready
in_all=0
refuse_some() {
    look_in_vain 503 "a lookup over the limit is accepted"
    in_all=$((in_all + limit + refusals))
}
for how in "--expect 200" "--leave-on-fd $here/leave" "--leave-on-fd $here/leave --reset" \
    "--expect 200"; do
    # shellcheck disable=SC2086
    hold "$limit" $how
    refuse_some
    case $how in
    *leave*) leave ;;
    *) let_go ;;
    esac
    eventually ended "$in_all"
done
[ "$(look_status)" = 200 ] || fail "no lookup after all have ended"
stop_daemon
