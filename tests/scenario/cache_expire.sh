#!/bin/bash
# What is of no use any more leaves the memory though nobody asks for it.
. "$TOP/tests/scenario/common.bash"

start_standin
default_keys
set_key cache as service
set_key cache ttl 1s
set_key cache ttl_max 1s
set_key 'upstream location' answer address # ETag is kept for the daemon's own use
start_daemon
eventually is_ready

for postcode in M11AA M12AA M13AA; do
    ask -o /dev/null "$at/$postcode"
done
has "$(ask -D - -o /dev/null "$at/M14AA")" stored
# fresh for a second, then for a second of use for a revalidation
eventually metric_is postcoded_cache_items 0
metric_is postcoded_cache_evictions_total 0 || fail "they made room for nothing"

# another configuration, another pace: what is kept for longer stays
set_key cache ttl 1h
set_key cache ttl_max 1h
configure
kill -HUP "$daemon"
logged 'configuration reloaded' >/dev/null
ask -o /dev/null "$at/M15AA"
metric_is postcoded_cache_items 1 || fail "not kept"
stop_daemon
