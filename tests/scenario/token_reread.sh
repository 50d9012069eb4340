#!/bin/bash
# A wrong secret is replaced in its file, and nobody asks for a reload: the daemon reads the file again
# and tries what it holds now. Other changes of the configuration wait for a reload.
# shellcheck source=tests/scenario/token_common.bash
. "$TOP/tests/scenario/token_common.bash"

token_keys
cp "$here/client.secret" "$here/right.secret"
printf 'CANARY, wrong' >"$here/client.secret"
begin
logs 'token endpoint rejected'
[ "$(look_status)" = 503 ] || fail "with a wrong secret: $(cat "$here/log")"

# What cannot be used is said once, and tried by nobody.
chmod 0644 "$here/client.secret"
logs 'client_secret_file: others can read .*chmod 0640'

# The right one, put in place as an editor does; the level of the log is changed as well.
sed -i 's/^level = debug$/level = error/' "$here/pc.ini"
chmod 0600 "$here/right.secret"
mv "$here/right.secret" "$here/client.secret"
eventually is_ready
[ "$(look_status)" = 200 ] || fail "with the right secret: $(cat "$here/log")"
logs "the client's secret in its file changed: .* has it upstream=location"
logs 'token obtained'
logs 'debug .* token request'
[ "$(token requests_last_hour)" = 2 ] || fail "$(admin /tokens)"
[ "$(grep -c 'others can read' "$here/log")" = 1 ] || fail "said more than once: $(cat "$here/log")"

# A token request that is granted ends the reading: another content waits for a reload.
printf 'CANARY, wrong again' >"$here/client.secret"
[ "$(press refresh)" = 202 ] || fail "refresh"
eventually token_is generation 2
[ "$(look_status)" = 200 ] || fail "after a renewal: $(cat "$here/log")"
stop_daemon
exit 0
