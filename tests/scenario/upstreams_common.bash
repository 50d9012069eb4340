# What the scenarios with several upstreams share, after common.bash: each upstream is a stand-in of
# its own, with tokens and counters of its own.
# shellcheck shell=bash

declare -A urls=()

# add_upstream NAME [OPTION...]: starts its stand-in, and sets the keys of its section.
add_upstream() {
    local name=$1 said
    shift
    exec {said}< <(exec "$BUILD/location-standin" "$@" 2>"$here/standin-$name.log")
    started+=("$!")
    standins[$name]=$!
    read -r _ _ url <&"$said" || fail "no stand-in: $(cat "$here/standin-$name.log")"
    urls[$name]=$url
    set_key "upstream $name" address "$url"
    set_key "upstream $name" client_id demo
    set_key "upstream $name" client_secret demo
}
declare -A standins=()

# at_upstream NAME COMMAND...: knob, counted and counter are of that one's stand-in.
at_upstream() {
    local url=${urls[$1]}
    shift
    "$@"
}

# kill_upstream NAME: it refuses connections from now on.
kill_upstream() {
    kill -9 "${standins[$1]}"
    eventually is_gone "${standins[$1]}"
}
is_gone() {
    ! kill -0 "$1" 2>/dev/null
}

# several_keys: what default_keys sets but for its upstream.
several_keys() {
    default_keys
    unset 'setting[upstream location/address]' 'setting[upstream location/client_id]' \
        'setting[upstream location/client_secret]'
}

# A route that all upstreams named are on, in that order.
route_all() {
    set_key 'route all' upstream "$1"
}
# lookups_at NAME: how many calls have arrived there. failovers FROM TO REASON.
lookups_at() {
    at_upstream "$1" counter lookups
}
failovers() {
    metric postcoded_upstream_failovers_total "from=\"$1\",to=\"$2\",reason=\"$3\""
}
failovers_are() {
    [ "$(failovers "${@:2}")" = "$1" ]
}
# ejected_is NAME 0-OR-1
ejected_is() {
    metric_is postcoded_upstream_ejected "$2" "upstream=\"$1\""
}
# status [CURL-ARGUMENT...]: of one lookup.
status() {
    ask -o /dev/null -w '%{http_code}' "$@" "$at/M11AA"
}
