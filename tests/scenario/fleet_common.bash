# What the scenarios with a fleet share, on top of token_common.bash: a store, and several daemons,
# each in a folder of its own with its configuration, its sockets and its log.
# shellcheck shell=bash

# shellcheck source=tests/scenario/token_common.bash
. "$TOP/tests/scenario/token_common.bash"

fleet=$here # the folder of all

# ---- the store ----

# start_store [OPTION...]: a Redis or Valkey on a Unix socket, or skips; sets store (its id) and
# store_socket. What a store held that was ended before is gone. It is run by store_runner, where
# that is set.
store_runner=()
start_store() {
    local server
    server=$(command -v redis-server || command -v valkey-server) || skip "there is no redis-server"
    store_socket=$fleet/store.sock
    "${store_runner[@]}" "$server" --port 0 --unixsocket "$store_socket" --save '' --appendonly no --dir "$fleet" \
        "$@" >"$fleet/store.log" 2>&1 &
    store=$!
    started+=("$store")
    eventually serves
}
serves() {
    kill -0 "$store" 2>/dev/null || fail "the store has ended: $(cat "$fleet/store.log")"
    [ -S "$store_socket" ] && grep -q 'eady to accept connections' "$fleet/store.log"
}
stop_store() {
    kill -KILL "$store"
    wait "$store" 2>/dev/null
    rm -f "$store_socket"
}

# keep_store: what the store holds is looked at in the end, as what daemons said is: no secret and no
# token is in it.
keep_store() {
    local cli name
    cli=$(command -v redis-cli || command -v valkey-cli) || return 0
    for name in $("$cli" -s "$store_socket" --scan); do
        echo "$name"
        "$cli" -s "$store_socket" --raw dump "$name"
        "$cli" -s "$store_socket" --raw hgetall "$name" 2>/dev/null
    done >>"$said"
    grep -a -q ':t$' "$said" || fail "there is no token in the store"
}

# fleet_keys [OPTION...]: a stand-in, a store, and the keys of each member.
fleet_keys() {
    token_keys "$@"
    set_key server workers 1
    set_key fleet servers "unix:$store_socket"
}

# ---- members ----

declare -A members=() addresses=()

# at_member NAME COMMAND...: admin, token, look, logs and the like are about that daemon.
at_member() {
    # shellcheck disable=SC2034 # what the commands use
    local name=$1 here=$fleet/$1 daemon=${members[$1]:-} address=${addresses[$1]:-} at
    at=http://$address/api/v1/addresses
    shift
    "$@"
}
member_keys() {
    set_key metrics listen "unix:$here/metrics.sock"
    set_key admin listen "unix:$here/admin.sock"
}
# start_member NAME [ENVIRONMENT...]: does not wait for a token.
start_member() {
    # shellcheck disable=SC2034 # what start_daemon sets
    local here=$fleet/$1 name=$1 address at daemon
    shift
    mkdir -p "$here"
    member_keys
    [ ! -e "$here/log" ] || cat "$here/log" >>"$said"
    start_daemon "$@"
    members[$name]=$daemon
    addresses[$name]=$address
}
# reload_member NAME [OUTCOME]: with the keys as they are now, and it ends so (reloaded, or failed).
reload_member() {
    local here=$fleet/$1 outcome=${2:-reloaded} before
    member_keys
    configure
    before=$(grep -c 'configuration reloaded\|reload failed' "$here/log")
    kill -HUP "${members[$1]}"
    eventually has_reloaded "$before"
    grep 'configuration reloaded\|reload failed' "$here/log" | tail -n 1 | grep -q "$outcome" ||
        fail "the reload of $1 has not $outcome"
}
has_reloaded() {
    [ "$(grep -c 'configuration reloaded\|reload failed' "$here/log")" -gt "$1" ]
}
# end_member NAME [SIGNAL [STATUS]]: as stop_daemon. kill_member NAME: at once.
end_member() {
    at_member "$1" stop_daemon "${@:2}"
    members[$1]=
}
kill_member() {
    kill -KILL "${members[$1]}"
    wait "${members[$1]}" 2>/dev/null
    members[$1]=
}

# each_member COMMAND...: for all that run; false at the first that fails.
each_member() {
    local one
    for one in "${!members[@]}"; do
        [ -z "${members[$one]}" ] || at_member "$one" "$@" || return
    done
}
fingerprints() {
    each_member token fingerprint | sort -u
}
# All that run have the same token, and it is another one than FINGERPRINT.
are_alike() {
    local now
    now=$(fingerprints)
    [ -n "$now" ] && [ "$now" != null ] && [ "$(wc -l <<<"$now")" = 1 ] && [ "$now" != "${1:-}" ]
}
# follows: the member has reached the store, and has the token that is in it.
follows() {
    [ "$(fleet_says state)" = following ] && [ "$(fleet_says generation)" -gt 0 ] 2>/dev/null
}
# fleet_says FIELD: of "fleet" in /tokens.
fleet_says() {
    admin /tokens | sed -n '/"fleet": {/,/}/p' | sed -n "s/^ *\"$1\": \"*\([^\",]*\)\"*,*\$/\1/p"
}
succeeds() {
    [ "$(look_status)" = 200 ]
}

# patiently COMMAND...: as eventually, for what takes the half of a token's life.
patiently() {
    local i
    for ((i = 0; i < 600; i++)); do
        "$@" && return
        sleep 0.1
    done
    fail "never: $*"
}

# What all of them said is looked at in the end.
keep_log() {
    local log
    for log in "$fleet"/*/log; do
        [ ! -e "$log" ] || cat "$log" >>"$said"
    done
}
