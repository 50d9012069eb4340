#!/bin/bash
# Reloads that add, change, move and remove upstreams and routes, under load: every lookup is
# answered 200, and an upstream that stays keeps its token and what it spent of its budget. Lookups
# that are under way with an upstream that is removed end well: with its response, or its token.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"
# shellcheck source=tests/scenario/upstreams_common.bash
. "$TOP/tests/scenario/upstreams_common.bash"

route_to() {
    set_key "route $1" upstream "$2"
    set_key "route $1" postcodes "$3"
}
remove() {
    local name
    for name in "${!setting[@]}"; do
        [[ $name == "$1/"* ]] && unset "setting[$name]"
    done
}
# turned_over: the sections in the opposite order.
turned_over() {
    tac "$here/pc.ini" | awk '/^\[/ { print; printf "%s", keys; keys = ""; next } { keys = keys $0 "\n" }' \
        >"$here/turned"
    cat "$here/turned" >"$here/pc.ini"
}
reloads=0
send_hangup() {
    reloads=$((reloads + 1))
    kill -HUP "$daemon"
    eventually metric_is postcoded_reloads_total "$reloads" 'result="success"'
}
reload() {
    configure
    send_hangup
}
# look POSTCODE: in the background; its status goes to $here/POSTCODE.
looks=()
look() {
    ask -o /dev/null -w '%{http_code}' "$at/$1" >"$here/$1" &
    looks+=("$1:$!")
}
all_answered() {
    local look
    for look in "${looks[@]}"; do
        wait "${look#*:}"
        [ "$(cat "$here/${look%:*}")" = 200 ] || fail "${look%:*}: $(cat "$here/${look%:*}")"
    done
    looks=()
}
waiting() {
    metric_is postcoded_token_waiters "$2" "upstream=\"$1\""
}
admin() {
    ask --unix-socket "$here/admin.sock" "http://admin$1" "${@:2}"
}
names() {
    admin /tokens | sed -n 's/^ *"\([a-z]*\)": {$/\1/p' | tr '\n' ' '
}
gone() {
    grep -c 'added was removed, and its last lookup has ended' "$here/log"
}
gone_so_often() {
    [ "$(gone)" = "$1" ]
}
descriptors() {
    find "/proc/$daemon/fd" -mindepth 1 | wc -l
}

several_keys
set_key log access off
add_upstream mid --lifetime 36000
add_upstream rest --lifetime 36000
route_to mid mid M1
route_to rest rest ''
start_daemon
eventually is_ready
load() {
    while [ ! -e "$here/done" ]; do
        "$driver/callers" --connect "$address" --path "/api/v1/addresses/$1" --count 5 \
            --requests 50 --expect 200 >"$here/load-$1" || return 1
    done
}
load M11AA &
loads=("$!")
load SW1A1AA &
loads+=("$!")
at_upstream mid counted lookups=1 >/dev/null
at_upstream rest counted lookups=1 >/dev/null

# What was spent of a budget stays spent.
[ "$(admin /tokens/mid/refresh -X POST -o /dev/null -w '%{http_code}')" = 202 ] || fail refresh
at_upstream mid counted token_requests=2 >/dev/null
left=$(metric postcoded_token_budget_remaining 'upstream="mid"')
[ "$left" = 59 ] || fail "$left requests are left"
same() {
    [ "$(at_upstream mid counter token_requests)" = 2 ] || fail "another token of mid"
    [ "$(at_upstream rest counter token_requests)" = 1 ] || fail "another token of rest"
    [ "$(metric postcoded_token_budget_remaining 'upstream="mid"')" = "$left" ] || fail "budget"
}
settled=$(descriptors)

for round in 1 2 3; do
    # One more, in the order before the others, with a route and a token of its own.
    add_upstream added
    route_to added added EC
    reload
    [ "$(ask -o /dev/null -w '%{http_code}' "$at/EC1A1BB")" = 200 ] || fail "the added one"
    [ "$(at_upstream added counter lookups)" = 1 ] || fail "the route"
    [ "$(names)" = 'added mid rest ' ] || fail "upstreams: $(names)"

    # One changes, and they are moved.
    set_key 'upstream rest' connect_timeout "1${round}s"
    configure
    turned_over
    send_hangup
    [ "$(names)" = 'rest mid added ' ] || fail "upstreams: $(names)"

    # It is removed while a lookup waits for its response, and comes back meanwhile, as another.
    at_upstream added knob hold=1
    look EC1A2AA
    at_upstream added counted concurrent_now=1 >/dev/null
    remove 'upstream added'
    remove 'route added'
    first=${urls[added]}
    reload
    [ "$(names)" = 'mid rest ' ] || fail "upstreams: $(names)"
    [ "$(ask -o /dev/null -w '%{http_code}' "$at/EC1A1BB")" = 200 ] || fail "the rest's route"
    add_upstream added
    route_to added added EC
    reload
    [ "$(ask -o /dev/null -w '%{http_code}' "$at/EC1A1BB")" = 200 ] || fail "the new one"
    [ "$(at_upstream added counter lookups)" = 1 ] || fail "the new one's lookups"
    [ "$(gone)" = $((3 * round - 3)) ] || fail "it is gone with a lookup under way"
    url=$first knob hold=0
    all_answered
    eventually gone_so_often $((3 * round - 2))

    # And while one waits for its turn.
    set_key 'upstream added' rate 30/m
    set_key 'upstream added' burst 1
    reload
    look EC1A6AA
    look EC1A7AA
    eventually metric_is postcoded_upstream_rate_waiting 1 'upstream="added"'
    remove 'upstream added'
    remove 'route added'
    reload
    waits=${urls[added]}
    all_answered
    [ "$(url=$waits counter lookups)" = 3 ] || fail "not asked"
    eventually gone_so_often $((3 * round - 1))
    add_upstream added
    route_to added added EC
    reload
    at_upstream added counted token_requests=1 >/dev/null

    # And while lookups wait for its token.
    at_upstream added knob token_hold=1
    [ "$(admin /tokens/added/forget -X POST -o /dev/null -w '%{http_code}')" = 204 ] || fail forget
    look EC1A3AA
    look EC1A4AA
    eventually waiting added 2
    remove 'upstream added'
    remove 'route added'
    reload
    [ "$(gone)" = $((3 * round - 1)) ] || fail "it is gone with lookups that wait"
    at_upstream added knob token_hold=0
    all_answered
    eventually gone_so_often $((3 * round))
    same
done

# A reload that fails when there is an upstream more already: nothing changes.
eventually is_ready
allowed=$(prlimit --pid "$daemon" --nofile --output SOFT --noheadings)
add_upstream added
route_to added added EC
configure
prlimit --pid "$daemon" --nofile=60:
kill -HUP "$daemon"
eventually metric_is postcoded_reloads_total 1 'result="failure"'
prlimit --pid "$daemon" --nofile="$allowed":
[ "$(names)" = 'mid rest ' ] || fail "upstreams: $(names)"
[ "$(at_upstream added counter token_requests)" = 0 ] || fail "a token of one that is not used"
same

# A daemon that ends while an upstream retires waits for its lookup, too.
: >"$here/done"
for load in "${loads[@]}"; do
    wait "$load" || fail "$(cat "$here"/load-*)"
done
[ "$(metric postcoded_requests_cancelled_total)" = 0 ] || fail "callers gave up"
few_left() {
    [ "$(descriptors)" -le $((settled + 20)) ]
}
eventually few_left
reload
at_upstream added knob hold=1
look EC1A5AA
at_upstream added counted concurrent_now=1 >/dev/null
remove 'upstream added'
remove 'route added'
reload
kill -TERM "$daemon"
logged 'SIGTERM: draining' >/dev/null
at_upstream added knob hold=0
all_answered
wait "$daemon" || fail "the daemon ended with $?"
