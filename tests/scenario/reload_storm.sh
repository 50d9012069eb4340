#!/bin/bash
# A storm of reloads that nobody waits for, under load: upstreams come, go, change, move and come
# back while their predecessors retire. One of them never responds, and another's token endpoint does
# not, so lookups and waiters are parked in what is removed. The upstream that is always there
# answers every lookup with 200 and keeps its token, and in the end nothing of the others is left.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"
# shellcheck source=tests/scenario/upstreams_common.bash
. "$TOP/tests/scenario/upstreams_common.bash"

RANDOM=15
chance() {
    ((RANDOM % $1 == 0))
}
descriptors() {
    find "/proc/$daemon/fd" -mindepth 1 | wc -l
}
# upstream NAME STANDIN
upstream() {
    printf '[upstream %s]\naddress = %s\nclient_id = demo\nclient_secret = demo\n' "$1" "${urls[$2]}"
    ! chance 4 || printf 'rate = 20/s\nburst = 1\n'
}
stays() {
    printf '[upstream stays]\naddress = %s\nclient_id = demo\nclient_secret = demo\n' "${urls[stays]}"
    printf 'connect_timeout = %ds\n' $((RANDOM % 9 + 1))
}
# Each of the others with a route of its own, and before the one that stays for the rest.
other_upstreams() {
    local name others=''
    local postcodes=(M LS B N E G)
    for name in mute slow one two three; do
        chance 2 || continue
        upstream "$name" "${standin_of[$name]}"
        printf '[route %s]\nupstream = %s, stays\npostcodes = %s\n' "$name" "$name" "${postcodes[0]}"
        postcodes=("${postcodes[@]:1}")
        others+="$name, "
    done
    printf '[route rest]\nupstream = %sstays\n' "$others"
}
declare -A standin_of=([mute]=mute [slow]=slow [one]=quick [two]=quick [three]=quick)
another() {
    cat "$here/process.ini"
    printf '[route stays]\nupstream = stays\npostcodes = SW\n'
    if chance 2; then
        stays
        other_upstreams
    else
        other_upstreams
        stays
    fi
}

several_keys
set_key log access off
set_key server request_timeout 2s
configure
cp "$here/pc.ini" "$here/process.ini"
for name in stays quick mute slow; do
    add_upstream "$name" --lifetime 36000
done
for name in quick mute slow; do
    unset "setting[upstream $name/address]" "setting[upstream $name/client_id]" \
        "setting[upstream $name/client_secret]"
done
start_daemon
eventually is_ready
at_upstream mute knob hold=1
at_upstream slow knob token_hold=1

load() {
    while [ ! -e "$here/done" ]; do
        "$driver/callers" --connect "$address" --path "/api/v1/addresses/$1" --count 4 \
            --requests 50 "${@:2}" >"$here/load-$1" || return 1
    done
}
load SW1A1AA --expect 200 &
loads=("$!")
for postcode in M11AA LS11AA B11AA; do
    load "$postcode" &
    loads+=("$!")
done
at_upstream stays counted lookups=100 >/dev/null

while [ "$(metric postcoded_reloads_total 'result="success"')" -lt 150 ]; do
    for _ in 1 2; do
        another >"$here/next"
        chmod 600 "$here/next"
        mv "$here/next" "$here/pc.ini"
        kill -HUP "$daemon"
    done
done

# The one that stays alone, and what was parked ends.
configure
: >"$here/done"
kill -HUP "$daemon"
for load in "${loads[@]}"; do
    wait "$load" || fail "$(cat "$here"/load-*)"
done
reloaded_last() {
    kill -HUP "$daemon"
    [ "$(operators /metrics | grep -c '^postcoded_upstream_ejected{')" = 1 ]
}
eventually reloaded_last
lacks "$(cat "$here/log")" 'reload failed'
[ "$(at_upstream stays counter token_requests)" = 1 ] || fail "another token"
few_left() {
    [ "$(descriptors)" -le 80 ]
}
eventually few_left
stop_daemon
