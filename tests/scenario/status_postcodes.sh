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

# shows PATH: in the page and in its data. The bytes are kept for a second, so they are asked again.
shows() {
    operators / >"$here/page"
    operators /status.json >"$here/data"
    grep -q -F "$1" "$here/page" && grep -q -F "$1" "$here/data"
}

start_standin
default_keys
start_daemon
eventually is_ready
knob lookup_status=500
fail_lookup
eventually shows addresses/SW1A1AA

reload outward
lacks "$(shown)" SW1A1AA
fail_lookup
eventually shows 'addresses/SW1A***'
lacks "$(shown)" SW1A1AA

reload off
lacks "$(shown)" SW1A
fail_lookup
eventually shows 'addresses/***'
lacks "$(shown)" SW1A
