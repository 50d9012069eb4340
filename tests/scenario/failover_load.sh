#!/bin/bash
# The first of two upstreams is killed under load, and comes back. From its ejection on no caller
# sees anything of it: not while it is left out, not in the trials that fail, and not when it is
# there again with tokens of its own.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"
# shellcheck source=tests/scenario/upstreams_common.bash
. "$TOP/tests/scenario/upstreams_common.bash"

several_keys
add_upstream a
add_upstream b
route_all 'a, b'
set_key log access off
start_daemon
eventually is_ready

callers --count 16 --seconds 3 >"$here/first" &
first=$!
started+=("$first")
at_upstream a counted lookups=1000 >/dev/null
kill_upstream a
eventually ejected_is a 1
# Until then some fail, which retry_budget does not let go on; none of them waits for its deadline.
load() {
    callers --count 8 --seconds "$1" --expect 200 >"$here/told" || fail "$(cat "$here/told")"
}
ejections() {
    grep -c 'warning .*upstream a has failed' "$here/log"
}
load 17
[ "$(ejections)" = 3 ] || fail "$(ejections) ejections: trials are due after 5 s, and 10 s later"
wait "$first" || fail "without an answer: $(cat "$here/first")"
grep -Eq '"(504|none)"' "$here/first" && fail "$(cat "$here/first")"

add_upstream a --listen "${urls[a]#http://}"
is_back() {
    load 1
    ejected_is a 0
}
eventually is_back
others=$(lookups_at b)
load 2
[ "$(lookups_at b)" = "$others" ] || fail "b is still asked"
[ "$(lookups_at a)" -gt 100 ] || fail "$(lookups_at a) lookups at a"
stop_daemon
