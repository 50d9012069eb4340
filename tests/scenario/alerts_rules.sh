#!/bin/bash
# The alerts of conf/prometheus/alerts.yml, with Prometheus' own tool: the file is sound, each alert fires
# when it should with its labels and annotations, and is silent otherwise (tests/prometheus). None is left
# out of that, and each says what an operator needs.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

rules=$TOP/conf/prometheus/alerts.yml
cases=$TOP/tests/prometheus/alerts_test.yml

# alerts FILE: its alerts, a line each: name, severity, whether it has a summary, and a description that
# says where to look.
alerts() {
    awk '
        function say() { if (name != "") print name, severity, summary + 0, text ~ /Look first:|last_error|\/readyz/ }
        $2 == "alert:" || $2 == "record:" { say(); name = severity = summary = text = "" }
        $2 == "alert:" { name = $3 }
        $1 == "severity:" { severity = $2 }
        $1 == "summary:" { summary = 1 }
        $1 == "description:" { text = " " }
        text != "" && $1 != "#" { for (i = 1; i <= NF; i++) text = text " " $i }
        END { say() }' "$1"
}
# tried NAME firing|silent: whether the cases have one of that kind.
tried() {
    awk -v name="$1" -v wanted="$2" '
        function end() { if (at) found[kind]++; at = 0 }
        /eval_time:|- expr:|input_series:/ { end() }
        $1 == "alertname:" { at = $2 == name; kind = "silent" }
        $1 == "exp_alerts:" { kind = "firing" }
        END { end(); exit !found[wanted] }' "$cases"
}

listed=$(alerts "$rules")
[ "$(wc -l <<<"$listed")" -ge 20 ] || fail "few alerts: $listed"
while read -r name severity summary look; do
    [[ $name == Postcoded* ]] || fail "$name: another prefix"
    [[ $severity == critical || $severity == warning || $severity == info ]] || fail "$name: severity \"$severity\""
    [ "$summary$look" = 11 ] || fail "$name: no summary, or it does not say where to look"
    tried "$name" firing || fail "$name: no case in which it fires"
    tried "$name" silent || fail "$name: no case just short of it"
    grep -q "^| \`$name\` |" "$TOP/docs/operations.md" || fail "$name is not in docs/operations.md"
done <<<"$listed"

command -v promtool >/dev/null || skip "no promtool here: the rules were not tried"
promtool check rules "$rules" >"$here/said" 2>&1 || fail "$(cat "$here/said")"
promtool test rules "$cases" >"$here/said" 2>&1 || fail "$(cat "$here/said")"
