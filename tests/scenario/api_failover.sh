#!/bin/bash
# Two real APIs of different shapes behind one route: with answer = address a caller gets the same
# object from either. The emulators refuse every request that is not theirs: another's token,
# header, target or way to ask for a token.
# shellcheck source=tests/scenario/api_common.bash
# shellcheck disable=SC2034,SC2153 # variables of api_common.bash
. "$TOP/tests/scenario/api_common.bash"

known=99950
small='{"postcode":"99950","country":"US"}'
first=azure-maps
second=arcgis-geocode
declare -A urls=() pids=()

# plays NAME: press_emulator, seen, last and faultless are of that API.
plays() {
    name=$1
    folder=$apis/$1
    url=${urls[$1]}
}

# add_api NAME: its emulator, its section with the lines for answer = address, and its secret.
add_api() {
    start_emulator "$1"
    mv "$here/emulator.log" "$here/emulator-$1.log"
    ln -sf "emulator-$1.log" "$here/emulator.log"
    urls[$1]=$url
    pids[$1]=${started[-1]}
    printf '%s\n' "$secret" >"$here/$1.secret"
    chmod 0640 "$here/$1.secret"
    issuer=$(sed -n 's|^auth_url = https://[^/]*||p' "$TOP/conf/examples/$1.ini")
    sed -e 's/^#\([a-zA-Z]\)/\1/' -e '/^\[upstream/,$!d' "$TOP/conf/examples/$1.ini" >"$here/$1.section"
    sed -i -e "s|^address = .*|address = $url|" -e "s|^auth_url = .*|auth_url = $url$issuer|" \
        -e "s|^client_secret_file = .*|client_secret_file = $1.secret|" "$here/$1.section"
}
configure() {
    {
        printf '[server]\nlisten = 127.0.0.1:0\nworkers = 2\n[metrics]\nlisten = unix:%s\n' "$here/metrics.sock"
        printf '[admin]\nlisten = unix:%s\n[identity]\nmode = off\n' "$here/admin.sock"
        printf '[route us]\nupstream = %s, %s\n' "$first" "$second"
        cat "$here/$first.section" "$here/$second.section"
    } >"$here/pc.ini"
    chmod 0640 "$here/pc.ini"
}
lookups_of() {
    plays "$1"
    seen lookups
}

add_api "$first"
add_api "$second"
start_daemon
eventually is_ready
[ "$("$BUILD/postcoded" -c "$here/pc.ini" --check 2>&1 | grep -c '^error')" = 0 ] || fail "--check"

# The first one answers, and the second is not asked.
reads "$small" "$known"
[ "$(lookups_of "$second")" = 0 ] || fail "the second was asked"

# Over its quota, for one lookup: the caller gets the same bytes from the second.
plays "$first"
sends limited.json
reads "$small" "$known"
[ "$(lookups_of "$second")" = 1 ] || fail "$(lookups_of "$second") lookups of the second"

# Unknown is unknown: nobody else is asked.
stop_daemon
start_daemon
eventually is_ready
problem 404 unknown_postcode 00000
[ "$(lookups_of "$second")" = 1 ] || fail "the second was asked for what the first does not know"

# Down for good.
kill -9 "${pids[$first]}"
wait "${pids[$first]}" 2>/dev/null
reads "$small" "$known"
reads "$small" "$known"
[ "$(lookups_of "$second")" = 3 ] || fail "$(lookups_of "$second") lookups of the second"
plays "$second"
faultless
