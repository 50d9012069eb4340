#!/bin/bash
# A route with several upstreams: each is looked for, in the route's order, and the first fresh
# answer is given. Routes share answers of an upstream, and not calls, which go along a whole route.
# shellcheck source=tests/scenario/cache_held_common.bash
. "$TOP/tests/scenario/cache_held_common.bash"
# shellcheck source=tests/scenario/upstreams_common.bash
. "$TOP/tests/scenario/upstreams_common.bash"

several_keys
set_key server workers 1
set_key server request_timeout 60s
set_key cache as service
for name in a b; do
    add_upstream "$name"
    set_key "upstream $name" retries 0
    set_key "upstream $name" eject_after 1000
    set_key "route $name" upstream "$name"
    set_key "route $name" prefix "/$name/"
done
set_key 'route ab' upstream 'a, b'
set_key 'route ab' prefix /ab/
set_key 'route ba' upstream 'b, a'
set_key 'route ba' prefix /ba/
at_upstream a says version=1
at_upstream b says version=2
start_daemon
eventually is_ready

# of ROUTE POSTCODE FROM CACHE [CURL-ARGUMENT...]: the version that the upstream FROM gives.
of() {
    at=http://$address/$1 look "$2" "${@:5}"
    is status 200
    [ "$(version)" = "$3" ] || fail "from $(version), not $3: $body"
    is cache "$4"
}
calls() {
    [ "$(lookups_at a) $(lookups_at b)" = "$1 $2" ] || fail "calls: $(lookups_at a) $(lookups_at b)"
}

# ---- what one route brought is at hand for each that has the upstream ----

of a M11AA 1 fwd=uri-miss
of ab M11AA 1 hit
of ba M11AA 1 hit # b has none, and is not asked
of b M11AA 2 fwd=uri-miss
calls 1 1

# ---- both are there: the order of the route ----

of ab M11AA 1 hit
of ba M11AA 2 hit -H 'X-GUID: of-b'
has "$(access of-b)" ' upstream=b cache=hit'
calls 1 1

# ---- what the second one answered, because the first one fails, is kept as the second one's ----

at_upstream a says lookup_status=503
of ab M12AA 2 fwd=uri-miss
calls 2 2
at_upstream a says lookup_status=0
of ab M12AA 2 hit
of b M12AA 2 hit
of a M12AA 1 fwd=uri-miss
of ab M12AA 1 hit
calls 3 2

# ---- a fresh answer of the second one goes before a stale one of the first ----

at_upstream a says 'cache_control=private, max-age=0'
of a M13AA 1 fwd=uri-miss
of b M13AA 2 fwd=uri-miss
of ab M13AA 2 hit
calls 4 3
forget M13AA >"$here/forgotten"
of a M13AA 1 fwd=uri-miss
at_upstream a says version=3
of ba M13AA 2 fwd=stale # b is the route's first, and gets nothing that is of a
[ "$(at_upstream b counter lookups_conditional)" = 0 ] || fail "a's validators went to b"
calls 5 4

# ---- calls: another route's may go elsewhere, so it is not joined ----

at_upstream a says 'cache_control=private, max-age=60' hold=1
at=http://$address/a begin alone M14AA
at_upstream a held 1
at=http://$address/ab begin along M14AA
at_upstream a held 2
at=http://$address/ab begin joins M14AA
in_flight 3
at_upstream a says hold=0
for name in alone along joins; do
    ended "$name"
    is status 200
done
is_like Cache-Status '.*; collapsed; .*'
calls 7 4
of ab M14AA 3 hit
stop_daemon
