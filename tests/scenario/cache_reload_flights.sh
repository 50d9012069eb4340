#!/bin/bash
# Calls that are under way during a reload end as they began: all who wait are answered. What a call
# brings is found by lookups of the same meaning, and by no others, and those make calls of their own.
# shellcheck source=tests/scenario/cache_held_common.bash
. "$TOP/tests/scenario/cache_held_common.bash"

cache_keys as=service
set_key server request_timeout 60s
start_daemon
eventually is_ready
unset_cache() {
    unset 'setting[cache/max_size]' 'setting[cache/as]' 'setting[cache/ttl_max]' \
        'setting[cache/stale_while_revalidate]'
}

# hold POSTCODE: two lookups of it wait for one call, which brings the present version.
version=0
hold() {
    says hold=1 "version=$((++version))"
    begin one "$1"
    held 1
    begin two "$1"
    in_flight 2
}
# let_go: and all of them are answered: with that version.
let_go() {
    says hold=0
    both
    in_flight 0
}
both() {
    local name
    for name in one two; do
        ended "$name"
        is status 200
        [ "$(version)" = "${1:-$version}" ] || fail "$name got version $(version)"
        is_like Cache-Status 'postcoded; fwd=uri-miss; .*'
    done
    is_like Cache-Status '.*; collapsed.*'
}
# finds POSTCODE CACHE VERSION
finds() {
    look "$1"
    is status 200
    is cache "$2"
    [ "$(version)" = "$3" ] || fail "$1: version $(version), not $3"
}

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

# ---- no cache: those who wait are answered as they would have been; nothing is left of it ----

hold M16AA
unset_cache
reload
look M17AA -m 0.3 # it is held, and shared with nobody
in_flight 2
let_go
look M16AA
without Cache-Status
upstream_lookups 3
lacks "$(operators /metrics)" postcoded_cache_
reload max_size=10M as=service
items 0
finds M16AA fwd=uri-miss 6
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
finds M17AA hit 7
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
