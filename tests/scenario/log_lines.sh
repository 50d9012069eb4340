#!/bin/bash
# What a log line may hold of a postcode; that access lines can be turned off; that JSON is one
# object a line; and all of it by a reload.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

# with KEY VALUE: reloads with it, asks for an address, one that does not exist and something that
# is no postcode; $said is what the log has of them. One worker writes its lines in their order.
round=0
with() {
    local have
    set_key log "$1" "$2"
    configure
    round=$((round + 1))
    kill -HUP "$daemon"
    eventually metric_is postcoded_reloads_total "$round" 'result="success"'
    have=$(wc -l <"$here/log")
    for path in SW1A%201AA ZZ1%201ZZ Top-Secret%21 ?note=SW1A1AA; do
        ask -o /dev/null "$at/$path"
    done
    ask -o /dev/null -H "X-GUID: last-$round" "http://$address/nowhere/SW1A1AA"
    if [ "$1/$2" = access/off ]; then
        stop_daemon
    else
        logged "last-$round.*status" >/dev/null
    fi
    said=$(tail -n +$((have + 1)) "$here/log")
}

start_standin
default_keys
set_key server workers 1
start_daemon
eventually is_ready

with postcodes full
has "$said" path=/api/v1/addresses/SW1A%201AA ZZ1%201ZZ
with postcodes outward
has "$said" path=/api/v1/addresses/SW1A 'status=404'
lacks "$said" 1AA 1ZZ Secret SW1A1AA
with postcodes off
has "$said" path=/api/v1/addresses/ 'status=200' 'status=404'
lacks "$said" SW1A ZZ1 1AA Secret

with format json
has "$said" '"status":200' '"guid":"last-'
while IFS= read -r line; do
    [[ $line == '{"time":"'*'}' ]] || fail "no object: $line"
done <<<"$said"

with access off
has "$said" draining
lacks "$said" '"status":200' '"status":404'
