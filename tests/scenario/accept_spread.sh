#!/bin/bash
# Workers accept by themselves: each waits for the listeners in its loop's own epoll set, so that a
# connection wakes one of them, and eight callers who keep theirs are spread over two workers 6 to 2
# at worst, however they come. The kernel tells what is in the sets.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

start_standin
default_keys
set_key server listen "127.0.0.1:0, unix:$here/a.sock, unix:$here/b.sock"
set_key log access off
start_daemon
eventually is_ready

# sets: of each epoll set with three listeners that wake one waiter (EPOLLEXCLUSIVE, 1 << 28): how
# many other descriptors are in it. The main loop has two, of operators.
sets() {
    awk '
        /^tfd:/ { $4 ~ /^1000.../ && length($4) == 8 ? exclusive[FILENAME]++ : other[FILENAME]++ }
        END { for (set in exclusive) if (exclusive[set] == 3) print other[set] }' \
        /proc/"$daemon"/fdinfo/* 2>/dev/null | sort -n | tr '\n' ' '
}
both_wait() {
    [ "$(sets | wc -w)" = 2 ]
}
eventually both_wait

# spread: connections of each worker, the lesser number first; in its set is one descriptor of each,
# beside what is there without.
open_are() {
    metric_is postcoded_connections "$1"
}
read -r quiet other <<<"$(sets)"
[ "$quiet" = "$other" ] || fail "the workers' sets differ: $quiet, $other"
spread() {
    local less more
    read -r less more <<<"$(sets)"
    echo "$((less - quiet)):$((more - quiet))"
}
fair() {
    case $(spread) in 2:6 | 3:5 | 4:4) ;; *) return 1 ;; esac
}
leave_all() {
    local one
    for one in "${kept[@]}"; do
        exec {one}>&-
    done
    kept=()
    eventually open_are 0
}
kept=()
for ((round = 0; round < 5; round++)); do
    # One after the other: the loop that slept last is the one that wakes.
    for ((i = 1; i <= 8; i++)); do
        exec {one}<>"/dev/tcp/${address%:*}/${address##*:}"
        kept+=("$one")
        eventually open_are "$i"
    done
    fair || fail "one by one: $(spread)"
    leave_all
    # All before anybody is accepted.
    kill -STOP "$daemon"
    for ((i = 1; i <= 8; i++)); do
        exec {one}<>"/dev/tcp/${address%:*}/${address##*:}"
        kept+=("$one")
    done
    kill -CONT "$daemon"
    eventually open_are 8
    fair || fail "at once: $(spread)"
    leave_all
done
stop_daemon
