#!/bin/bash
# What `[log] format = journal` sends is a journal to systemd's own tools: systemd-journal-remote makes a
# file of it, and journalctl finds a lookup and the token request that it caused by one GUID.
# shellcheck source=tests/scenario/journal_common.bash
. "$TOP/tests/scenario/journal_common.bash"

remote=/lib/systemd/systemd-journal-remote
[ -x "$remote" ] || skip "no systemd-journal-remote here"
command -v journalctl >/dev/null || skip "no journalctl here"

start_standin
default_keys
set_key identity mode plain
set_key 'upstream location' auth_prefetch off
start_daemon
start_journal
set_key log format journal
configure
reload
ask -o /dev/null -H 'X-GUID: the-first' -b 'identity=ada b' "$at/M11AA"
eventually has_entry GUID=the-first STATUS=200
eventually has_entry GUID=the-first UPSTREAM=location
stop_daemon
kill -KILL "$journal"
wait "$journal" 2>/dev/null
[ ! -s "$here/journal.faults" ] || fail "$(cat "$here/journal.faults")"

"$remote" -o "$here/file.journal" "$here/journal" >"$here/remote" 2>&1 || fail "$(cat "$here/remote")"
by() {
    journalctl -q --file "$here/file.journal" "$@"
}
has "$(by -o cat GUID=the-first STATUS=200)" 'GUID: the-first - request client='
has "$(by -o cat GUID=the-first UPSTREAM=location)" 'GUID: the-first - token obtained upstream=location'
has "$(by -o json GUID=the-first STATUS=200)" '"DURATION_USEC":"' '"POSTCODED_USER":"ada b"' \
    '"CODE":"ok"' '"PRIORITY":"6"' '"SYSLOG_IDENTIFIER":"postcoded"'
has "$(by -o cat -t postcoded -p notice..notice)" 'configuration reloaded' 'token obtained'
lacks "$(by -o cat -p notice)" status=200
exit 0
