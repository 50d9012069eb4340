#!/bin/bash
# [server] reload_on_change where the system has no watches left: one warning says so, the daemon
# serves, and SIGHUP reloads.
#
# In a namespace of users of its own, which has a limit of its own.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

in_namespaces "--user --map-root-user"

echo 0 2>/dev/null >/proc/sys/user/max_inotify_watches || skip "the limit cannot be set here"
start_standin
default_keys
set_key server reload_on_change on
start_daemon
eventually is_ready
line=$(logged 'reload_on_change')
has "$line" " warning " "$here cannot be watched" "fs.inotify.max_user_watches" "send SIGHUP"
for n in 1 2; do
    set_key log level info
    configure
    kill -HUP "$daemon"
    eventually metric_is postcoded_reloads_total "$n" 'result="success"'
done
[ "$(grep -c ' warning ' "$here/log")" = 1 ] || fail "more than one warning"
stop_daemon
