# What the scenarios share that have a real Prometheus: `. "$TOP/tests/scenario/prometheus_common.bash"`
# in the place of common.bash. It watches the daemon of start_watched, and its files are in $here/prometheus.
# shellcheck shell=bash
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

command -v prometheus >/dev/null || skip "no prometheus here"

# start_watched: a daemon whose metrics are on a TCP port as well, which Prometheus needs; sets watched
# (HOST:PORT).
start_watched() {
    set_key metrics listen "unix:$here/metrics.sock, ${watched:-127.0.0.1:0}"
    start_daemon
    watched=$(sed -n 's/.*metrics on [^;]*\(127\.0\.0\.1:[0-9]*\).*/\1/p' "$here/log")
    [ -n "$watched" ] || fail "no port of metrics"
}

# faster RULES: the same rules with an hour as a minute and a minute as a second, in for: and in the
# windows of an expression. Bounds, and what is divided by seconds, stay.
faster() {
    sed -E -e '/^ *for: /s/([0-9])m$/\1s/' -e 's/\[([0-9]+)m\]/[\1s]/g' -e 's/\[([0-9]+)h\]/[\1m]/g' "$1"
}

# start_prometheus [RULES]: one that scrapes the watched daemon five times a second; sets prometheus (its
# URL).
start_prometheus() {
    mkdir -p "$here/prometheus"
    cat >"$here/prometheus/prometheus.yml" <<END
global: {scrape_interval: 200ms, scrape_timeout: 200ms, evaluation_interval: 200ms}
rule_files: [${1:-}]
scrape_configs:
  - job_name: postcoded
    static_configs: [{targets: ["$watched"]}]
END
    prometheus --config.file="$here/prometheus/prometheus.yml" --storage.tsdb.path="$here/prometheus/data" \
        --web.listen-address=127.0.0.1:0 >"$here/prometheus/log" 2>&1 &
    started+=("$!")
    eventually grep -q 'msg="Listening on"' "$here/prometheus/log"
    prometheus=http://$(sed -n 's/.*msg="Listening on".* address=\([^ ]*\).*/\1/p' "$here/prometheus/log" | head -n 1)
    eventually ask -f -o /dev/null "$prometheus/-/ready"
    eventually holds 'up{job="postcoded"} == 1'
}

# asked EXPRESSION: the response of Prometheus to it, as it is now. Where there is none, the test has
# failed, and so has the shell that is asked in.
asked() {
    local said
    said=$(ask -G --data-urlencode "query=$1" "$prometheus/api/v1/query")
    [[ $said == *'"status":"success"'* ]] || fail "$1: ${said:-no response}"
    printf '%s\n' "$said"
}
# holds EXPRESSION: it has a sample.
holds() {
    local said
    said=$(asked "$1") || exit 1
    [[ $said != *'"result":[]'* ]]
}
# firing: the names of the alerts that fire, on one line.
firing() {
    local said
    said=$(asked 'count by (alertname) (ALERTS{alertstate="firing"})') || exit 1
    grep -o '"alertname":"[^"]*"' <<<"$said" | cut -d'"' -f4 | sort | xargs
}
