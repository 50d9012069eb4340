# What the operator's page says, in its order.
# shellcheck shell=bash disable=SC2154 # of tests/systemd/inside

test_install_units() {
    local said
    said=$(SYSTEMD_LOG_LEVEL=notice systemd-analyze verify --man=no postcoded.service postcoded.socket 2>&1) ||
        fail "verify: $said"
    [ -z "$said" ] || fail "verify says: $said"
    systemd-analyze security --threshold=11 postcoded.service >/check/security 2>&1 ||
        fail "$(tail -n 1 /check/security)"
    [ "$version" -lt 254 ] || [ "$(shows RestartSteps)" -gt 0 ] || fail "the delay does not grow"
    ! systemctl -q is-enabled postcoded.service postcoded.socket || fail "enabled by the installation"
}

test_install_sysusers() {
    systemd-sysusers || fail "no user"
    chgrp -R postcoded /etc/postcoded || fail "no group"
    head -c 32 /dev/urandom | base64 | install -m 0640 -g postcoded /dev/stdin /etc/postcoded/identity.key
    printf %s "it's-a-secret" | install -m 0640 -g postcoded /dev/stdin /etc/postcoded/client.secret
    sed -i -e "s|^#* *address = .*|address = $standin|" "$ini"
    cp -p "$ini" "$ini.good"
    identity >/run/alice
    [ -s /run/alice ] || fail "no identity is minted"
}

test_check_and_probe() {
    has "$(postcoded --check 2>&1)" "no fault found"
    has "$(postcoded --probe 'M1 1AA' 2>&1)" "verdict"
}

test_start() {
    start
    state_is active || fail "it is $(shows ActiveState)"
    has_status() { [[ $(shows StatusText) == "Ready: "* ]]; }
    eventually has_status
    has "$(systemctl status postcoded)" "Status: \"Ready: "
}

test_lookup() {
    start
    [ "$(lookup)" = 200 ] || fail "the lookup is not answered"
}

test_journal_priorities() {
    start
    eventually serves
    says "lookups on"
    has "$(journal -p notice..notice)" "lookups on"
    has "$(journal -p info..info)" "status=200"
    break_ini
    systemctl kill -s HUP postcoded
    says "reload failed"
    has "$(journal -p err)" "postcoded.ini:" "reload failed"
}

# One GUID finds the access line and the token request that the lookup waited for, by its field.
test_journal_fields() {
    local found
    sed -i -e '/^\[log\]/a format = journal' -e '/^\[upstream location\]/a auth_prefetch = off' "$ini"
    start
    says "lookups on"
    [ "$(lookup -H 'X-GUID: the-first')" = 200 ] || fail "the lookup is not answered"
    by_guid() { # FIELD=VALUE...: how many lines
        journalctl -q --sync
        [ "$(journalctl -q -o json GUID=the-first "${@:2}" | wc -l)" -ge "$1" ]
    }
    eventually by_guid 1 STATUS=200 CODE=ok POSTCODED_USER=alice PRIORITY=6 SYSLOG_IDENTIFIER=postcoded
    eventually by_guid 1 UPSTREAM=location POSTCODED_GENERATION=1
    found=$(journalctl -q -o json GUID=the-first STATUS=200)
    has "$found" '"DURATION_USEC":"' '"MESSAGE":"GUID: the-first - request client=' \
        '"_TRANSPORT":"journal"' '"_SYSTEMD_UNIT":"postcoded.service"'
    # As before without a field; and after journald's end.
    has "$(journal -p info..info)" "GUID: the-first - request client="
    systemctl restart systemd-journald || fail "journald does not start again"
    [ "$(lookup -H 'X-GUID: the-second')" = 200 ] || fail "the lookup is not answered"
    says "GUID: the-second - request"
    [ "$(journalctl -q -o cat GUID=the-second STATUS=200 | wc -l)" = 1 ] || fail "not by its field"
    # By a reload to text and back.
    sed -i 's/^format = journal/format = text/' "$ini"
    systemctl reload postcoded || fail "the reload is refused"
    says "configuration reloaded"
    [ "$(lookup -H 'X-GUID: the-third')" = 200 ] || fail "the lookup is not answered"
    says "GUID: the-third - request"
    [ -z "$(journalctl -q -o cat GUID=the-third)" ] || fail "a field in the format text"
}

test_reload() {
    local before
    start
    before=$(pid)
    kept
    sed -i '/^\[log\]/a access = off' "$ini"
    systemctl reload postcoded || fail "the reload is refused"
    says "configuration reloaded"
    [ "$(pid)" = "$before" ] || fail "another process"
    has "$(curl -q -s --unix-socket /run/postcoded/admin.sock http://admin/config)" '"off"'
    is_kept
}

test_reload_broken() {
    local before said
    start
    before=$(pid)
    break_ini
    said=$(systemctl reload postcoded 2>&1) && fail "the reload seems to have worked"
    has "$said" "postcoded.service"
    is_active && [ "$(pid)" = "$before" ] || fail "it does not go on"
    serves || fail "no lookup"
    has "$(journal -p err)" "postcoded.ini:" "[upstream location] address"
    has "$(systemctl status postcoded)" "[upstream location] address"
    mend_ini
    systemctl reload postcoded || fail "the mended file is refused"
    says "configuration reloaded"
}

test_restart_keeps_token() {
    local before
    start
    before=$(pid)
    kept
    systemctl restart postcoded || fail "it does not start again"
    restarted "$before" || fail "the same process"
    is_kept
    serves || fail "no lookup"
}

test_stop_discards_token() {
    start
    kept
    systemctl stop postcoded || fail "it does not stop"
    state_is inactive || fail "it is $(shows ActiveState)"
    [ "$(shows NFileDescriptorStore)" = 0 ] || fail "descriptors are kept"
    start
    eventually has_token
    [ "$(counter token_requests)" = $((requests + 1)) ] || fail "the token was kept"
}

test_kill_keeps_token() {
    local before
    start
    kept
    before=$(pid)
    kill -KILL "$before"
    eventually restarted "$before"
    is_kept
    serves || fail "no lookup"
}

# More crashes than the manager forgives by default (five in ten seconds).
test_kill_eight_times() {
    local before
    restart_quickly
    start
    kept
    for _ in 1 2 3 4 5 6 7 8; do
        before=$(pid)
        kill -KILL "$before"
        eventually restarted "$before"
    done
    is_kept
}

test_watchdog_process_stopped() {
    local before
    restart_quickly WatchdogSec=1s
    start
    kept
    before=$(pid)
    kill -STOP "$before"
    eventually restarted "$before"
    says "watchdog"
    is_kept
}

# One worker's thread: the main loop goes on, and does not feed the watchdog.
test_watchdog_worker_stuck() {
    local before word tid
    restart_quickly WatchdogSec=1s
    start
    kept
    before=$(pid)
    coproc FROZEN { exec /check/bin/freeze "$before" worker 2>&1; }
    read -r -u "${FROZEN[0]}" word tid
    [ "$word" = frozen ] || skip "no thread can be stopped here: $word $tid"
    eventually said "Watchdog timeout"
    # The debugger of a thread keeps its process from being reaped.
    exec {FROZEN[1]}>&-
    eventually restarted "$before"
    is_kept
}

# Lookups under way when it is told to stop are answered, well within TimeoutStopSec.
test_stop_drains() {
    local code began took
    start
    kept
    knob hold=1
    lookup >/run/code &
    waiting() { [ "$(counter concurrent_now)" = 1 ]; }
    eventually waiting
    began=$(date +%s)
    systemctl --no-block stop postcoded
    eventually state_is deactivating
    knob hold=0
    wait
    code=$(cat /run/code)
    eventually state_is inactive
    took=$(($(date +%s) - began))
    [ "$code" = 200 ] || fail "the lookup under way got $code"
    [ "$(shows Result)" = success ] || fail "it ended with $(shows Result)"
    [ "$took" -lt 30 ] || fail "it took $took s"
}
