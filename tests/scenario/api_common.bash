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
