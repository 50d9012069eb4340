#!/bin/bash
# A fleet that is turned on and off, or moved, by reloads: the token stays, and nobody asks for
# another. What is under way at a reload is asked for again, other credentials are another fleet,
# and an upstream that is removed leaves it.
. "$TOP/tests/scenario/fleet_common.bash"

# requests N: so many token requests have been made.
requests() {
    [ "$(counter token_requests)" = "$1" ] || fail "$(counter token_requests) token requests, not $1"
}
has_no_fleet() {
    ! admin /tokens | grep -q '"fleet": {'
}
store_command() {
    redis-cli -s "$store_socket" "$@"
}
channels() {
    store_command pubsub channels '*' | grep -c .
}
channels_are() {
    [ "$(channels)" = "$1" ]
}
fails() {
    [ "$(look_status)" != 200 ] || fail "a lookup succeeded"
}
command -v redis-cli >/dev/null || skip "there is no redis-cli"

start_store
fleet_keys --lifetime 3600
set_key fleet servers ''
start_member a
at_member a eventually is_ready
at_member a has_no_fleet || fail "there is a fleet"
first=$(at_member a token fingerprint)

# On: the token is put into the store, and the next member has it.
set_key fleet servers "unix:$store_socket"
reload_member a
at_member a eventually follows
start_member b
at_member b eventually is_ready
at_member b eventually follows
are_alike || fail "tokens differ: $(fingerprints)"
[ "$(fingerprints)" = "$first" ] || fail "another token than before"
requests 1
at_member a logs 'put into the fleet'

# A reload that changes nothing of it leaves all as it is: the connections are the same ones.
clients() {
    store_command client list | sed -n 's/^id=\([0-9]*\) .*cmd=\(evalsha\|eval\|subscribe\).*/\1/p' | sort
}
clients=$(clients)
[ "$(wc -l <<<"$clients")" = 4 ] || fail "not two connections each: $(store_command client list)"
set_key log level info
reload_member a
set_key log level debug
reload_member a
[ "$(clients)" = "$clients" ] || fail "there are others: $(store_command client list)"
# Nor are there others where the member alone is another one.
set_key fleet alone 50
reload_member a
at_member a eventually follows
[ "$(clients)" = "$clients" ] || fail "there are others: $(store_command client list)"
lines=$(grep -c 'member of a fleet' "$fleet/a/log")
[ "$lines" = 1 ] || fail "it became a member $lines times"
at_member a follows || fail "it does not follow: $(at_member a admin /tokens)"

# Elsewhere in the store: the same.
set_key fleet prefix moved
reload_member a
at_member a eventually follows
reload_member b
at_member b eventually follows
[ "$(fingerprints)" = "$first" ] || fail "another token than before"
requests 1
eventually channels_are 1

# Off, and on again: it finds its own token in the store.
set_key fleet servers ''
reload_member a
at_member a has_no_fleet || fail "there is a fleet"
at_member a logs 'the daemon is no member of a fleet any more'
at_member a succeeds || fail "a lookup failed"
set_key fleet servers "unix:$store_socket"
reload_member a
at_member a eventually follows
[ "$(fingerprints)" = "$first" ] || fail "another token than before"
requests 1

# A configuration that cannot be used changes nothing.
set_key fleet servers nowhere
reload_member a failed
at_member a follows || fail "it does not follow: $(at_member a admin /tokens)"
set_key fleet servers "unix:$store_socket"

# Time for what is held below.
set_key 'upstream location' auth_timeout 60s
reload_member a
at_member a eventually follows

# What is under way, with the lease in hand, is asked for again: the lease is still ours.
knob token_hold=1
at_member a press refresh >/dev/null
reached token_requests=2
set_key fleet alone 30
reload_member a
reached token_requests=3
knob token_hold=0
eventually are_alike "$first" || fail "tokens differ: $(fingerprints)"
requests 3
[ "$(at_member b metric postcoded_token_requests_total 'upstream="location",result="success"')" = 0 ] ||
    fail "b has asked, too"

# Another upstream, with another client: another id, and another token. Removed, it leaves.
set_key 'upstream other' address "$url"
set_key 'upstream other' client_id "$client"
set_key 'upstream other' client_secret_file "$fleet/client.secret"
set_key 'upstream other' auth_scope more
set_key 'route all' upstream 'other, location'
reload_member a
eventually channels_are 2
reached token_requests=4
each_member succeeds || fail "a lookup failed"
other=$(counter lookups)
knob hold=1
at_member a look_status >"$here/held" &
held=$!
started+=("$held")
reached "lookups=$((other + 1))"
set_key fleet prefix again
for key in address client_id client_secret_file auth_scope; do
    unset "setting[upstream other/$key]"
done
set_key 'route all' upstream location
reload_member a
reload_member b
eventually channels_are 1
at_member a eventually follows
knob hold=0
wait "$held"
[ "$(cat "$here/held")" = 200 ] || fail "the lookup that was under way: $(cat "$here/held")"
each_member eventually follows
each_member succeeds || fail "a lookup failed"

# A secret that is wrong does not take the token along that another one was given for.
tokens=$(store_command --scan --pattern '*:t' | wc -l)
cp "$fleet/client.secret" "$fleet/client.good"
printf 'CANARY, a wrong one\n' >"$fleet/api.secret"
at_member a press refresh >/dev/null
at_member a logs "rejected the client's credentials"
rejected=$(counter token_requests)
printf 'CANARY, a third one\n' >"$fleet/client.secret"
reached "token_requests=$((rejected + 1))"
[ "$(store_command --scan --pattern '*:t' | wc -l)" = "$tokens" ] || fail "it took it along"
each_member succeeds || fail "a lookup failed"
cp "$fleet/client.good" "$fleet/api.secret"
cp "$fleet/client.good" "$fleet/client.secret"
reload_member a
reload_member b
each_member eventually follows

# The client's secret is replaced at the provider and the token revoked. One member is refused, and
# the other one waits for it. Then the secret is in the file that both read, and they meet under its
# id.
last=$(fingerprints)
issued=$(counter tokens_issued)
printf 'CANARY, another one\n' >"$fleet/api.secret"
ask -X POST "$url/standin/revoke"
each_member fails
printf 'CANARY, another one\n' >"$fleet/client.secret"
eventually are_alike "$last"
each_member eventually follows
each_member succeeds || fail "a lookup failed"
more=$(($(counter tokens_issued) - issued))
[ "$more" = 1 ] || fail "$more tokens were issued for another secret"

keep_store
end_member a
end_member b
