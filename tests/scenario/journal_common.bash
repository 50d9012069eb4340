# What the scenarios share that have a journal of their own: `. "$TOP/tests/scenario/journal_common.bash"`
# in the place of common.bash. They run in a mount namespace, for the socket has one place only.
# shellcheck shell=bash
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"
in_namespaces --mount

mount -t tmpfs tmpfs /run 2>/dev/null || skip "mount is not permitted here"
mkdir -p /run/systemd/journal
socket=/run/systemd/journal/socket

# start_journal: plays journald; what it received is in $here/journal, one entry after another.
start_journal() {
    "$driver/journal" "$socket" >>"$here/journal" 2>"$here/journal.faults" &
    journal=$!
    started+=("$journal")
    eventually [ -S "$socket" ]
}
# entries FIELD=VALUE...: those in the journal that have all of them, separated by empty lines.
entries() {
    awk -v RS= -v ORS='\n\n' -v wanted="$(printf '%s\n' "$@")" '
        BEGIN { n = split(wanted, field, "\n") }
        { for (i = 1; i <= n; i++) if (index("\n" $0 "\n", "\n" field[i] "\n") == 0) next; print }
    ' "$here/journal"
}
has_entry() {
    [ -n "$(entries "$@")" ]
}
reload() {
    kill -HUP "$daemon"
    round=$((${round:-0} + 1))
    eventually metric_is postcoded_reloads_total "$round" 'result="success"'
}
