#!/bin/bash
# Half of a fleet is cut off from the store: packets vanish, and nothing says so. Those members go on
# with their token, and take the successor that the others obtained when the path is back; if it
# stays away they request their own. No lookup fails meanwhile.
#
# In namespaces of its own: the store is in a second one, behind two pairs of interfaces, one for
# each half. A queue without room drops what the store sends to the second half.
. "$TOP/tests/scenario/fleet_common.bash"

for tool in ip tc nsenter; do
    command -v "$tool" >/dev/null || skip "there is no $tool"
done
in_namespaces --net
ip link set lo up

is_apart() {
    [ "$(readlink "/proc/$holder/ns/net")" != "$(readlink /proc/self/ns/net)" ]
}
far() {
    nsenter --net="/proc/$holder/ns/net" "$@"
}
# pair NUMBER: interfaces near and far, with 10.9.NUMBER.1 and 10.9.NUMBER.2.
pair() {
    ip link add "near$1" type veth peer name "away$1" netns "/proc/$holder/ns/net" 2>/dev/null ||
        skip "no pair of interfaces can be made here"
    ip addr add "10.9.$1.1/24" dev "near$1" && ip link set "near$1" up || fail "near$1"
    far ip addr add "10.9.$1.2/24" dev "away$1" && far ip link set "away$1" up || fail "away$1"
}
unshare --net sleep 1000 &
holder=$!
started+=("$holder")
eventually is_apart
far ip link set lo up
pair 1
pair 2

store_runner=(nsenter --net="/proc/$holder/ns/net")
start_store --port 6379 --bind 10.9.1.2 10.9.2.2 --protected-mode no
fleet_keys --lifetime 28
set_key fleet alone 100000
set_key fleet tls off
set_key fleet plaintext on
for name in a b c d; do
    case $name in
    a | b) set_key fleet servers 10.9.1.2:6379 ;;
    *) set_key fleet servers 10.9.2.2:6379 ;;
    esac
    start_member "$name"
done
each_member eventually is_ready
each_member eventually follows
are_alike || fail "tokens differ: $(fingerprints)"
first=$(fingerprints)
[ "$(counter tokens_issued)" = 1 ] || fail "$(counter tokens_issued) tokens at the start"

is_alone() {
    [ "$(fleet_says state)" = alone ]
}
cut() {
    far tc qdisc replace dev away2 root pfifo limit 0 || skip "no queue can be made here"
}
heal() {
    far tc qdisc del dev away2 root
}

# Until they have asked in vain, at half of the token's life. The others have renewed it.
cut
for name in c d; do
    at_member "$name" patiently is_alone
done
for name in a b; do
    at_member "$name" eventually follows
done
each_member succeeds || fail "a lookup failed"
heal
each_member eventually follows
patiently are_alike "$first"
[ "$(counter tokens_issued)" = 2 ] || fail "$(counter tokens_issued) tokens after the first cut"

# For longer than their token lasts.
cut
alone_requests() {
    local name sum=0
    for name in c d; do
        sum=$((sum + $(at_member "$name" metric postcoded_fleet_alone_requests_total \
            'upstream="location"')))
    done
    echo "$sum"
}
have_asked() {
    each_member succeeds || fail "a lookup failed"
    [ "$(alone_requests)" = 2 ]
}
patiently have_asked
for name in a b; do
    [ "$(at_member "$name" metric postcoded_fleet_alone_requests_total 'upstream="location"')" = 0 ] ||
        fail "$name asked alone"
done
heal
each_member patiently follows
patiently are_alike
each_member succeeds || fail "a lookup failed"
[ "$(counter lookups_unauthorized)" = 0 ] || fail "a token was carried that had run out"

keep_store
for name in a b c d; do
    end_member "$name"
done
