#!/bin/bash
# A master with a replica, and three Sentinels that fail over: the master is killed right after a
# token was put there, once while the replica follows, and once while it has lost its master and so
# loses the token. The members find the new master and have one token again without a request, and
# no lookup fails meanwhile.
. "$TOP/tests/scenario/store_common.bash"

# is_master NAME: says every Sentinel.
is_master() {
    local one
    for one in s1 s2 s3; do
        [ "$(at_server "$one" sentinel get-master-addr-by-name mymaster | tail -n 1)" = "${ports[$1]}" ] ||
            return
    done
}
# knows_all NAME: the Sentinel knows the others, and one replica, which is up.
knows_all() {
    has_info "$1" 'status=ok,.*slaves=1,sentinels=3' &&
        at_server "$1" sentinel replicas mymaster | grep -A 1 -x flags | grep -q -x slave
}
are_linked() {
    has_info "$1" '^connected_slaves:1' && has_info "$2" '^master_link_status:up'
}
start_server one --loglevel debug
start_server two --loglevel debug --replicaof "127.0.0.1 ${ports[one]}"
eventually are_linked one two
for name in s1 s2 s3; do
    start_sentinel "$name" one
done
for name in s1 s2 s3; do
    patiently knows_all "$name"
done

token_keys --lifetime 3600
set_key server workers 1
set_key fleet servers "127.0.0.1:${ports[s1]}, 127.0.0.1:${ports[s2]}, 127.0.0.1:${ports[s3]}"
set_key fleet sentinel mymaster
set_key fleet tls off
for name in a b c; do
    start_member "$name"
done
each_member eventually is_ready
each_member eventually follows
are_alike || fail "tokens differ: $(fingerprints)"
[ "$(counter tokens_issued)" = 1 ] || fail "$(counter tokens_issued) tokens at the start"
keep_looking a b c

# put_another: a new token is in the store, with the generation in `put`.
has_put() {
    put=$(at_member a fleet_says generation)
    [ "$put" -gt "$1" ] 2>/dev/null
}
put_another() {
    local before
    before=$(at_member a fleet_says generation)
    [ "$(at_member a press refresh)" = 202 ] || fail "refresh"
    eventually has_put "$before"
}
# has_moved NAME: all members listen there, and the token is there. (Sentinels listen, too.)
has_moved() {
    [ "$(at_server "$1" pubsub numsub "$(at_server "$1" pubsub channels 'pc:*')" | tail -n 1)" = 3 ] &&
        [ "$(at_server "$1" --scan --pattern '*:t' | wc -l)" = 1 ]
}
# fail_over FROM TO: after put_another.
have_it_all() {
    [ "$(each_member fleet_says generation | sort -u)" = "$put" ] && are_alike "$1"
}
fail_over() {
    patiently is_master "$2"
    patiently has_moved "$2"
    each_member patiently follows
    patiently have_it_all "$first"
}

# The replica follows, and has the token, or not quite.
first=$(fingerprints)
put_another
kill_server one
fail_over one two
[ "$(counter tokens_issued)" = 2 ] || fail "$(counter tokens_issued) tokens after a failover"

# Back, with what it has lost. The token of before is all it has when it becomes the master again.
start_server one --loglevel debug --replicaof "127.0.0.1 ${ports[two]}"
patiently are_linked two one
for name in s1 s2 s3; do
    patiently knows_all "$name"
done
first=$(fingerprints)
kill -STOP "${servers[one]}"
at_server two client kill type replica >/dev/null
put_another
kill_server two
kill -CONT "${servers[one]}"
fail_over two one
restores=0
for name in a b c; do
    restores=$((restores + $(at_member "$name" metric postcoded_fleet_restores_total \
        'upstream="location"')))
done
[ "$restores" -ge 1 ] || fail "nobody put back what the second failover lost"
[ "$(counter tokens_issued)" = 3 ] || fail "$(counter tokens_issued) tokens after two failovers"
stop_looking
[ "$(counter lookups_unauthorized)" = 0 ] || fail "a token was carried that was not good"

at_server one --raw dump "$(at_server one --scan --pattern '*:t')" >"$fleet/dump.server"
keep_servers
for name in a b c; do
    end_member "$name"
done
