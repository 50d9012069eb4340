#!/bin/bash
# The end with shared calls under way: whoever waits is answered, or cut off as without a cache; a
# second signal ends at once. A call that nobody waits for keeps nobody from ending.
# shellcheck source=tests/scenario/cache_held_common.bash
. "$TOP/tests/scenario/cache_held_common.bash"

cache_keys as=service stale_while_revalidate=1h
set_key server request_timeout 60s
set_key server drain_timeout 1h
# begins: a daemon, with an answer at hand, and three who wait for one call, two for another.
begins() {
    rm -f "$here"/*.status
    says hold=0
    start_daemon
    eventually is_ready
    look M11AA
    says hold=1
    begin one M12AA
    held 1
    begin two M12AA
    begin three M12AA --head
    begin four M13AA
    held 2
    begin five M13AA -H 'If-None-Match: *'
    in_flight 5
    known_lookups=$(counter lookups)
}
ends() {
    wait "$daemon" || fail "the daemon ended with $?"
    lacks "$(cat "$here/log")" ' error ' MUST
}
refused() {
    ! (exec {try}<>"/dev/tcp/${address%:*}/${address##*:}") 2>/dev/null
}

# ---- SIGTERM: all are answered; who comes before the listeners close as well ----

set_key server drain_delay 1h
begins
kill -TERM "$daemon"
logged 'SIGTERM: draining' >/dev/null
look M11AA
is status 200
is cache hit
begin six M12AA
in_flight 6
upstream_lookups 0
is_ready && fail "ready while it drains"
has "$(ask "$url/standin/counters")" '"aborted":0'
says hold=0
for name in one two three four six; do
    ended "$name"
    is status 200
done
is_like Cache-Status '.*; collapsed; stored; .*'
ended five
is status 304
stop_daemon INT # drain_delay is not over

set_key server drain_delay 0s
begins
kill -TERM "$daemon"
eventually refused
has "$(ask "$url/standin/counters")" '"aborted":0'
says hold=0
for name in one two three four; do
    ended "$name"
    is status 200
done
ends
logged 'drained: every lookup has its response' >/dev/null

# ---- drain_timeout: they are cut off, each is counted, and the calls are cancelled ----

aborted=$(counter aborted)
set_key server drain_timeout 200ms
begins
within 5000 stop_daemon
for name in one two three four five; do
    ended "$name"
    is status 000
done
logged 'drain_timeout is over: 5 lookups are cut off' >/dev/null
has "$(access two)" ' code=cancelled ' ' cache=joined flight=one'
counted aborted=$((aborted + 2)) >/dev/null

# ---- a second signal ----

set_key server drain_timeout 1h
begins
kill -TERM "$daemon"
logged draining >/dev/null
within 5000 stop_daemon INT
for name in one five; do
    ended "$name"
    is status 000
done
logged 'second signal (SIGINT): ending at once' >/dev/null
counted aborted=$((aborted + 4)) >/dev/null

# ---- a call that nobody waits for: it is cancelled, and delays nothing ----

for signals in TERM 'TERM INT'; do
    says hold=0 'cache_control=private, max-age=0'
    start_daemon
    eventually is_ready
    look M11AA
    says hold=1
    look M11AA
    is cache hit
    held 1
    calling 1
    aborted=$(counter aborted)
    for signal in $signals; do
        kill -s "$signal" "$daemon"
    done
    within 5000 ends
    counted aborted=$((aborted + 1)) >/dev/null
done
lacks "$(cat "$here/log")" 'cut off'
