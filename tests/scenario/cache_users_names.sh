#!/bin/bash
# With forward_header no name of a user, and no target, is taken for another: not where the two side
# by side look alike, not without an identity, not across a reload that turns users on.
# shellcheck source=tests/scenario/cache_common.bash
. "$TOP/tests/scenario/cache_common.bash"

cache_keys
with_users X-User
set_key identity mode jwt # whose names may have any character
set_key identity key_file identity.key
says 'cache_control=public, max-age=3600'
set_key log access off
start_daemon
eventually is_ready

# ---- names and targets that look alike when they are put together ----

long=$(printf '%0127d' 0)
users=(x y X 'xM11AA' 'M11AA' '/api/v1/addresses/M11AA' 'x y' 'x  y' 'x|y' 'x"y' '"x"' "x'y" 'x\y' 'x%3Fy' 'x%00' 'x%' 0
    0x '*' '(null)' NULL "$long" "${long}a" "${long}b" "${long%0}" '?' '?y' '?yx' '?xx' '?a=bx' 'M11AA?a=b')
targets=(M11AA M11AB 'M11AA?y' 'M11AA?x' 'M11AA?a=b')
for separator in '?' / : , ';' = '&' - .; do # a target that ends as a user begins, and the other way round
    users+=("x${separator}y" "${separator}x")
    targets+=("M11AA?y${separator}x" "M11AA?${separator}")
done
declare -A identities=()
for user in "${users[@]}"; do
    identities[$user]=$(mint "$user") || fail "$user is no user"
done
# ask_all CACHE: each user for each target, all of a user on one connection, gets what is his own.
ask_all() {
    local user target arguments heads
    for user in "${users[@]}"; do
        arguments=()
        for target in "${targets[@]}"; do
            arguments+=("$at/$target")
        done
        ask -i -H "Authorization: Bearer ${identities[$user]}" "${arguments[@]}" >"$here/all"
        heads=$(grep -c "^Cache-Status: postcoded; $1" "$here/all")
        [ "$heads" = "${#targets[@]}" ] || fail "$user: $(grep -a -e ^Cache-S -e '^HTTP' "$here/all")"
        owns "$user"
    done
}
# owns USER: in each address that came.
owns() {
    local name=${1//\\/\\\\} echoes
    name=\"echo\":\"${name//\"/\\\"}\"
    echoes=$(grep -o -F -e "$name" "$here/all" | wc -l)
    [ "$echoes" = "$(grep -c ' 200 OK' "$here/all")" ] || fail "not all is of $1: $(cat "$here/all")"
}
ask_all 'fwd=uri-miss; fwd-status=200; stored'
upstream_lookups $((${#users[@]} * ${#targets[@]}))
items $((${#users[@]} * ${#targets[@]}))
ask_all 'hit'
upstream_lookups 0

# ---- no user is not a user ----

without_user() { # CACHE
    look M11AA
    is status 200
    has "$body" '"echo":""'
    is cache "$1"
}
set_key identity mode off
reload
without_user fwd=uri-miss
without_user hit
look M11AA -b 'identity=x'
is cache hit
has "$body" '"echo":""' # nobody is told, so nobody is asked for
set_key identity mode plain
reload
as x M11AA
is cache hit # as before: it was asked for x
has "$body" '"echo":"x"'
for user in nobody '""x' '(none)'; do
    as "$user" M11AA
    is cache fwd=uri-miss
    has "$body" "echo"
    lacks "$body" '"echo":""'
done
upstream_lookups 4

# ---- users are turned on: what was brought without one is nobody's ----

forget >"$here/forgotten"
set_key identity forward_header ''
reload
as ada M11AA
is cache fwd=uri-miss
has "$body" '"echo":""'
as bob M11AA
is cache hit # the upstream cannot tell who asks
set_key identity forward_header X-User
reload
for user in ada bob; do
    as "$user" M11AA
    is cache fwd=uri-miss
    has "$body" "\"echo\":\"$user\""
done
upstream_lookups 3
# They are told by another field: another question.
set_key identity forward_header X-Person
says echo=X-Person
reload
as ada M11AA
is cache fwd=uri-miss
has "$body" '"echo":"ada"'
# Off again: none of the two who were named.
set_key identity forward_header ''
reload
as bob M11AA
has "$body" '"echo":""'
# The daemon's client is many: [cache] as = service is a fault then, and a reload to it fails.
set_key identity forward_header X-User
set_key cache as service
configure
kill -HUP "$daemon"
eventually metric_is postcoded_reloads_total 1 'result="failure"'
stop_daemon
