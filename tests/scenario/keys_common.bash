# What the scenarios about [identity] key_url share, on top of common.bash: RSA keys with identities
# that they sign, and a server of their JWK set whose answer is the file $here/answer.
# shellcheck shell=bash

# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

base64url() {
    openssl base64 -A | tr '+/' '-_' | tr -d '='
}

# new_key KID: the key $here/KID.pem, and its JWK in $here/KID.jwk.
new_key() {
    local modulus
    openssl genrsa -out "$here/$1.pem" 2048 2>/dev/null || fail "no key"
    modulus=$(openssl rsa -in "$here/$1.pem" -noout -modulus 2>/dev/null)
    modulus=$(printf '%b' "$(sed -e 's/^Modulus=//' -e 's/../\\x&/g' <<<"$modulus")" | base64url)
    printf '{"kty":"RSA","kid":"%s","use":"sig","n":"%s","e":"AQAB"}' "$1" "$modulus" >"$here/$1.jwk"
}
# identity KID USER: a JWT that the key signed.
identity() {
    local text
    text=$(printf '{"alg":"RS256","kid":"%s"}' "$1" | base64url)
    text+=.$(printf '{"sub":"%s","exp":%s}' "$2" "$(($(date +%s) + 600))" | base64url)
    echo "$text.$(printf '%s' "$text" | openssl dgst -sha256 -sign "$here/$1.pem" | base64url)"
}

# set_of KID...: a JWK set.
set_of() {
    local kid comma=
    printf '{"keys":['
    for kid; do
        printf '%s' "$comma"
        cat "$here/$kid.jwk"
        comma=,
    done
    printf ']}'
}
# answer STATUS BODY [HEADER...]: what the server says from now on. It changes in one step.
answer() {
    local status=$1 body=$2
    shift 2
    mark
    {
        printf 'HTTP/1.1 %s\r\nContent-Length: %s\r\nConnection: close\r\n' "$status" "${#body}"
        [ "$#" = 0 ] || printf '%s\r\n' "$@"
        printf '\r\n%s' "$body"
    } >"$here/answer.next"
    mv -f "$here/answer.next" "$here/answer"
}
# mark: what is logged from here on. marked PATTERN: waits for a line of that, prints it.
mark() {
    marked=$(wc -l 2>/dev/null <"$here/log")
}
since_mark() {
    tail -n "+$((marked + 1))" "$here/log" | grep -- "$1" >"$here/line"
}
marked() {
    eventually since_mark "$1"
    tail -n 1 "$here/line"
}
serve_keys() {
    answer '200 OK' "$(set_of "$@")"
}

# start_pages [PORT]: sets pages (its id) and keys_at (HOST:PORT); request lines in $here/heard.
start_pages() {
    touch "$here/answer"
    : >"$here/heard" # the line of a server before it is no sign of this one
    "$driver/pages" "$here/answer" "$@" >"$here/heard" &
    pages=$!
    started+=("$pages")
    eventually grep -q '^pages ' "$here/heard"
    keys_at=$(sed -n 's/^pages //p' "$here/heard")
}
stop_pages() {
    kill "$pages"
    wait "$pages" 2>/dev/null
}
# heard: how many requests the server has had.
heard() {
    grep -c '^GET ' "$here/heard"
}
heard_at_least() {
    [ "$(heard)" -ge "$1" ]
}
# asked_again: waits for two further requests, so that one of them began after this was called.
asked_again() {
    eventually heard_at_least $(($(heard) + 2))
}

# status_of IDENTITY: of a lookup with it.
status_of() {
    ask -o /dev/null -w '%{http_code}' -b "identity=$1" "$at/M11AA"
}
status_is() {
    [ "$(status_of "$1")" = "$2" ]
}
# fetches RESULT: success or failure, as counted.
fetches() {
    metric postcoded_identity_key_fetches_total "result=\"$1\""
}
fetches_at_least() {
    [ "$(fetches "$1")" -ge "$2" ]
}
# reloaded RESULT N: that many reloads ended so.
reloaded() {
    eventually metric_is postcoded_reloads_total "$2" "result=\"$1\""
}
url_keys() {
    default_keys
    set_key identity mode jwt
    set_key identity key_url "$1"
}
