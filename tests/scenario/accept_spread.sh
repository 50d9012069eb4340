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

# sets: of each loop's epoll set with three listeners that wake one waiter (EPOLLEXCLUSIVE, 1 << 28):
# how many other descriptors are in it, or in a set that is in it. The main loop's has two listeners.
sets() {
    awk '
        /^tfd:/ {
            set = FILENAME
            sub(".*/", "", set)
            if ($4 ~ /^1000..../)
                exclusive[set]++
            else
                members[set] = members[set] " " $2
        }
        function visit(set, deeper, list, count, i) {
            count = split(members[set], list, " ")
            for (i = 1; i <= count; i++) {
                seen[list[i]] = 1
                if (deeper)
                    visit(list[i], 0)
            }
        }
        END {
            for (set in exclusive) {
                if (exclusive[set] != 3)
                    continue
                split("", seen)
                visit(set, 1)
                total = 0
                for (one in seen)
                    total++
                print total
            }
        }' /proc/"$daemon"/fdinfo/* 2>/dev/null | sort -n | tr '\n' ' '
}
both_wait() {
    [ "$(sets | wc -w)" = 2 ]
}
eventually both_wait

# spread: connections of each worker, the lesser number first; each is a descriptor beside those that
# are there without.
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
# A connection is counted when it is accepted, and is in the set a moment later.
are_in() {
    local less more
    IFS=: read -r less more <<<"$(spread)"
    [ $((less + more)) = "$1" ]
}
fair() {
    eventually are_in 8
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
    suspend_daemon
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
