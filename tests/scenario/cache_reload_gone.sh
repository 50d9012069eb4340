#!/bin/bash
# [cache] goes, or goes and comes back, while calls are under way that lookups share, or that nobody
# waits for: all who wait are answered as they would have been, and nothing is left of it.
# shellcheck source=tests/scenario/cache_held_common.bash
. "$TOP/tests/scenario/cache_held_common.bash"

cache_keys as=service
set_key server request_timeout 60s
start_daemon
eventually is_ready
unset_cache() {
    unset 'setting[cache/max_size]' 'setting[cache/as]' 'setting[cache/stale_while_revalidate]'
}

# ---- no cache: those who wait are answered as they would have been; nothing is left of it ----

hold M16AA
unset_cache
reload
begin three M16AA # it is shared with nobody
held 2
leaves three
in_flight 2
let_go
look M16AA
without Cache-Status
upstream_lookups 3
lacks "$(operators /metrics)" postcoded_cache_
reload max_size=10M as=service
items 0
finds M16AA fwd=uri-miss 1
upstream_lookups 1

# It is gone and there again while they wait; and what is there again is empty.
hold M17AA
unset_cache
reload
reload max_size=10M as=service
begin three M17AA
held 2
let_go
ended three
is_like Cache-Status 'postcoded; fwd=uri-miss; fwd-status=200; stored; .*'
finds M17AA hit 2
items 1
upstream_lookups 2

# ---- a call that nobody waits for ----

reload stale_while_revalidate=1h
says 'cache_control=private, max-age=0' version=20
finds M18AA fwd=uri-miss 20
says version=21 hold=1
finds M18AA hit 20
held 1
calling 1
unset_cache
reload
says hold=0
calling 0
reload max_size=10M as=service stale_while_revalidate=1h
items 0
finds M18AA fwd=uri-miss 21
lacks "$(cat "$here/log")" ' error '
stop_daemon
