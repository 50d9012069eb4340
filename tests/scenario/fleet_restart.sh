#!/bin/bash
# A member that crashes and has its token kept by the service manager: it is ready at once, and finds
# out by the token's value which generation of the fleet's it is. Where the store has lost it in the
# meantime, the member puts it back. Nobody makes a request for that.
# shellcheck source=tests/scenario/systemd_common.bash
. "$TOP/tests/scenario/systemd_common.bash"
. "$TOP/tests/scenario/fleet_common.bash"

requests() {
    [ "$(counter token_requests)" = 1 ] || fail "$(counter token_requests) token requests"
}

command -v redis-cli >/dev/null || skip "there is no redis-cli"
start_store
fleet_keys --lifetime 3600
start_member b
at_member b eventually follows
first=$(at_member b token fingerprint)

mkdir "$here/a"
here=$fleet/a
member_keys
manage --restart
eventually follows
told 1 '^FDSTORE=1\\nFDNAME=postcoded-token \[1 fd\]$'
[ "$(token fingerprint)" = "$first" ] || fail "another token than b's"

kill -KILL "$daemon"
find_daemon 2
is_ready || fail "not ready at once"
logs 'token restored from before the restart'
eventually follows
[ "$(token fingerprint)" = "$first" ] || fail "another token than before the crash"
[ "$(fleet_says generation)" = "$(at_member b fleet_says generation)" ] || fail "another generation"
requests

# The store has lost all, and knows of no generation. The token is as good as it was.
redis-cli -s "$store_socket" flushall >/dev/null
kill -KILL "$daemon"
find_daemon 3
eventually follows
logs 'the token was put into the fleet'
[ "$(token fingerprint)" = "$first" ] || fail "another token than before the crash"
start_member c
at_member c eventually follows
[ "$(at_member c token fingerprint)" = "$first" ] || fail "another token for the next one"
requests

keep_store
end_managed
end_member b
end_member c
