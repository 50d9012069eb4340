#!/bin/bash
# What the status page and its data show of a failed lookup's path, as [log] postcodes says; and that
# a reload which shows less also hides what was there before.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

fail_lookup() {
    ask -o /dev/null "$at/SW1A1AA"
}
shown() {
    operators /
    operators /status.json
}
reload() {
    set_key log postcodes "$1"
    configure
    local before
    before=$(grep -c 'configuration reloaded' "$here/log")
    kill -HUP "$daemon"
    eventually reloaded $((before + 1))
}
reloaded() {
    [ "$(grep -c 'configuration reloaded' "$here/log")" -ge "$1" ]
}

start_standin
default_keys
start_daemon
eventually is_ready
knob lookup_status=500
fail_lookup
[ "$(shown | grep -o 'addresses/SW1A1AA' | wc -l)" -ge 2 ] || fail "$(shown)"

reload outward
lacks "$(shown)" SW1A1AA
fail_lookup
[ "$(shown | grep -o 'addresses/SW1A\*\*\*' | wc -l)" -ge 2 ] || fail "$(shown)"

reload off
lacks "$(shown)" SW1A
fail_lookup
lacks "$(shown)" SW1A
[ "$(shown | grep -o 'addresses/\*\*\*' | wc -l)" -ge 2 ] || fail "$(shown)"
