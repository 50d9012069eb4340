# What the scenarios share that have a resolver of their own, or upstreams in several places:
# `. "$TOP/tests/scenario/names_common.bash"` in the place of common.bash.
# shellcheck shell=bash
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

# say_names LINE...: what the resolver answers from now on (tests/driver/names.c).
say_names() {
    printf '%s\n' "$@" >"$here/names.next"
    mv "$here/names.next" "$here/names.zone"
}
# start_names LINE...: a resolver, the only one that there is: after in_namespaces "--mount --net".
# What it is asked is in $here/asked.
start_names() {
    say_names "$@"
    "$driver/names" "$here/names.zone" >"$here/asked" &
    started+=("$!")
    eventually grep -qs '^names ' "$here/asked"
    echo "nameserver 127.0.0.1" >"$here/resolv.conf"
    echo "hosts: dns" >"$here/nsswitch.conf"
    instead resolv.conf nsswitch.conf
}
# asked NAME: how often its IPv4 addresses were asked for.
asked() {
    grep -c "^$1 1\$" "$here/asked"
}

# start_place HOST[:PORT] [SECONDS]: an upstream (tests/driver/place.c); sets place (its id) and
# where (HOST:PORT). Its requests are in $here/place-HOST.
start_place() {
    local log=$here/place-${1%:*} port=0
    [[ $1 != *:* ]] || port=${1##*:}
    "$driver/place" "${1%:*}:$port" "${@:2}" >"$log" &
    place=$!
    started+=("$place")
    eventually grep -qs '^place ' "$log"
    where=$(sed -n 's/^place //p' "$log")
}
end_place() {
    kill -KILL "$1"
    wait "$1" 2>/dev/null
}
# lookup [POSTCODE]: the answer, with its header.
lookup() {
    ask -i "$at/${1:-M11AA}"
}
