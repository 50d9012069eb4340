#!/bin/bash
# max_header_size counts a head from its request line to its empty line. One of that size is
# served, whether its target is long, or a field, or a cookie, or there are many fields; a larger
# one is refused with 414 or 431. No size gets a part of an answer, or none. The access lines say
# what was sent.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

max=4096
start_standin
default_keys
set_key server listen "unix:$here/pc.sock"
set_key server max_header_size 4K
start_daemon
eventually is_ready

text=$(printf 'a%.0s' {1..20000})
field="X-Some-Field: $(printf 'v%.0s' {1..44})"$'\r\n' # 60 bytes

# head_of KIND SIZE: a head of exactly so many bytes; of `tiny`, about so many; of `many`, one of
# exactly $max bytes with so many fields and three more.
head_of() {
    local start='GET /api/v1/addresses/M11AA' version=$' HTTP/1.1\r\nHost: h\r\nConnection: close\r\n'
    local target='' fields='' left fill
    left=$(($2 - ${#start} - ${#version} - 2))
    case $1 in
    target) target="?${text:0:left-1}" ;;
    field) fields="X-Foo: ${text:0:left-9}"$'\r\n' ;;
    cookie) fields="Cookie: a=${text:0:left-12}"$'\r\n' ;;
    fields)
        fill=$((left % 60 + 60))
        while [ "$left" -gt $((fill + 59)) ]; do fields+=$field left=$((left - 60)); done
        fields+="X-Foo: ${text:0:left-9}"$'\r\n'
        ;;
    tiny) fields=$(printf 'a:\r\n%.0s' $(seq $((left / 4))))$'\n' ;;
    many)
        left=$((max - ${#start} - ${#version} - 2 - 4 * $2))
        fields=$(printf 'a:\r\n%.0s' $(seq "$2"))$'\n'"X: ${text:0:left-5}"$'\r\n'
        ;;
    esac
    printf '%s' "$start$target$version$fields"$'\r\n'
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
# expect KIND SIZE OUTCOME...
expect() {
    local outcome
    outcome=$(outcome_of "$1" "$2") || fail "$outcome"
    sent[$outcome]=$((${sent[$outcome]:-0} + 1))
    [[ " ${*:3} " == *" $outcome "* ]] || fail "$1 of $2 bytes: $outcome, not one of: ${*:3}"
}

declare -A sent=()
[ "$(head_of fields "$max" | wc -c)" = "$max" ] || fail "the heads have another size than is said"
for kind in target field cookie fields; do
    for ((size = max - 1100; size < max; size += 73)); do
        expect "$kind" "$size" whole
    done
    expect "$kind" "$max" whole
    expect "$kind" $((max + 1)) refused
    for ((size = max + 8; size < max + 600; size += 73)); do
        expect "$kind" "$size" refused
    done
    for size in 6000 8000 10000 12000 12200 12300 16000; do
        expect "$kind" "$size" refused theirs
    done
done
# Each field takes memory of its own; libmicrohttpd refuses when there is none left.
for ((size = 200; size < 16000; size += 331)); do
    expect tiny "$size" whole refused theirs
done

# So many fields always fit, and of the next ones it is known before the lookup that they do not.
for n in 1 90 $(((max + 3072) / 64 - 3)); do
    expect many "$n" whole
done
for ((n = (max + 3072) / 64 - 2; n < (max + 3072) / 64 + 20; n++)); do
    expect many "$n" whole refused theirs
done

# What was refused was not looked up. Each refusal has an access line and is counted, our own and
# the library's.
refusals=$((${sent[refused]} + ${sent[theirs]}))
counted_refusals() {
    local n=0 status
    for status in 414 431; do
        n=$((n + $(metric postcoded_requests_total "code=\"too_large\",status=\"$status\"")))
    done
    [ "$n" = "$refusals" ]
}
eventually counted_refusals
for what in "status=4[13][14] code=too_large:$refusals" "status=200 code=ok:${sent[whole]}"; do
    [ "$(grep -c "request .*${what%:*}" "$here/log")" = "${what##*:}" ] ||
        fail "access lines: $(grep -c "${what%:*}" "$here/log") with ${what%:*}, not ${what##*:}"
done
[ "$(counter lookups)" = "$(metric postcoded_requests_total 'code="ok",status="200"')" ] ||
    fail "a refused one was looked up"

# Headers of the upstream that would not fit either are left out, and the answer is whole: see
# limits_answer.vtc.
stop_daemon
