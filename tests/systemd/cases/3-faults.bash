# What is missing at a start, or wrong, for longer than the manager forgives by default; and what
# comes later heals by itself.
# shellcheck shell=bash disable=SC2154 # of tests/systemd/inside

never_failed() {
    ! state_is failed || fail "failed for good: $(shows Result)"
}

test_start_broken_ini() {
    local said
    restart_quickly
    break_ini
    said=$(systemctl start postcoded 2>&1) && fail "the start seems to have worked"
    has "$said" "postcoded.service"
    has "$(journal -p err)" "postcoded.ini:" "[upstream location] address"
    eventually tried 8
    never_failed
    mend_ini
    eventually is_active
    serves || fail "no lookup"
}

# The delay between starts grows while they fail, and a start that succeeds begins anew.
test_delay_grows() {
    [ "$version" -ge 254 ] || skip "systemd $version has no RestartSteps="
    break_ini
    systemctl start postcoded 2>/dev/null
    grown() { [[ $(shows RestartUSecNext) =~ ^([3-9]|[0-9]{2,})(\.[0-9]*)?s|min ]]; }
    eventually grown
    mend_ini
    eventually is_active
    shrunk() { [ "$(shows NRestarts)" = 0 ]; }
    eventually shrunk
    [ "$(shows RestartUSecNext)" = 1s ] || fail "the next delay is $(shows RestartUSecNext)"
}

# The manager stops first and starts then: this is what `postcoded --check &&` in front is for.
# What survives is the token; and the mended file is found without a hand.
test_restart_broken_ini() {
    restart_quickly
    start
    kept
    break_ini
    postcoded --check 2>/dev/null && fail "--check lets it pass"
    systemctl restart postcoded 2>/dev/null && fail "the restart seems to have worked"
    eventually tried 4
    never_failed
    mend_ini
    eventually is_active
    is_kept
}

# An address that comes later than five seconds and more than five starts.
test_address_missing() {
    restart_quickly
    sed -i 's|^\[server\]|&\nlisten = 192.0.2.1:8080|' "$ini"
    systemctl start postcoded 2>/dev/null && fail "it started without the address"
    has "$(journal -p err)" 192.0.2.1:8080
    eventually tried 8
    never_failed
    ip address add 192.0.2.1/32 dev lo
    eventually is_active
    server=http://192.0.2.1:8080/api/v1/addresses
    serves || fail "no lookup"
}

# With the delays as they are installed, and the port another's for longer than five seconds.
test_port_taken() {
    local began
    systemd-run -q --unit=squatter /check/bin/location-standin --listen 127.0.0.1:8080
    occupied() { curl -q -s -o /dev/null "http://127.0.0.1:8080/standin/counters"; }
    eventually occupied
    began=$(date +%s)
    systemctl start postcoded 2>/dev/null && fail "it started on a port that is taken"
    has "$(journal -p err)" 127.0.0.1:8080
    longer() { [ $(($(date +%s) - began)) -gt 6 ]; }
    eventually longer
    never_failed
    systemctl stop squatter
    eventually is_active
    serves || fail "no lookup"
}

test_credential_missing() {
    local name
    restart_quickly
    for name in client.secret identity.key; do
        mv "/etc/postcoded/$name" /run/
        mark
        systemctl start postcoded 2>/dev/null && fail "it started without $name"
        has "$(journal -p err)" "postcoded.ini:" "$name" "LoadCredential="
        [ "$(shows ExecMainStatus)" = 1 ] || fail "it ended with $(shows ExecMainStatus)"
        mv "/run/$name" /etc/postcoded/
        eventually is_active
        serves || fail "no lookup"
        systemctl stop postcoded
    done
}

# Who names no credential needs no file.
test_credentials_not_used() {
    mv /etc/postcoded/client.secret /etc/postcoded/identity.key /run/
    sed -i -e 's|^client_secret_file = .*|client_secret = '"it's-a-secret"'|' \
        -e 's|^key_file = .*|mode = off|' "$ini"
    start
    serves || fail "no lookup"
}

# A secret that changed is read by a restart. A reload does not see it (postcoded(8)); of systemd 252
# it does, for there each command of the unit gets the credentials anew.
test_credential_changed() {
    start
    kept
    mv /etc/postcoded/client.secret /run/
    echo "another" | install -m 0640 -g postcoded /dev/stdin /etc/postcoded/client.secret
    if [ "$version" -ge 254 ]; then
        systemctl reload postcoded || fail "the reload is refused"
        says "configuration reloaded"
        is_kept
    fi
    systemctl restart postcoded || fail "it does not start again"
    refused() { [ "$(counter token_requests)" -gt "$requests" ]; }
    eventually refused
}
