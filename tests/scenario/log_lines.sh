#!/bin/bash
# What a log line may hold of a postcode; that access lines can be turned off; that JSON is one
# object a line; and all of it by a reload.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

# lines KEY VALUE: reloads with it, asks for an address, one that does not exist and something that
# is no postcode, and prints what the log has of them. Nothing is logged behind a request's last
# line but a later request's.
asked=0
lines() {
    local have reloads
    set_key log "$1" "$2"
    configure
    reloads=$(metric postcoded_reloads_total 'result="success"')
    kill -HUP "$daemon"
    eventually metric_is postcoded_reloads_total $((reloads + 1)) 'result="success"'
    have=$(wc -l <"$here/log")
    for path in SW1A%201AA ZZ1%201ZZ Top-Secret%21 ?note=SW1A1AA; do
        ask -o /dev/null "$at/$path"
    done
    asked=$((asked + 1))
    ask -o /dev/null -H "X-GUID: last-$asked" "http://$address/nowhere/SW1A1AA"
    [ "$(setting_of access)" = off ] || logged "last-$asked.*status" >/dev/null
    tail -n +$((have + 1)) "$here/log"
}
setting_of() {
    echo "${setting[log/$1]:-}"
}

start_standin
default_keys
set_key server workers 1
start_daemon
eventually is_ready

has "$(lines postcodes full)" path=/api/v1/addresses/SW1A%201AA ZZ1%201ZZ
said=$(lines postcodes outward)
has "$said" path=/api/v1/addresses/SW1A 'status=404'
lacks "$said" 1AA 1ZZ Secret SW1A1AA
said=$(lines postcodes off)
has "$said" path=/api/v1/addresses/ 'status=200' 'status=404'
lacks "$said" SW1A ZZ1 1AA Secret

said=$(lines format json)
has "$said" '"status":200' '"guid":"last-'
while IFS= read -r line; do
    [[ $line == '{"time":"'*'}' ]] || fail "no object: $line"
done <<<"$said"
set_key log format text
said=$(lines access off)
lacks "$said" 'status=200' ' request '
stop_daemon
