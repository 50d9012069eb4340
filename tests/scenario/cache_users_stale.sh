#!/bin/bash
# With forward_header, what is stale is the user's own as well: what is revalidated, with whose tag,
# what is given while the upstream fails, what is replaced behind the caller; and who was refused.
# shellcheck source=tests/scenario/cache_held_common.bash
. "$TOP/tests/scenario/cache_held_common.bash"

cache_keys stale_if_error=1h stale_while_revalidate=1h
with_users X-User
says 'cache_control=public, max-age=0, stale-while-revalidate=0' version=1
start_daemon
eventually is_ready

gets() { # USER POSTCODE CACHE VERSION [CURL-ARGUMENT...]
    as "$1" "$2" "${@:5}"
    is status 200
    own "$1" "$4"
    is_like cache "$3"
}
own() { # USER VERSION
    has "$body" "\"echo\":\"$1\""
    [ "$(version)" = "$2" ] || fail "version $(version), not $2"
}
conditional() {
    [ "$(counter lookups_conditional) $(counter lookups_not_modified)" = "$1 $2" ] ||
        fail "$(counter lookups_conditional) conditional, $(counter lookups_not_modified) not modified"
}

# ---- revalidation: with the tag of the user's own answer, and of no other's ----

gets ada M11AA fwd=uri-miss 1
gets bob M11AA fwd=uri-miss 1
conditional 0 0
gets ada M11AA fwd=stale 1
has "$fields" 'fwd=stale; fwd-status=304'
gets bob M11AA fwd=stale 1
conditional 2 2
gets carl M11AA fwd=uri-miss 1 -H "If-None-Match: $(field ETag)" # bob's
conditional 2 2
as carl M11AA -H "If-None-Match: $(field ETag)"
is status 304
has "$fields" 'fwd=stale; fwd-status=304'
conditional 3 3
upstream_lookups 6

# A 304 to one user is not an answer for the other, at the same time on one worker.
knob hold=1
begin ada1 M11AA -b identity=ada
held 1
says version=2
begin bob1 M11AA -b identity=bob
held 2
begin dan1 M11AA -b identity=dan
held 3
knob hold=0
ended ada1
own ada 1
has "$fields" 'fwd=stale; fwd-status=304'
ended bob1
own bob 2
has "$fields" 'fwd=stale; fwd-status=200'
ended dan1
own dan 2
upstream_lookups 3

# ---- stale_if_error: who has nothing of his own has nothing ----

knob lookup_status=500
gets ada M11AA fwd=stale 1
gets bob M11AA fwd=stale 2
for option in --get --head '-HIf-None-Match: *'; do
    as eve M11AA "$option"
    is status 502
    is cache fwd=uri-miss
done
as eve M11AA -m 20 -H 'Cache-Control: no-store'
is status 502
at_once() { # while it fails there is one try a second
    gets ada M11AA '.*' 1
    [ "$(seen cache)" = hit ]
}
eventually at_once
as eve M11AA
is status 502
knob lookup_status=0

# ---- a 403 may mean the user: it is no failure, and what that user had is gone ----

gets ada M13AA fwd=uri-miss 2
gets bob M13AA fwd=uri-miss 2
knob lookup_status=403
as ada M13AA
is status 502
is_like Cache-Status 'postcoded; fwd=stale; fwd-status=403'
knob lookup_status=500
as ada M13AA
is status 502
gets bob M13AA fwd=stale 2
knob lookup_status=0

# ---- stale_while_revalidate: what is replaced is of the user whose call it is ----

# replaced USER VERSION: what USER is given of M12AA comes to be that, and is its own all the while.
replaced() {
    eventually gives "$@"
}
gives() {
    as "$1" M12AA
    is status 200
    own "$1" "$(version)"
    [ "$(version)" = "$2" ]
}
says 'cache_control=public, max-age=0'
gets fred M12AA fwd=uri-miss 2
gets gwen M12AA fwd=uri-miss 2
says version=3 hold=1
gets fred M12AA hit 2
held 1
gets fred M12AA hit 2
begin hugo1 M12AA -b identity=hugo # there is a call that nobody waits for: it is not his
held 2
knob hold=0
ended hugo1
own hugo 3
replaced fred 3
says version=4
gets gwen M12AA hit 2
replaced gwen 4
replaced hugo 4
replaced fred 4
stop_daemon
