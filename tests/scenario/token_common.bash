# What the scenarios about tokens share, on top of common.bash: a client whose secret would be seen
# wherever it got to, the operators' view of the token, and the last check of each of them, made
# whatever became of the others: that no secret and no token is in anything the daemon said.
# shellcheck shell=bash

# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

client=demo
secret='CANARY of+the/client%&=: 1'
said=$here/said # everything daemons and probes said
lookup_path=/api/v1/addresses/M1%201AA

# token_keys [OPTION...]: starts the stand-in, sets the keys of a daemon that is its client.
token_keys() {
    printf '%s\n' "$secret" | tee "$here/api.secret" >"$here/client.secret"
    chmod 600 "$here"/*.secret
    start_standin --client-secret-file "$here/api.secret" "$@"
    default_keys
    set_key log level debug
    upstream client_secret ''
    upstream client_secret_file "$here/client.secret"
}
upstream() {
    set_key 'upstream location' "$1" "$2"
}

# begin: a daemon; the log of the one before is kept. renew_daemon: ends that first.
begin() {
    keep_log
    start_daemon "$@"
}
renew_daemon() {
    stop_daemon
    begin "$@"
}
keep_log() {
    [ ! -e "$here/log" ] || cat "$here/log" >>"$said"
    : >"$here/log" # there before the daemon is: who waits for a line may look at once
}

# reached QUERY: waits until the stand-in has counted so far.
reached() {
    local counters
    counters=$(counted "$1") || {
        echo "$counters"
        exit 1
    }
}
# logs PATTERN: waits until a line of the log fits.
logs() {
    eventually grep -q -- "$1" "$here/log"
}

admin() {
    ask --unix-socket "$here/admin.sock" "http://admin$1" "${@:2}"
}
# press ACTION: refresh or forget; prints the status.
press() {
    admin "/tokens/location/$1" -X POST -o /dev/null -w '%{http_code}'
}
# token FIELD: as /tokens says it.
token() {
    admin /tokens | sed -n "s/^ *\"$1\": \"*\([^\",]*\)\"*,*\$/\1/p"
}
token_is() {
    [ "$(token "$1")" = "$2" ]
}
# about VALUE LEAST MOST: whether a number lies between.
about() {
    awk -v v="$1" -v least="$2" -v most="$3" 'BEGIN { exit !(v != "" && v >= least && v <= most) }'
}
# look [CURL-ARGUMENT...]: one lookup, head and body. look_status: its status alone.
look() {
    ask -i "$@" "http://$address$lookup_path"
}
look_status() {
    ask -o /dev/null -w '%{http_code}' "http://$address$lookup_path"
}
# probe ARGUMENT...: sets told and verdict (the exit status).
probe() {
    configure
    told=$("$BUILD/postcoded" -c "$here/pc.ini" --probe "$@" 2>&1)
    verdict=$?
    printf '%s\n' "$told" >>"$said"
}

# form_encode TEXT: as application/x-www-form-urlencoded.
form_encode() {
    local LC_ALL=C i c
    for ((i = 0; i < ${#1}; i++)); do
        c=${1:i:1}
        case $c in
        [A-Za-z0-9*._-]) printf %s "$c" ;;
        ' ') printf + ;;
        *) printf '%%%02X' "'$c" ;;
        esac
    done
}

# The secret in every form it travels in; tokens are known by their looks: the stand-in's are 40
# characters of its alphabet or more, a JWT begins with the same letters always, and those of
# scripted servers are called CANARY.
secret_forms() {
    local pair
    printf '%s\n' CANARY "$secret" "$(form_encode "$secret")"
    for pair in "$client:$secret" "$(form_encode "$client"):$(form_encode "$secret")"; do
        printf %s "$pair" | base64 -w0
        echo
    done
}
check_canary() {
    local LC_ALL=C # a log of a full rate's lookups is long
    export LC_ALL
    keep_log
    [ -s "$said" ] || return 0
    if secret_forms | grep -a -n -F -f - "$said"; then
        echo "a secret or a token was said (see above)"
        return 1
    fi
    if sed 's/postcoded_[a-z_]*//g' "$said" | grep -a -n -E '[A-Za-z0-9_-]{40}|eyJ'; then
        echo "what looks like a token was said (see above)"
        return 1
    fi
}
# What was asked for last is what the others are for: end all, then look at what was said.
finish() {
    local status=$1
    end_all
    check_canary || [ "$status" != 0 ] || status=1
    exit "$status"
}
trap 'finish $?' EXIT
