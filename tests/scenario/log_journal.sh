#!/bin/bash
# [log] format = journal: each line is a datagram of fields to the journal's socket, one GUID finds the
# lookup and the token request that it caused, a journal that reads nothing stops no lookup, and while
# there is none the lines are text on stderr.
# shellcheck source=tests/scenario/journal_common.bash
. "$TOP/tests/scenario/journal_common.bash"

start_standin
default_keys
set_key identity mode plain
set_key 'upstream location' auth_prefetch off
start_daemon

# By a reload. The lookup comes first that needs a token.
start_journal
set_key log format journal
configure
reload
ask -o /dev/null -H 'X-GUID: the-first' -b 'identity=ada b' "$at/M1%201AA"
eventually has_entry GUID=the-first STATUS=200
eventually has_entry GUID=the-first UPSTREAM=location
access=$(entries GUID=the-first STATUS=200)
has "$access" $'\nMESSAGE=GUID: the-first - request client=' \
    ' path=/api/v1/addresses/M1%201AA status=200 code=ok user="ada b" bytes=' \
    $'\nPRIORITY=6\nSYSLOG_FACILITY=3\nSYSLOG_IDENTIFIER=postcoded\nGUID=the-first\n' \
    $'\nPOSTCODED_METHOD=GET\nPOSTCODED_PATH=/api/v1/addresses/M1%201AA\nSTATUS=200\nCODE=ok\n' \
    $'\nPOSTCODED_USER=ada b\nPOSTCODED_BYTES=' $'\nDURATION_USEC=' \
    $'\nPOSTCODED_WAITED_FOR_TOKEN=true\nPOSTCODED_RETRIES=0\nUPSTREAM=location\nPOSTCODED_UPSTREAM_USEC='
ms=$(sed -n 's/.* duration_ms=\([0-9.]*\) .*/\1/p' <<<"$access")
us=$(sed -n 's/^DURATION_USEC=//p' <<<"$access")
[ "$((10#${ms/./}))" = "$us" ] || fail "$ms ms are not $us us"
has "$(entries GUID=the-first UPSTREAM=location)" 'MESSAGE=GUID: the-first - token obtained upstream=location' \
    $'\nPOSTCODED_GENERATION=1\n'
lacks "$(tail -n 1 "$here/log")" the-first
# A problem's line has its code, and the upstream; so has the access line.
knob error_share=100
ask -o /dev/null -H 'X-GUID: the-problem' -b identity=ada "$at/M11AA"
knob error_share=0
eventually has_entry GUID=the-problem PRIORITY=6 STATUS=502 CODE=upstream_error
has "$(entries UPSTREAM=location CODE=upstream_error)" 'MESSAGE=GUID: the-problem - upstream_error: The upstream' \
    $'\nPRIORITY=4\n' $'\nGUID=the-problem\nCODE=upstream_error\nSTATUS=502\nUPSTREAM=location'
has "$(entries POSTCODED_METHOD=GET CODE=upstream_error)" $'\nUPSTREAM=location'
ask -o /dev/null -b $'identity=eve' -H 'X-GUID: the-second' "$at/nothing%0APRIORITY=0%01%FF"
eventually has_entry GUID=the-second CODE=invalid_postcode
! has_entry PRIORITY=0 || fail "a forged field: $(entries PRIORITY=0)"

# Another journal in the place of this one: nothing goes to stderr.
have=$(wc -l <"$here/log")
kill -KILL "$journal"
wait "$journal" 2>/dev/null
rm "$socket"
start_journal
ask -o /dev/null -H 'X-GUID: the-third' "$at/M11AA"
eventually has_entry GUID=the-third
[ "$(wc -l <"$here/log")" = "$have" ] || fail "on stderr: $(tail -n +$((have + 1)) "$here/log")"

# One that reads nothing: every lookup is answered, and it is told how many lines are missing.
kill -STOP "$journal"
callers --count 10 --requests 1000 --expect 200 --header 'Cookie: identity=ada' \
    --header "X-GUID: $(printf '%0128d' 0)" >"$here/many" || fail "$(cat "$here/many")"
has "$(cat "$here/many")" '"answered":10000' '"errors":0'
[ "$(metric postcoded_log_lines_dropped_total)" -gt 0 ] || fail "nothing was dropped: nothing is proved"
kill -CONT "$journal"
dropped() { grep -q '^MESSAGE=[0-9]* log lines dropped$' "$here/journal"; }
eventually dropped

# A reload to text takes the log away from one that reads nothing, and loses no line. The ring holds them all.
caught_up() {
    ask -o /dev/null -H 'X-GUID: caught-up' "$at/M11AA"
    has_entry GUID=caught-up
}
eventually caught_up
kill -STOP "$journal"
dropped_before=$(metric postcoded_log_lines_dropped_total)
callers --count 4 --requests 75 --expect 401 >"$here/many" || fail "$(cat "$here/many")"
set_key log format text
configure
reload
ask -o /dev/null -H 'X-GUID: the-text' "$at/M11AA"
logged 'info GUID: the-text - request .*code=unauthorized' >/dev/null
[ "$(grep -c 'request client=.*code=unauthorized' "$here/log")" -gt 100 ] || fail "its backlog is not on stderr"
[ "$(metric postcoded_log_lines_dropped_total)" = "$dropped_before" ] || fail "lines were dropped"
set_key log format journal
configure
reload

# None: one warning, and text. Then there is one again.
kill -KILL "$journal"
wait "$journal" 2>/dev/null
has "$("$BUILD/postcoded" -c "$here/pc.ini" --check 2>&1)" \
    "[log] format: no journal at $socket (Connection refused)"
rm "$socket"
for guid in the-fourth the-fifth; do
    ask -o /dev/null -H "X-GUID: $guid" "$at/M11AA"
    logged "info GUID: $guid - request .*code=unauthorized" >/dev/null
done
[ "$(grep -c "no journal; log lines go to standard error socket=$socket" "$here/log")" = 1 ] ||
    fail "said not once"
start_journal
again() {
    ask -o /dev/null -H 'X-GUID: the-sixth' "$at/M11AA"
    has_entry GUID=the-sixth
}
eventually again
logged 'log lines go to the journal again' >/dev/null

# With a journal that reads nothing, or without one, it starts and ends like any other. What waits for the
# journal is then on stderr.
kill -STOP "$journal"
callers --count 10 --requests 1000 --expect 401 --header "X-GUID: $(printf '%0128d' 0)" >"$here/many" ||
    fail "$(cat "$here/many")"
lines=$(wc -l <"$here/log")
within 4000 stop_daemon
logged 'the journal takes nothing; log lines go to standard error' >/dev/null
[ "$(tail -n +$((lines + 1)) "$here/log" | grep -c ' request client=')" -gt 100 ] || fail "its backlog is lost"
kill -KILL "$journal"
wait "$journal" 2>/dev/null
rm "$socket"
has "$("$BUILD/postcoded" -c "$here/pc.ini" --check 2>&1)" \
    "[log] format: no journal at $socket (No such file or directory)"
start_daemon
stop_daemon
has "$(cat "$here/log")" "no journal; log lines go to standard error" 'lookups on'
[ ! -s "$here/journal.faults" ] || fail "$(cat "$here/journal.faults")"
exit 0
