#!/bin/bash
# What the status page says of five incidents: what is wrong, since when, and what to do. They are
# staged side by side, for the page has samples of ten seconds.
# shellcheck source=tests/scenario/incidents_common.bash
. "$TOP/tests/scenario/incidents_common.bash"

declare -A said=(
    [endpoint-down]='The token endpoint answers with errors'
    [secret-refused]="The token endpoint refuses the client's id or secret"
    [upstream-slow]='The upstream is slow'
    [token-rejected]='The upstream rejects the token'
    [quota-used-up]='The upstream limits the rate (429): its quota may be used up'
)

# told: the conditions that the page has, a line each: level, since, what, why, action.
told() {
    ask "http://$page/status.json" | python3 -c '
import json, sys
for c in json.load(sys.stdin)["conditions"]:
    print(c["level"], c["since"], c["what"], c["why"], c["action"], sep="|")'
}
tells() {
    told >"$here/told" && grep -q -F "|${said[$1]}" "$here/told"
}

# stage INCIDENT: nothing is wrong before; then one thing is, since it was broken, and more follows
# of it only where the page says so.
stage() {
    local began when
    calm "$1"
    [ -z "$(told)" ] || fail "$1: before it: $(told)"
    began=$(date +%s)
    break_it "$1"
    for ((i = 0; i < 60 * slow; i++)); do
        tells "$1" && break
        sleep 1
    done
    tells "$1" || fail "$1: the page says: $(told) $(ask "http://$page/readyz")"
    [ "$(wc -l <"$here/told")" = 1 ] || fail "$1: more than one thing is wrong: $(cat "$here/told")"
    IFS='|' read -r _ when _ why action <"$here/told"
    when=$(($(date -d "$when" +%s) - began))
    # A sample is ten seconds long, and what it tells is since its beginning.
    [ "$when" -ge -11 ] && [ "$when" -le $((15 * slow)) ] || fail "$1: since $when s after it"
    [ -n "$why" ] && [ -n "$action" ] || fail "$1: no reason or no advice: $(cat "$here/told")"
    ask "http://$page/" | python3 -c 'import html, sys; print(html.unescape(sys.stdin.read()))' >"$here/html"
    grep -q -F "${said[$1]}" "$here/html" || fail "$1: the page does not say it"
    echo "$1: $(cat "$here/told")"
}

staged=()
for incident in "${incidents[@]}"; do
    (stage "$incident") &
    staged+=("$!")
done
failed=
for pid in "${staged[@]}"; do
    wait "$pid" || failed=1
done
[ -z "$failed" ]
