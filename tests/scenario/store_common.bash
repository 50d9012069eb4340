# What the scenarios share that have a store on ports, or several servers of one, on top of
# fleet_common.bash. Each server has a name, a port below the range that connections are given (one
# that is away must not find its port taken), and a log that is looked at in the end.
# shellcheck shell=bash

# shellcheck source=tests/scenario/fleet_common.bash
. "$TOP/tests/scenario/fleet_common.bash"

store_program=$(command -v redis-server || command -v valkey-server) || skip "there is no redis-server"
store_client=$(command -v redis-cli || command -v valkey-cli) || skip "there is no redis-cli"

declare -A servers=() ports=()

# free_port: sets port.
free_port() {
    local i
    for ((i = 0; i < 1000; i++)); do
        port=$((10240 + RANDOM % 20000))
        [[ " ${ports[*]} " == *" $port "* ]] || (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null || return 0
    done
    fail "no port is free"
}
# run_server NAME ARGUMENT...: and it has its port. False: it has ended.
run_server() {
    mkdir -p "$fleet/$1.data"
    "$store_program" "${@:2}" >>"$fleet/$1.server" 2>&1 &
    servers[$1]=$!
    started+=("$!")
    eventually has_settled "$1"
    kill -0 "${servers[$1]}" 2>/dev/null
}
has_settled() {
    ! kill -0 "${servers[$1]}" 2>/dev/null || [ "$(at_server "$1" ping)" = PONG ]
}
# at_server NAME WORD...: a command to it; on its Unix socket, where it has one.
at_server() {
    local way=(-p "${ports[$1]}")
    [ ! -S "$fleet/$1.sock" ] || way=(-s "$fleet/$1.sock")
    "$store_client" "${way[@]}" "${@:2}" 2>/dev/null
}
# has_info NAME TEXT: in its INFO.
has_info() {
    at_server "$1" info | grep -q "$2"
}

# start_server NAME [OPTION...]: on its port of before, if it had one. With TLS, the port is that of
# TLS: `--port 0 --tls-port PORT`, where PORT is to be replaced.
start_server() {
    local name=$1 i option known=${ports[$1]:-} options
    shift
    for ((i = 0; i < 5; i++)); do
        [ -n "$known" ] || {
            free_port
            ports[$name]=$port
        }
        options=()
        for option; do
            options+=("${option/#PORT/${ports[$name]}}")
        done
        run_server "$name" --port "${ports[$name]}" --bind 127.0.0.1 --unixsocket "$fleet/$name.sock" \
            --dir "$fleet/$name.data" --save '' --repl-diskless-sync-delay 0 "${options[@]}" && return
    done
    fail "the server $name does not start: $(cat "$fleet/$name.server")"
}
# start_sentinel NAME MASTER: of the master `mymaster`; two of them must agree.
start_sentinel() {
    local i
    for ((i = 0; i < 5; i++)); do
        free_port
        ports[$1]=$port
        cat >"$fleet/$1.conf" <<END
port $port
bind 127.0.0.1
dir "$fleet/$1.data"
loglevel debug
sentinel monitor mymaster 127.0.0.1 ${ports[$2]} 2
sentinel down-after-milliseconds mymaster 1000
sentinel failover-timeout mymaster 3000
END
        run_server "$1" "$fleet/$1.conf" --sentinel && return
    done
    fail "the Sentinel $1 does not start: $(cat "$fleet/$1.server")"
}
kill_server() {
    kill -KILL "${servers[$1]}"
    wait "${servers[$1]}" 2>/dev/null
    rm -f "$fleet/$1.sock"
}

# keep_output FILE...: to what is looked at in the end. Servers and scripts have names of 40
# hexadecimal digits, which look like a token of the stand-in.
keep_output() {
    LC_ALL=C sed -E ':again
        s/(^|[^A-Za-z0-9_-])[0-9a-f]{40}($|[^A-Za-z0-9_-])/\1a name\2/
        t again' "$@" >>"$said"
}
keep_servers() {
    keep_output "$fleet"/*.server
}

# keep_looking NAME...: lookups at these members, all the time; what fails is in $fleet/failures.
# stop_looking: none has.
keep_looking() {
    local one
    for one; do
        at_member "$one" succeeds || fail "a lookup failed at $one"
    done
    while [ ! -e "$fleet/enough" ]; do
        for one; do
            at_member "$one" succeeds || echo "$one at $(date +%T.%N)"
            sleep 0.05
        done
    done >"$fleet/failures" &
    looking=$!
    started+=("$looking")
}
stop_looking() {
    touch "$fleet/enough"
    wait "$looking"
    [ ! -s "$fleet/failures" ] || fail "lookups failed: $(cat "$fleet/failures")"
}
