#!/bin/bash
# With forward_header nothing of one user reaches another: not as a hit, not in a 304 to somebody
# else's ETag, not by joining a call. The stand-in's address repeats the user it was told.
# shellcheck source=tests/scenario/cache_held_common.bash
. "$TOP/tests/scenario/cache_held_common.bash"

cache_keys
with_users X-User
says 'cache_control=public, max-age=3600' 'last_modified=Sun, 06 Nov 1994 08:49:37 GMT'
start_daemon
eventually is_ready

# gets USER POSTCODE CACHE [CURL-ARGUMENT...]: 200, and what is that user's own.
gets() {
    as "$1" "$2" "${@:4}"
    is status 200
    own "$1"
    is cache "$3"
}
own() {
    has "$body" "\"echo\":\"$1\""
}

# ---- a hit is of the same user ----

gets ada M11AA fwd=uri-miss
of_ada=$(field ETag)
gets bob M11AA fwd=uri-miss
of_bob=$(field ETag)
[ -n "$of_ada" ] && [ "$of_ada" != "$of_bob" ] || fail "the stand-in tells users not apart"
gets ada M11AA hit
gets bob M11AA hit
upstream_lookups 2
as ivo M11AA --head
is status 200
is cache fwd=uri-miss
[ "$(field ETag)" != "$of_ada" ] || fail "the fields of another"
as ada M11AA --head
is cache hit
is ETag "$of_ada"
upstream_lookups 1
gets bob 'M11AA?for=ada' fwd=uri-miss
gets ada 'M11AA?for=ada' fwd=uri-miss
upstream_lookups 2

# Who it is says the cookie, and nothing else that a caller sends.
gets ada M11AA hit -H 'X-User: bob' -H 'X-Forwarded-User: bob' -H 'X-GUID: bob'
gets ada M11AA hit -b 'X-User=bob'
upstream_lookups 0
# One connection, two users in turn.
ask -D "$here/heads" -b identity=ada "$at/M11AA" "$at/M11AA" --next -q -s -m 20 -b identity=bob \
    "$at/M11AA" --next -q -s -m 20 -b identity=eve "$at/M11AA" >"$here/turns"
[ "$(grep -o '"echo":"[a-z]*"' "$here/turns" | cut -d'"' -f4 | tr '\n' ' ')" = 'ada ada bob eve ' ] ||
    fail "in turn: $(cat "$here/turns")"
upstream_lookups 1
# An upstream that says of itself that it answers by user is kept, by user.
says vary=X-User
gets ada M11AC fwd=uri-miss
gets bob M11AC fwd=uri-miss
gets ada M11AC hit
upstream_lookups 2
# Nor does one reach the other around the cache.
gets bob M11AA fwd=bypass -H 'Cache-Control: no-store'
gets ada M11AA hit
upstream_lookups 1

# ---- conditionals: by the answer for the one who asks ----

gets bob M11AA hit -H "If-None-Match: $of_ada"
as ada M11AA -H "If-None-Match: $of_bob, $of_ada"
is status 304
is ETag "$of_ada"
gets dan M11AA fwd=uri-miss -H "If-None-Match: $of_ada"
gets dora M11AA fwd=uri-miss -H "If-None-Match: $of_ada, $of_bob"
as emma M11AA -H 'If-None-Match: *' # by an answer that was brought for her
is status 304
is cache fwd=uri-miss
[ "$(field ETag)" != "$of_ada" ] || fail "the fields of another"
as fred M11AA --head -H "If-None-Match: $of_ada"
is status 200
is cache fwd=uri-miss
as gwen M11AA -H 'If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT'
is status 304
is cache fwd=uri-miss
upstream_lookups 5
[ "$(counter lookups_conditional)" = 0 ] || fail "the upstream got a conditional"
says echo= # now all users' answers have the same tag
as ada M12AB
of_all=$(field ETag)
as hugo M12AB -H "If-None-Match: $of_all"
is status 304
is cache fwd=uri-miss
upstream_lookups 2
says echo=X-User

# ---- calls are not shared by users ----

knob hold=1
begin ada1 M13AA -b identity=ada
held 1
begin bob1 M13AA -b identity=bob
held 2
begin bob2 M13AA -b identity=bob
begin ada2 M13AA -b identity=ada --head
begin bob3 M13AA -b identity=bob -H 'If-None-Match: *'
in_flight 5
knob hold=0
for name in ada1 bob1 bob2; do
    ended "$name"
    is status 200
    own "${name%?}"
done
is_like Cache-Status '.*; collapsed; .*'
of_bob=$(field ETag)
ended bob3
is status 304
is ETag "$of_bob"
ended ada2
[ "$(field ETag)" != "$of_bob" ] || fail "the fields of another"
upstream_lookups 2
[ "$(cache_count joined)" = 3 ] || fail "$(cache_count joined) joined"
stop_daemon
