#!/bin/bash
# [server] reload_on_change: each way in which a file of the configuration becomes another reloads
# once; what happens beside the files reloads nothing; what is refused is not tried again until it
# changes.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

# A directory of its own: the daemon's log and its sockets are elsewhere.
conf=$here/conf
mkdir "$conf"
good=0
bad=0
counts() {
    metric_is postcoded_reloads_total "$good" 'result="success"' &&
        metric_is postcoded_reloads_total "$bad" 'result="failure"'
}
noticed() {
    [ "$(grep -c 'files of the configuration changed' "$here/log")" = $((good + bad - by_signal)) ]
}
by_signal=0
# reloaded WHAT: one more reload, and it went well.
reloaded() {
    good=$((good + 1))
    eventually counts || fail "$1"
    noticed || fail "$1: it reloads more often, or without saying why"
}
refused() {
    bad=$((bad + 1))
    eventually counts || fail "$1"
    noticed || fail "$1: it reloads more often, or without saying why"
}
level() {
    ask --unix-socket "$here/admin.sock" http://admin/config | tr -d '\n' |
        sed 's/.*"level": *{ *"value": "\([a-z]*\)".*/\1/'
}
# write_conf FILE: what start_daemon would read, there.
write_conf() {
    configure
    cp "$here/pc.ini" "$1"
}

start_standin
default_keys
printf demo >"$conf/client.secret"
chmod 600 "$conf/client.secret"
set_key 'upstream location' client_secret ''
set_key 'upstream location' client_secret_file "$conf/client.secret"
set_key server reload_on_change on
set_key log level notice
write_conf "$conf/first.ini"
# As Kubernetes mounts it: the file is a link by way of ..data, which is swapped.
mkdir "$conf/..1" "$conf/..2"
mv "$conf/first.ini" "$conf/..1/pc.ini"
ln -s ..1 "$conf/..data"
ln -s ..data/pc.ini "$conf/pc.ini"
: >"$here/log"
"$BUILD/postcoded" -c "$conf/pc.ini" 2>"$here/log" &
daemon=$!
started+=("$daemon")
eventually listens
address=$(sed -n 's/.*lookups on \([^;,]*\).*/\1/p' "$here/log")
at=http://$address/api/v1/addresses
eventually is_ready

# Swapped, and the old one removed, as it is done there.
set_key log level info
write_conf "$conf/..2/pc.ini"
ln -s ..2 "$conf/..new"
mv -T "$conf/..new" "$conf/..data"
rm -r "$conf/..1"
reloaded "a link swapped on the way"
[ "$(level)" = info ] || fail "the level is $(level)"

# The directory that the link leads to now is watched too.
set_key log level debug
write_conf "$conf/..2/pc.ini"
reloaded "written in place, behind the link"
[ "$(level)" = debug ] || fail "the level is $(level)"

# Noise, and behind it a change, of which one reload comes: the noise alone would have come first.
for name in .pc.ini.swp 4913 pc.ini~ daemon.log; do
    echo noise >"$conf/$name"
    echo more >>"$conf/$name"
done
rm "$conf/4913"
touch -a "$conf/pc.ini"
cat "$conf/client.secret" >"$here/read"
looked() {
    sleep 0.1
    look=$((look + 1))
    echo "$look" >"$conf/daemon.log"
    [ "$look" -ge 20 ]
}
look=0
eventually looked
counts && noticed || fail "noise reloads"

# As an editor does: a new file, renamed into place. While the noise goes on.
set_key log level notice
write_conf "$conf/..2/new"
mv "$conf/..2/new" "$conf/..2/pc.ini"
look=0
eventually looked
reloaded "a rename, with noise beside it"
[ "$(level)" = notice ] || fail "the level is $(level)"

# A directory of drop-ins appears, one in it, another, and they go.
mkdir "$conf/pc.ini.d"
printf '[log]\nlevel = info\n' >"$conf/pc.ini.d/1.ini"
reloaded "the first drop-in"
[ "$(level)" = info ] || fail "the level is $(level)"
printf '[log]\nlevel = debug\n' >"$conf/pc.ini.d/2.ini"
reloaded "another drop-in"
[ "$(level)" = debug ] || fail "the level is $(level)"
rm "$conf/pc.ini.d/2.ini"
reloaded "a drop-in removed"
rm -r "$conf/pc.ini.d"
reloaded "the directory removed"
[ "$(level)" = notice ] || fail "the level is $(level)"

# A secret; and one whose mode is wrong, which is refused, then mended.
printf 'demo\n' >"$conf/new.secret"
chmod 604 "$conf/new.secret"
mv "$conf/new.secret" "$conf/client.secret"
refused "a secret that others can read"
chmod 600 "$conf/client.secret"
reloaded "its mode mended"

# Refused, and the old one stays; the remedy is a file that only the refused one names.
set_key 'upstream location' client_secret_file "$here/later/secret"
write_conf "$conf/..2/pc.ini"
refused "a secret that is not there"
logged 'the configuration stays as it was' >/dev/null
[ "$(ask -o /dev/null -w '%{http_code}' "$at/M11AA")" = 200 ] || fail "no lookup"
mkdir "$here/later"
(umask 077 && printf demo >"$here/later/secret")
reloaded "the missing secret comes"
is_ready || fail "not ready"

# Removed altogether, and back.
mv "$conf/..2/pc.ini" "$here/away"
refused "no file"
mv "$here/away" "$conf/..2/pc.ini"
reloaded "the file is back"

# SIGHUP reads too, and its change is none for the watch. Then off: nothing is watched any more.
set_key server reload_on_change off
write_conf "$conf/..2/pc.ini"
kill -HUP "$daemon"
by_signal=1
reloaded "SIGHUP"
set_key log level info
write_conf "$conf/..2/pc.ini"
[ "$(find "/proc/$daemon/fdinfo" -type f -exec cat {} + | grep -c '^inotify')" = 0 ] ||
    fail "directories are watched, and it is off"
set_key server reload_on_change on
write_conf "$conf/..2/pc.ini"
kill -HUP "$daemon"
by_signal=2
reloaded "SIGHUP, on again"
[ "$(level)" = info ] || fail "the level is $(level)"
set_key log level notice
write_conf "$conf/..2/pc.ini"
reloaded "watched again"
[ "$(level)" = notice ] || fail "the level is $(level)"

# While it drains nothing is reloaded, and a watch does not keep it alive.
stop_daemon
lacks "$(cat "$here/log")" "nothing left to reload"
