#!/bin/bash
# Whatever of the store can be read has no token and no secret: its log, its two files, what MONITOR
# shows of the commands, and what replicas are sent, of a fleet that starts, renews, forgets, has a
# token revoked, and puts one back.
. "$TOP/tests/scenario/store_common.bash"

printf 'CANARY of the key file: 32 bytes' >"$fleet/fleet.key"
chmod 600 "$fleet/fleet.key"
# Not compressed, so that what is written can be found.
start_server store --loglevel debug --appendonly yes --aof-use-rdb-preamble no --rdbcompression no
start_server replica --loglevel debug --appendonly yes --aof-use-rdb-preamble no --rdbcompression no \
    --replicaof "127.0.0.1 ${ports[store]}"
eventually has_info replica '^master_link_status:up'

# watch NAME OPTION...: what the store tells a client, until it is ended.
watch() {
    "$store_client" -p "${ports[store]}" "${@:2}" >"$fleet/$1.watched" 2>&1 &
    started+=("$!")
}
watch monitor monitor
watch stream --replica
is_watched() {
    grep -q OK "$fleet/monitor.watched" && has_info store '^connected_slaves:2' &&
        [ "$(at_server store info replication | grep -c '^slave[0-9]:.*state=online')" = 2 ]
}
eventually is_watched

token_keys --lifetime 3600
set_key server workers 1
set_key fleet servers "127.0.0.1:${ports[store]}"
set_key fleet tls off
set_key fleet key_file "$fleet/fleet.key"
start_member a
start_member b
each_member eventually is_ready
each_member eventually follows
are_alike || fail "tokens differ: $(fingerprints)"

# shares_another N: all have one token, the Nth, and it is in the store.
shares_another() {
    eventually are_alike "$last"
    each_member eventually follows
    each_member succeeds || fail "a lookup failed"
    [ "$(counter tokens_issued)" = "$1" ] || fail "$(counter tokens_issued) tokens were issued, not $1"
    last=$(fingerprints)
}
last=
shares_another 1
[ "$(at_member a press refresh)" = 202 ] || fail "refresh"
shares_another 2
[ "$(at_member b press forget)" = 204 ] || fail "forget"
shares_another 3
ask -X POST "$url/standin/revoke"
each_member succeeds || fail "a lookup failed after a token was revoked"
shares_another 4

# What the store loses, a member puts back.
at_server store flushall >/dev/null
at_server store client kill type pubsub >/dev/null # so that they look
has_token() {
    [ "$(at_server store --scan --pattern '*:t' | wc -l)" = 1 ]
}
eventually has_token
each_member eventually follows
[ "$(counter tokens_issued)" = 4 ] || fail "a token was requested for a store that lost its data"
printf 'CANARY, a wrong one\n' >"$fleet/api.secret" # so that a request fails
[ "$(at_member a press refresh)" = 202 ] || fail "refresh"
at_member a logs "rejected the client's credentials"

# All that came so far is written, here and there, when this is.
at_server store set the-end 1 >/dev/null
at_server store save >/dev/null
has_ended() {
    local file
    for file in "$fleet"/*.watched; do
        grep -q the-end "$file" || return
    done
    [ "$(at_server replica get the-end)" = 1 ] && [ "$(at_server replica save)" = OK ]
}
eventually has_ended
for name in a b; do
    end_member "$name"
done
for name in store replica; do
    at_server "$name" shutdown nosave
    wait "${servers[$name]}"
done

# Each has the token as it is stored, so it would show what is readable of it.
kept=("$fleet"/{store,replica}.data/dump.rdb "$fleet"/{store,replica}.data/appendonlydir/*.incr.aof
    "$fleet"/{monitor,stream}.watched)
[ "${#kept[@]}" -ge 6 ] || fail "not all files are there: ${kept[*]}"
for file in "${kept[@]}"; do
    grep -a -q '}:t' "$file" || fail "no token is in $file"
    grep -a -q postcodF "$file" || fail "no token that is sealed is in $file"
done
keep_output "${kept[@]}"
keep_servers
