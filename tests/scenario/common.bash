# What the scenarios in shell share: `. "$TOP/tests/scenario/common.bash"` at their top. Everything
# lives in TMPDIR and on ports that the system chooses; whatever was started is ended by its id.
# shellcheck shell=bash
set -u

here=$TMPDIR
driver=$BUILD/driver
key=0123456789abcdef0123456789abcdef # of identities

# A sanitizer build is slower by a factor: bounds on time are multiplied by it.
case ${BUILD##*/} in
address | thread) slow=4 ;;
*) slow=1 ;;
esac

# fail WHY: ends the test (or a subshell of it) and is read even where the output goes elsewhere.
exec {report}>&1
fail() {
    {
        [ -e "$here/log" ] && sed 's/^/    log: /' "$here/log" | tail -n 30
        echo "line ${BASH_LINENO[*]}: $*"
    } >&"$report"
    exit 1
}

skip() {
    echo "SKIP: $*"
    exit 77
}

# in_namespaces WHICH: runs the scenario again in namespaces of its own (--mount, --net), where it
# may put other files in the place of the system's (instead FILE...: those in $here, into /etc).
in_namespaces() {
    local how
    [ -z "${POSTCODED_TEST_INSIDE:-}" ] || return 0
    for how in "$1" "--user --map-root-user $1"; do
        # shellcheck disable=SC2086 # several words
        unshare $how true 2>/dev/null && POSTCODED_TEST_INSIDE=1 exec unshare $how "$0"
    done
    skip "unshare is not permitted here"
}
instead() {
    local file
    for file; do
        mount --bind "$here/$file" "/etc/$file" || skip "mount is not permitted here"
    done
}

# has TEXT PART...: each part occurs in the text; lacks: none does.
has() {
    local text=$1 part
    shift
    for part; do
        [[ $text == *"$part"* ]] || fail "no $part in: $text"
    done
}
lacks() {
    local text=$1 part
    shift
    for part; do
        [[ $text != *"$part"* ]] || fail "$part in: $text"
    done
}

# within MS COMMAND...: the command's status, and it has not taken longer (a plain build's MS).
within() {
    local limit=$(($1 * slow)) began status
    shift
    began=$(date +%s%N)
    "$@"
    status=$?
    took=$((($(date +%s%N) - began) / 1000000))
    [ "$took" -le "$limit" ] || fail "$*: $took ms, and $limit are allowed"
    return "$status"
}

# eventually COMMAND...: tried until it succeeds. For what no barrier tells.
eventually() {
    local i
    for ((i = 0; i < 1000; i++)); do
        "$@" && return
        sleep 0.02
    done
    fail "never: $*"
}

ask() {
    curl -q -g -s -m 20 "$@"
}

# ---- the stand-in Location API ----

# start_standin OPTION...: sets standin (its id), url and api (HOST:PORT).
start_standin() {
    coproc STANDIN { exec "$BUILD/location-standin" "$@" 2>"$here/standin.log"; }
    # shellcheck disable=SC2153 # the coproc's
    standin=$STANDIN_PID
    read -r _ _ url <&"${STANDIN[0]}" || fail "no stand-in: $(cat "$here/standin.log")"
    api=${url#http://}
    # A stand-in that is started again comes where the daemon looks for it.
    started+=("$standin")
}
knob() {
    [ "$(ask -X POST -w '%{http_code}' "$url/standin/set?$1")" = 204 ] || fail "set $1"
}
# counted QUERY: waits for NAME=MINIMUM&..., prints all counters.
counted() {
    local counters
    counters=$(ask -f "$url/standin/counters?$1&timeout=15000") ||
        fail "the stand-in has not counted $1: $(ask "$url/standin/counters")"
    echo "$counters"
}
# counter NAME: its present value.
counter() {
    ask "$url/standin/counters" | sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p"
}

# start_stuck OPTION...: a peer that does not answer (tests/driver/stuck.c); sets stuck (HOST:PORT).
start_stuck() {
    local said
    exec {said}< <(exec "$driver/stuck" "$@")
    started+=("$!")
    read -r _ stuck <&"$said" || fail "stuck $* does not start"
}

# ---- the daemon ----

# set_key SECTION KEY VALUE: for the configuration that `configure` writes; an empty value leaves
# the key out.
declare -A setting=()
set_key() {
    setting[$1/$2]=$3
}
default_keys() {
    printf '%s' "$key" >"$here/identity.key"
    chmod 600 "$here/identity.key"
    set_key server listen 127.0.0.1:0
    set_key server workers 2
    set_key metrics listen "unix:$here/metrics.sock"
    set_key admin listen "unix:$here/admin.sock"
    set_key identity mode off
    set_key 'upstream location' address "${url:-http://127.0.0.1:1}"
    set_key 'upstream location' client_id demo
    set_key 'upstream location' client_secret demo
}
configure() {
    local name section last=
    while IFS= read -r name; do
        section=${name%/*}
        [ "$section" = "$last" ] || echo "[$section]"
        last=$section
        [ -n "${setting[$name]}" ] && echo "${name##*/} = ${setting[$name]}"
    done < <(printf '%s\n' "${!setting[@]}" | sort) >"$here/pc.ini"
    chmod 600 "$here/pc.ini"
}

# start_daemon ENVIRONMENT...: with the configuration as it is; sets daemon, address (HOST:PORT of
# the first listener) and at (the URL of lookups). Its log is $here/log.
start_daemon() {
    configure
    : >"$here/log"
    env "$@" "$BUILD/postcoded" -c "$here/pc.ini" 2>"$here/log" &
    daemon=$!
    started+=("$daemon")
    eventually listens || fail "it did not start"
    address=$(sed -n 's/.*lookups on \([^;,]*\).*/\1/p' "$here/log")
    at=http://$address/api/v1/addresses
}
listens() {
    kill -0 "$daemon" 2>/dev/null || fail "the daemon has ended"
    grep -q 'lookups on' "$here/log"
}
# suspend_daemon: until kill -CONT. A signal stops one thread first, and another may still accept or
# read meanwhile; so all of them are waited for.
is_suspended() {
    ! awk '{ print $3 }' "/proc/$daemon"/task/*/stat | grep -qv T
}
suspend_daemon() {
    kill -STOP "$daemon"
    eventually is_suspended
}
# stop_daemon [SIGNAL [STATUS]]: and it ends with that status.
stop_daemon() {
    kill -s "${1:-TERM}" "$daemon"
    wait "$daemon"
    local status=$?
    [ "$status" = "${2:-0}" ] || fail "the daemon ended with $status"
    daemon=
}
operators() {
    ask --unix-socket "$here/metrics.sock" "http://operators$1" "${@:2}"
}
# metric NAME [LABELS]: its value, 0 where it is not there.
metric() {
    operators /metrics | awk -v name="$1${2:+{$2\}}" '$1 == name { v = $2 } END { printf "%.15g\n", v }'
}
metric_is() {
    [ "$(metric "$1" "${3:-}")" = "$2" ]
}
is_ready() {
    operators /readyz -f >/dev/null
}
mint() {
    "$BUILD/postcoded" -c "$here/pc.ini" --mint-identity "$@"
}
# logged PATTERN: waits for a line that fits (basic expression), prints the last one.
logged() {
    eventually grep -q -- "$1" "$here/log"
    grep -- "$1" "$here/log" | tail -n 1
}
callers() {
    "$driver/callers" --connect "$address" --path /api/v1/addresses/M11AA "$@"
}

started=()
end_all() {
    local pid
    for pid in "${started[@]}"; do
        kill -KILL "$pid" 2>/dev/null
    done
    wait 2>/dev/null
}
trap end_all EXIT
