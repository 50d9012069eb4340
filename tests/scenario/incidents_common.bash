# Five incidents, each with a stand-in and a daemon of its own, for the scenario that reads what the
# status page says of them and for tests/browser/screenshots.
# shellcheck shell=bash

# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

# What the page says is wrong, in the order of the incidents.
incidents=(endpoint-down secret-refused upstream-slow token-rejected quota-used-up)

# calm INCIDENT: all is well, and there are lookups; sets page (HOST:PORT). In a subshell of its own,
# which ends what it started.
calm() {
    here=$here/$1
    mkdir "$here"
    started=()
    trap end_all EXIT
    start_standin
    # Few lookups, for there are five daemons.
    knob 'delay=40&lifetime=600'
    default_keys
    set_key metrics listen 127.0.0.1:0
    set_key server request_timeout 4s
    set_key log access off
    set_key 'upstream location' auth_token_early_expiry 2m
    start_daemon
    page=$(sed -n 's/.*metrics on \([0-9.:]*\).*/\1/p' "$here/log")
    eventually page_is_ready
    callers --count 2 --seconds 3000 --timeout 3600 >"$here/load" 2>&1 &
    started+=("$!")
}
page_is_ready() {
    ask -f "http://$page/readyz" >/dev/null
}
ask_another_token() {
    ask --unix-socket "$here/admin.sock" -X POST "http://admin/tokens/location/refresh" >/dev/null
}

# break_it INCIDENT
break_it() {
    case $1 in
    endpoint-down) knob token_down=1 && ask_another_token ;;
    secret-refused) knob token_status=401 && ask_another_token ;;
    upstream-slow) knob delay=2500 ;;
    token-rejected) knob unauthorized=1000000 ;;
    quota-used-up) knob 'lookup_status=429&retry_after=0' ;; # each lookup asks, and takes its time
    esac
}
