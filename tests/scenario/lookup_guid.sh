#!/bin/bash
# The GUID: the caller's where it is one, else a fresh UUID; on the answer, and in each log line
# about the request. (On the upstream's side it is in lookup_headers.vtc and lookup_guid.vtc.)
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

start_standin
default_keys
start_daemon
eventually is_ready

# guid_of CURL-ARGUMENT...: of the answer, which has exactly one.
guid_of() {
    local heads
    heads=$(ask -o /dev/null -D - "$@" "${target:-$at/M11AA}")
    [ "$(grep -ci "^${header:-x-guid}:" <<<"$heads")" = 1 ] || fail "not one GUID in: $heads"
    sed -n "s/^${header:-x-guid}: *\([^\r]*\)\r\$/\1/pI" <<<"$heads"
}
is_uuid() {
    [[ $1 =~ ^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$ ]] ||
        fail "no UUID: $1"
}
kept() {
    [ "$(guid_of -H "X-GUID: $1")" = "$1" ] || fail "not kept: $1"
    logged "GUID: $1 - request " >/dev/null
}
replaced() {
    local guid
    guid=$(guid_of "$@")
    is_uuid "$guid"
    logged "GUID: $guid - request " >/dev/null
}

long=$(printf 'x%.0s' {1..128})
kept a
kept "A.b_c:1-2"
kept "$long"
replaced
replaced -H "X-GUID: ${long}x"
replaced -H "X-GUID;"
replaced -H "X-GUID: a b"
replaced -H "X-GUID: a/b"
replaced -H "X-GUID: a\"b"
replaced -H "X-GUID: ä"
replaced -H "X-GUID: a" -H "X-GUID: a"
replaced -H "X-GUID: a" -H "x-guid: b"
[ "$(guid_of)" != "$(guid_of)" ] || fail "the same GUID twice"
# Of a refusal too.
[ "$(target=$at/nowhere%21 guid_of -H "X-GUID: bad")" = bad ] || fail "not of a refusal"
for path in /nowhere "$at/%21" "$at/M1?^"; do
    has "$(ask -i -H "X-GUID: of-a-refusal" "http://$address/${path#"http://$address/"}")" \
        "X-GUID: of-a-refusal" '"guid":"of-a-refusal"'
done
stop_daemon

set_key tracker trust_incoming off
set_key tracker header Request-Id
start_daemon
header=request-id
guid=$(guid_of -H "Request-Id: mine")
is_uuid "$guid"
logged "GUID: $guid - request" >/dev/null
lacks "$(cat "$here/log")" mine
set_key tracker trust_incoming on
stop_daemon
start_daemon
[ "$(guid_of -H "Request-Id: mine" -H "X-GUID: other")" = mine ] || fail "not under the other name"
lacks "$(ask -i -H "X-GUID: other" "$at/M11AA")" other
stop_daemon
