#!/bin/bash
# How large a head may be (max_header_size), found out by sending larger and larger ones: up to some
# size the answer is whole; from there on it is a refusal, or a closed connection; never a part of
# an answer, and never an answer again. Whether one field is long, or the cookies, the target, or
# there are many fields.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

start_standin
default_keys
set_key server listen "unix:$here/pc.sock"
set_key server max_header_size 4K
start_daemon
eventually is_ready

text=$(printf 'a%.0s' {1..4200})
# head KIND SIZE
head_of() {
    printf 'GET /api/v1/addresses/M11AA'
    [ "$1" = target ] && printf '?%s' "${text:0:$2}"
    printf ' HTTP/1.1\r\nHost: h\r\nConnection: close\r\n'
    case $1 in
    field) printf 'X-Foo: %s\r\n' "${text:0:$2}" ;;
    cookie) printf 'Cookie: a=%s\r\n' "${text:0:$2}" ;;
    fields) printf 'a:b\r\n%.0s' $(seq $(($2 / 32))) ;;
    esac
    printf '\r\n'
}
# outcome_of KIND SIZE: one of whole, refused, theirs, closed.
outcome_of() {
    local answer
    answer=$(head_of "$1" "$2" | "$driver/raw" --connect "unix:$here/pc.sock" -) || fail "$1 $2: $?"
    case $answer in
    "") echo closed ;;
    "HTTP/1.1 200 "*'"area":"M"}') echo whole ;;
    "HTTP/1.1 4"[13][14]*"X-GUID: "*'"code":"too_large"'*'"}')
        [[ $answer == *"Connection: close"* ]] || fail "$1 $2: $answer"
        echo refused
        ;;
    "HTTP/1.1 4"[13][14]*"</html>") echo theirs ;;
    *) fail "$1 $2: $answer" ;;
    esac
}

for kind in field fields cookie target; do
    seen=
    wholes=0
    for ((size = 64; size < 4200; size += size < 1000 ? 312 : 24)); do
        outcome=$(outcome_of "$kind" "$size") || fail "$outcome"
        [ "$outcome" = whole ] && wholes=$((wholes + 1)) && largest=$size
        [[ $seen == *"$outcome" ]] || seen+=" $outcome"
    done
    echo "$kind: whole up to $largest;$seen"
    case $seen in
    " whole refused"*) lacks "${seen# whole}" whole ;;
    *) fail "$kind:$seen" ;;
    esac
    # Most of it is the caller's; cookies are there twice, and a field has its price.
    case $kind in cookie) least=1300 ;; fields) least=1400 ;; *) least=2500 ;; esac
    [ "$largest" -ge "$least" ] || fail "$kind: only $largest"
done

# What was refused was not looked up, and is counted with its code.
head_of target 4000 | "$driver/raw" --connect "unix:$here/pc.sock" - >"$here/answer"
for status in 414 431; do
    [ "$(metric postcoded_requests_total "code=\"too_large\",status=\"$status\"")" -ge 1 ] ||
        fail "no $status is counted"
done
[ "$(counter lookups)" = "$(metric postcoded_requests_total 'code="ok",status="200"')" ] ||
    fail "a refused one was looked up"

# Headers of the upstream that would not fit either are left out, and the answer is whole: see
# limits_answer.vtc. A GUID of the longest fits beside the largest head.
stop_daemon
