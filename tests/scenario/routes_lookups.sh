#!/bin/bash
# Which upstream a lookup goes to: by the longest prefix of its path, then by the longest beginning of
# its postcode, however that is written. What no route covers is 404. What holds for lookups at the
# built-in path holds at every prefix.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"
# shellcheck source=tests/scenario/upstreams_common.bash
. "$TOP/tests/scenario/upstreams_common.bash"

several_keys
set_key server workers 1
names=(uk ukm islands ireland birmingham query)
for name in "${names[@]}"; do
    add_upstream "$name"
    set_key "route $name" upstream "$name"
done
set_key 'route uk' prefix /uk/
set_key 'route ukm' prefix /uk/m/
set_key 'route islands' postcodes 'GY*, je'
set_key 'route ireland' postcodes 'B T 1, BT2'
set_key 'route birmingham' postcodes B
set_key 'route query' prefix /query/
set_key 'upstream query' lookup_target '/api/v1/addresses/{postcode}?of=us'
start_daemon
eventually is_ready

snapshot() {
    local name
    for name in "${names[@]}"; do
        echo "$name $(lookups_at "$name")"
    done
}
# goes_to NAME PATH: the lookup is made there, and there alone.
goes_to() {
    local before wanted
    before=$(snapshot)
    wanted=$(awk -v name="$1" '$1 == name { $2++ } { print }' <<<"$before")
    ask -i "http://$address$2" >"$here/answer"
    [ "$(snapshot)" = "$wanted" ] ||
        fail "$2 does not go to $1: $(cat "$here/answer"; diff <(echo "$before") <(snapshot))"
}
# refused STATUS CODE PATH [CURL-ARGUMENT...]: without a lookup anywhere.
refused() {
    local before
    before=$(snapshot)
    answer=$(ask -i --path-as-is "${@:4}" "http://$address$3")
    has "$answer" " $1 " "\"code\":\"$2\""
    [ "$(snapshot)" = "$before" ] || fail "$3 was looked up"
}
usual=/api/v1/addresses

goes_to uk /uk/M11AA
has "$(cat "$here/answer")" ' 200 ' '"town":"Manchester"'
goes_to uk /uk/GY11AA
goes_to uk /uk/M
goes_to ukm /uk/m/M11AA
has "$(cat "$here/answer")" ' 200 ' '"town":"Manchester"'
goes_to uk /uk/M11AA?a=b
goes_to birmingham $usual/B11AA
has "$(cat "$here/answer")" ' 200 ' '"town":"Birmingham"'
goes_to birmingham $usual/BT31AA
goes_to birmingham $usual/BN11AA
goes_to birmingham $usual/b
goes_to ireland $usual/BT11AA
has "$(cat "$here/answer")" ' 200 ' '"town":"Belfast"'
for postcode in bt11aa 'BT1%201AA' 'b%20t11aa' 'bT-1-1aA' '%42T11AA' BT1 BT29AA BT101AA; do
    goes_to ireland "$usual/$postcode"
done
for postcode in GY11AA 'gy1%201aa' G-Y1 JE23AB je; do
    goes_to islands "$usual/$postcode"
done

# Not covered, or no path at all. Neither is known to depend on the method first.
for path in $usual/M11AA $usual/G1 $usual/m1%201aa $usual/AB11AA $usual/GB1; do
    refused 404 not_found "$path"
done
for path in /ukM11AA /UK/M11AA /u/M11AA / /query /api/v1/ /uk /api/v1/address/B11AA; do
    refused 404 not_found "$path"
done
has "$answer" /uk/... /uk/m/... /query/... $usual/...
for path in $usual/B11AA /uk/M11AA /uk/m/M11AA $usual/M11AA; do
    refused 405 method_not_allowed "$path" -X POST
    has "$answer" "Allow: GET, HEAD"
done
refused 404 not_found /ukM11AA -X POST
# What is no postcode is that at each prefix.
for path in /uk/ /uk/m/ /uk/m1/1aa /uk/m/../M1 /query/M1%2F $usual/ $usual/B1%2FT; do
    refused 400 invalid_postcode "$path"
done

# The query is the caller's where the upstream's lookup_target has none.
goes_to query /query/M11AA
has "$(cat "$here/answer")" ' 200 '
refused 400 bad_request /query/M11AA?a=b
# An empty one, which newer versions of curl do not send.
"$driver/callers" --connect "$address" --path '/query/M11AA?' --count 1 --expect 400 >"$here/told" ||
    fail "$(cat "$here/told")"
goes_to uk /uk/M11AA?a=b
stop_daemon

# Access lines without postcodes, whatever the prefix, and whether or not a route covers them.
set_key log postcodes off
start_daemon
eventually is_ready
hidden=0
for path in /uk/ZZ99ZZ /uk/m/ZZ99ZZ /query/ZZ99ZZ /query/ZZ99ZZ?a=b $usual/BZZ99ZZ $usual/ZZ99ZZ /uk/ZZ99ZZ%2F \
    /uk/ZZ99ZZ/; do
    ask -H "X-GUID: g-$((++hidden))" "http://$address$path" >/dev/null
    line=$(logged "GUID: g-$hidden - request ")
    lacks "$line" ZZ99
    has "$line" "path=${path%/*ZZ99ZZ*}/"
done
ask -X POST -H "X-GUID: g-post" "http://$address/uk/m/ZZ99ZZ" >/dev/null
lacks "$(logged 'GUID: g-post - request ')" ZZ99
lacks "$(cat "$here/log")" ZZ99
stop_daemon
