#!/bin/bash
# Calls that are under way during a reload end as they began: all who wait are answered. What a call
# brings is found by lookups of the same meaning, and by no others, and those make calls of their own.
# shellcheck source=tests/scenario/cache_held_common.bash
. "$TOP/tests/scenario/cache_held_common.bash"

cache_keys as=service
set_key server request_timeout 60s
start_daemon
eventually is_ready

# ---- nothing that matters: the call is joined after it, and what it brings is found ----

hold M11AA
set_key server request_timeout 50s
reload
begin three M11AA
in_flight 3
let_go
ended three
is_like Cache-Status '.*; collapsed; stored; .*'
finds M11AA hit 1
upstream_lookups 1

# ---- another meaning: lookups from then on make their own, and find nothing of before ----

hold M12AA
set_key 'upstream location' header.X-Mark one
reload
says version=10
begin three M12AA
held 2
says hold=0
both 2
ended three
is_like Cache-Status 'postcoded; fwd=uri-miss; fwd-status=200; stored; .*'
[ "$(version)" = 10 ] || fail "an answer of before"
finds M12AA hit 10
in_flight 0
upstream_lookups 2

hold M13AA # and where nobody asks meanwhile
reload ttl_max=1h
let_go
says version=11
finds M13AA fwd=uri-miss 11
finds M13AA hit 11
upstream_lookups 2

# ---- another address: the call ends where it began ----

hold M14AA
set_key 'upstream location' address "${url/127.0.0.1/localhost}"
reload
let_go
says version=12
finds M14AA fwd=uri-miss 12
upstream_lookups 2

# ---- another size: a table that the call does not know ----

hold M15AA
reload max_size=10M
let_go
items 0 # neither of the table that is gone, nor in the new one
finds M15AA fwd=uri-miss 5
items 1
upstream_lookups 2
lacks "$(cat "$here/log")" ' error '
stop_daemon
