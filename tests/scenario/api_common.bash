# What the scenarios about real Location APIs share, on top of token_common.bash: the emulator of
# tests/emulator, and a daemon that has the configuration of conf/examples.
# shellcheck shell=bash

# shellcheck source=tests/scenario/token_common.bash
. "$TOP/tests/scenario/token_common.bash"

apis=$TOP/tests/apis
client=us

# start_emulator NAME: sets url, and secret (what the API knows its client by).
start_emulator() {
    local said line
    name=$1
    folder=$apis/$name
    line=$(grep -m 1 '"secret"' "$folder/api.json")
    line=${line#*: \"}
    secret=$(printf '%b' "${line%\"}")
    secret=${secret//\\\"/\"}
    exec {said}< <(exec "$driver/emulator" "$folder" 2>"$here/emulator.log")
    started+=("$!")
    read -r _ _ url <&"$said" || fail "no emulator: $(cat "$here/emulator.log")"
}
# press_emulator PATH: a control, as tests/emulator/control.c has them.
press_emulator() {
    [ "$(ask -X POST -o /dev/null -w '%{http_code}' "$url/emulator/$1")" = 204 ] ||
        fail "the emulator does not know $1"
}
# seen COUNTER: its present value.
seen() {
    ask "$url/emulator/counters" | sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p"
}
# last KIND: the last token request or lookup, as JSON.
last() {
    ask "$url/emulator/last?of=$1"
}

# ---- a daemon with the configuration of conf/examples ----

api_keys() {
    head -c 32 /dev/urandom | base64 >"$here/identity.key"
    printf '%s\n' "$secret" >"$here/client.secret"
    chmod 0640 "$here/identity.key" "$here/client.secret"
    set_key server listen 127.0.0.1:0
    set_key server workers 2
    set_key metrics listen "unix:$here/metrics.sock"
    set_key admin listen "unix:$here/admin.sock"
    set_key identity mode off
    set_key log level debug
    set_key "upstream $name" address "$url"
    issuer=$(sed -n 's|^auth_url = https://[^/]*||p' "$TOP/conf/examples/$name.ini")
    set_key "upstream $name" auth_url "${issuer:+$url$issuer}"
}
# configure: the example as it is, or with what is commented out in it (example=all), and our keys in
# a drop-in file.
example=default
configure() {
    local key section last=
    cp "$TOP/conf/examples/$name.ini" "$here/pc.ini"
    [ "$example" = default ] || sed -i 's/^#\([a-zA-Z]\)/\1/' "$here/pc.ini"
    mkdir -p "$here/pc.ini.d"
    while IFS= read -r key; do
        section=${key%/*}
        [ "$section" = "$last" ] || echo "[$section]"
        last=$section
        [ -z "${setting[$key]}" ] || echo "${key##*/} = ${setting[$key]}"
    done < <(printf '%s\n' "${!setting[@]}" | sort) >"$here/pc.ini.d/test.ini"
    chmod 0640 "$here/pc.ini" "$here/pc.ini.d/test.ini"
}
upstream() {
    set_key "upstream $name" "$1" "$2"
}
# press ACTION: refresh or forget; prints the status.
press() {
    admin "/tokens/$name/$1" -X POST -o /dev/null -w '%{http_code}'
}

# look_up POSTCODE [CURL-ARGUMENT...]: sets status; the body is in $here/body, byte for byte.
look_up() {
    status=$(ask -o "$here/body" -D "$here/head" -w '%{http_code}' "${@:2}" \
        "http://$address/api/v1/addresses/$1")
}
# gets FILE POSTCODE: 200 with the bytes of that file.
gets() {
    look_up "$2"
    [ "$status" = 200 ] && cmp -s "$here/body" "$folder/$1" ||
        fail "$1 for $2: $status $(cat "$here/body" "$here/emulator.log")"
}
# reads TEXT POSTCODE: 200 with these bytes, as JSON.
reads() {
    look_up "$2"
    [ "$status" = 200 ] && [ "$(cat "$here/body")" = "$1" ] ||
        fail "$1 for $2: $status $(cat "$here/body" "$here/emulator.log")"
    has "$(tr -d '\r' <"$here/head")" "Content-Type: application/json"
}
# problem STATUS CODE POSTCODE
problem() {
    look_up "$3"
    [ "$status" = "$1" ] || fail "$3: $status in place of $1: $(cat "$here/body")"
    has "$(cat "$here/body")" "\"code\":\"$2\""
}
# sends FILE [TIMES]: the API answers lookups so (the next one). issues FILE: token requests.
sends() {
    press_emulator "play?lookup=$1&times=${2:-1}"
}
issues() {
    press_emulator "play?token=$1&times=1"
}
# asked N: so many token requests since the last time.
before=0
asked() {
    local now
    now=$(seen token_requests)
    [ $((now - before)) = "$1" ] || fail "$((now - before)) token requests in place of $1"
    before=$now
}
faultless() {
    [ "$(seen faults)" = 0 ] || fail "$(cat "$here/emulator.log")"
}

# What every API has. The caller sets: known, unknown (as a caller writes them), not_there (STATUS
# CODE for the unknown one), lifetime (of a token), small (the answer as an address), refused_says
# (what the log says of a refusal), wrong=(KEY VALUE FAULT) for one key that is not as the API needs
# it; and may define more_lookups and more_tokens.
slack=0 # of a lifetime that is a point in time
more_lookups() { :; }
more_tokens() { :; }

# lives SECONDS [SLACK]: the present token's lifetime.
lives() {
    about "$(token lifetime_seconds)" $(($1 - ${2:-0})) $(($1 + ${2:-0})) || fail "$(admin /tokens)"
}

api_lookups() {
    begin
    eventually is_ready
    asked 1
    lives "$lifetime" "$slack"
    gets found.json "$known"
    # shellcheck disable=SC2086 # two words
    problem $not_there "$unknown"
    if [ -e "$folder/many.json" ]; then
        sends many.json
        gets many.json "$known"
    fi

    # Over the quota: told to the caller, and the token stays.
    sends limited.json
    problem 429 upstream_rate_limited "$known"
    if grep -q '"limited.json".*"Retry-After"' "$folder/api.json"; then
        has "$(tr -d '\r' <"$here/head")" "Retry-After: $(sed -n 's/.*"limited.json".*"Retry-After": "\([0-9]*\)".*/\1/p' "$folder/api.json")"
        lookups=$(seen lookups)
        problem 429 upstream_rate_limited "$known"
        [ "$(seen lookups)" = "$lookups" ] || fail "a lookup was sent before Retry-After was over"
        asked 0
        stop_daemon
        begin
        eventually is_ready
        asked 1
    fi
    gets found.json "$known"
    asked 0

    # The URL is the operator's where it has a query.
    if grep -q '"target": ".*?.*{postcode}' "$folder/api.json"; then
        lookups=$(seen lookups)
        problem 400 bad_request "$known?maxresults=1"
        [ "$(seen lookups)" = "$lookups" ] || fail "a lookup with the caller's query was sent"
    fi
    more_lookups
    asked 0

    # Expired: one new token, and the lookup again.
    press_emulator expire
    gets found.json "$known"
    [ "$(seen lookups_expired)" = 1 ] || fail "$(ask "$url/emulator/counters")"
    asked 1
    gets found.json "$known"
    asked 0
    faultless
    stop_daemon
}

api_address() {
    example=all
    begin
    eventually is_ready
    asked 1
    reads "$small" "$known"
    # shellcheck disable=SC2086 # two words
    problem $not_there "$unknown"
    if [ -e "$folder/many.json" ]; then
        sends many.json
        reads "$small" "$known"
    fi
    more_tokens
    faultless
    stop_daemon
    example=default
}

# --probe costs one token request and one lookup, and finds nothing to say against the example.
api_probe() {
    local lookups
    lookups=$(seen lookups)
    before=$(seen token_requests)
    probe "${known//%20/ }"
    [ "$verdict" = 0 ] || fail "$told"
    has "$told" 'ok: token request and lookup succeeded'
    lacks "$told" early_expiry
    asked 1
    [ "$(seen lookups)" = $((lookups + 1)) ] || fail "$(seen lookups) lookups after $lookups"
    faultless
}

# A client that the API does not know: callers are told so, the log says what the API said, and the
# secret is nowhere.
api_refused() {
    printf 'CANARY of another client' >"$here/client.secret"
    upstream auth_prefetch off
    before=$(seen token_requests)
    begin
    problem 503 token_unavailable "$known"
    asked 1
    logs "the token endpoint rejected $refused_says"
    [ "$(seen faults)" = 1 ] || fail "$(cat "$here/emulator.log")"
    grep -q "^emulator: $name: client: " "$here/emulator.log" || fail "$(cat "$here/emulator.log")"
    stop_daemon
    printf '%s' "$secret" >"$here/client.secret"
}

# The emulator is strict: with one key wrong nothing works, and it says which part of the request.
api_wrong() {
    upstream "${wrong[0]}" "${wrong[1]}"
    begin
    look_up "$known"
    [ "$status" != 200 ] || fail "${wrong[0]} = ${wrong[1]} was good enough"
    grep -q "^emulator: $name: ${wrong[2]}: " "$here/emulator.log" ||
        fail "not for its ${wrong[2]}: $(cat "$here/emulator.log")"
    stop_daemon
}

play_api() {
    start_emulator "$1"
    api_keys
    api_lookups
    api_address
    api_probe
    api_refused
    api_wrong
    exit 0
}
