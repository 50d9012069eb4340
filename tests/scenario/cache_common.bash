# What the scenarios about the cache share, on top of common.bash: a daemon with a [cache], what the
# stand-in says of its answers, and lookups whose status, fields and body are kept.
# shellcheck shell=bash

# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

# cache_keys [KEY=VALUE...]: starts the stand-in, unless there is one, and sets the keys of a daemon
# that has [cache] with these, or empty. One worker, for calls are shared on a worker.
cache_keys() {
    local pair
    [ -n "${url:-}" ] || start_standin
    default_keys
    set_key server workers 1
    set_key cache max_size ''
    for pair; do
        set_key cache "${pair%%=*}" "${pair#*=}"
    done
}
# with_users FIELD: callers say who they are (as USER below), and the stand-in is told in FIELD,
# which it repeats; without FIELD it is not told.
with_users() {
    set_key identity mode plain
    set_key identity forward_header "${1:-}"
    says "echo=${1:-}"
}
# start_cached [KEY=VALUE...]: both, ready.
start_cached() {
    cache_keys "$@"
    start_daemon
    eventually is_ready
}
# reload [KEY=VALUE...]: with these keys of [cache] changed; waits until it is done.
reload() {
    local before pair
    before=$(metric postcoded_reloads_total 'result="success"')
    for pair; do
        set_key cache "${pair%%=*}" "${pair#*=}"
    done
    configure
    kill -HUP "$daemon"
    eventually metric_is postcoded_reloads_total $((before + 1)) 'result="success"'
}

# ---- the stand-in ----

# says NAME=TEXT...: knobs whose values may be any text: says 'cache_control=public, max-age=60'.
says() {
    local arguments=() text
    for text; do
        arguments+=(--data-urlencode "$text")
    done
    [ "$(ask -X POST -G -w '%{http_code}' "${arguments[@]}" "$url/standin/set")" = 204 ] || fail "says $*"
}
# date_in SECONDS: an HTTP date so far from now; negative: ago.
date_in() {
    LC_ALL=C date -u -d "@$(($(date +%s) + $1))" '+%a, %d %b %Y %H:%M:%S GMT'
}
# upstream_lookups N: so many came to the stand-in since the last of these, and no more.
known_lookups=0
upstream_lookups() {
    local now
    now=$(counter lookups)
    [ $((now - known_lookups)) = "$1" ] || fail "the upstream had $((now - known_lookups)) lookups, not $1"
    known_lookups=$now
}

# ---- lookups ----

# look POSTCODE [CURL-ARGUMENT...]: sets status, fields (a line each, as they came) and body. What
# follows the postcode in the target may stand with it: look 'M11AA?a=b'.
look() {
    local postcode=$1
    shift
    : >"$here/look.body"
    status=$(ask -o "$here/look.body" -D "$here/look.head" -w '%{http_code}' "$@" "$at/$postcode")
    fields=$(sed 1d "$here/look.head" | tr -d '\r')
    body=$(cat "$here/look.body")
    # curl has the head there then.
    [[ " $* " != *" --head "* ]] || body=
}
# as USER POSTCODE [CURL-ARGUMENT...]: the same, by that user (with_users).
as() {
    look "$2" -b "identity=$1" "${@:3}"
}
# field NAME: its value, in any case of the name; nothing where it is not there.
field() {
    sed -n "s/^$1: *//Ip" <<<"$fields"
}
# is NAME VALUE: of the last lookup; the names `status`, `body` and `cache` (the first words of
# Cache-Status) are not those of fields. is_like: VALUE is an extended expression for the whole.
is() {
    [ "$(seen "$1")" = "$2" ] || fail "$1 is '$(seen "$1")', not '$2'"
}
is_like() {
    [[ $(seen "$1") =~ ^($2)$ ]] || fail "$1 is '$(seen "$1")', not like '$2'"
}
seen() {
    case $1 in
    status) echo "$status" ;;
    body) echo "$body" ;;
    cache) field Cache-Status | sed 's/^postcoded; //; s/;.*//' ;;
    *) field "$1" ;;
    esac
}
# without NAME...: the last lookup had none of these fields.
without() {
    local name
    for name; do
        [ -z "$(field "$name")" ] || fail "$name is '$(field "$name")'"
    done
}
# version: of the address that the last lookup got; nothing where it says none.
version() {
    sed -n 's/.*"version":\([0-9]*\).*/\1/p' <<<"$body"
}

# ---- what the daemon says of it ----

# cache_count RESULT: of lookups since the start. cache_counts RESULT=N...: it comes to be so much.
cache_count() {
    metric postcoded_cache_total "result=\"$1\""
}
cache_counts() {
    local part
    for part; do
        eventually metric_is postcoded_cache_total "${part#*=}" "result=\"${part%%=*}\""
    done
}
# items N: so many answers are kept.
items() {
    eventually metric_is postcoded_cache_items "$1"
}
# forget [POSTCODE]: prints what the daemon says.
forget() {
    ask -X POST --unix-socket "$here/admin.sock" "http://operators/cache/forget${1:+/$1}"
}
# access GUID: the access line of the lookup with that X-GUID, once it is there.
access() {
    logged "GUID: $1 - request"
}
