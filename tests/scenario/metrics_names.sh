#!/bin/bash
# /metrics has every name of the contract, with the labels it promises, as Prometheus' own checker
# accepts it; what workers counted apart is summed. Nothing secret is there, and nothing can be
# pressed.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

start_standin
default_keys
set_key server workers 3
start_daemon
eventually is_ready
callers --count 30 --requests 10 --expect 200 >/dev/null || fail "lookups"
ask -o /dev/null "$at/ZZ1%201ZZ"
ask -o /dev/null "$at/%21"
kill -HUP "$daemon"
eventually metric_is postcoded_reloads_total 1 'result="success"'
ended() {
    [ "$(metric postcoded_requests_total 'code="ok",status="200"')" = 300 ]
}
eventually ended
operators /metrics >"$here/metrics"

up='upstream="location"'
while read -r kind name; do
    family=${name%%[\{ ]*}
    grep -q "^# TYPE $family $kind\$" "$here/metrics" || fail "no $kind $family"
    grep -q "^# HELP $family ." "$here/metrics" || fail "no help for $family"
    [ "$kind" = histogram ] && continue
    grep -qF -- "$name" "$here/metrics" || fail "no $name"
done <<END
counter postcoded_requests_total{code="ok",status="200"} 300
counter postcoded_requests_total{code="unknown_postcode",status="404"} 1
counter postcoded_requests_total{code="invalid_postcode",status="400"} 1
histogram postcoded_request_duration_seconds
gauge postcoded_requests_in_flight 0
counter postcoded_requests_cancelled_total 0
$(for reason in absent malformed signature expired not_yet audience issuer algorithm unknown_key \
    claim; do
    echo "counter postcoded_identity_rejected_total{reason=\"$reason\"} 0"
done)
counter postcoded_upstream_requests_total{$up,status="200"} 300
histogram postcoded_upstream_duration_seconds
gauge postcoded_upstream_connections{$up,state="active"}
gauge postcoded_upstream_connections{$up,state="idle"}
gauge postcoded_upstream_queue_length{$up} 0
counter postcoded_upstream_queue_refused_total{$up} 0
histogram postcoded_upstream_queue_seconds
counter postcoded_token_requests_total{$up,result="success"} 1
counter postcoded_token_requests_total{$up,result="failure"} 0
histogram postcoded_token_request_duration_seconds
gauge postcoded_token_lifetime_seconds{$up} 3600.000
gauge postcoded_token_budget{$up} 60
gauge postcoded_token_budget_remaining{$up} 60
counter postcoded_token_rejected_total{$up} 0
$(for state in none fetching backing_off budget_used_up valid renewing overdue in_doubt; do
    echo "gauge postcoded_token_state{$up,state=\"$state\"} $([ "$state" = valid ] && echo 1 || echo 0)"
done)
gauge postcoded_token_waiters{$up} 0
gauge postcoded_token_expiry_timestamp_seconds{$up} 
counter postcoded_token_evictions_total{$up,reason="expired"} 0
counter postcoded_token_evictions_total{$up,reason="refused"} 0
gauge postcoded_store_items 1
counter postcoded_store_recycled_total 0
gauge postcoded_connections 
counter postcoded_connections_refused_total 0
$(for reason in closed timeout not_tls protocol alert no_certificate certificate; do
    echo "counter postcoded_tls_handshakes_failed_total{reason=\"$reason\"} 0"
done)
gauge postcoded_tls_certificate_expiry_timestamp_seconds 0
gauge postcoded_ready 1
$(for worker in 0 1 2; do
    echo "gauge postcoded_worker_busy_ratio{worker=\"$worker\"} "
done)
gauge postcoded_reload_timestamp_seconds 
gauge postcoded_reload_success 1
counter postcoded_reloads_total{result="success"} 1
counter postcoded_reloads_total{result="failure"} 0
counter postcoded_identity_key_fetches_total{result="success"} 0
counter postcoded_identity_key_fetches_total{result="failure"} 0
gauge postcoded_identity_keys 0
gauge postcoded_build_info{version="
counter process_cpu_seconds_total 
gauge process_resident_memory_bytes 
gauge process_virtual_memory_bytes 
gauge process_start_time_seconds 
gauge process_open_fds 
gauge process_max_fds 
END
for bound in 5e-05 0.0001 0.00025 0.0005 0.001 0.0025 0.005 0.01 0.025 0.05 0.1 0.25 0.5 1 2.5 5 10 \
    +Inf; do
    echo "postcoded_request_duration_seconds_bucket{le=\"$bound\"}"
done >"$here/buckets"
sed -n 's/^\(postcoded_request_duration_seconds_bucket{.*}\) .*/\1/p' "$here/metrics" |
    cmp -s - "$here/buckets" || fail "the buckets are others"
grep -q '^postcoded_request_duration_seconds_count 302$' "$here/metrics" || fail "302 requests"
grep -q '^postcoded_request_duration_seconds_bucket{le="+Inf"} 302$' "$here/metrics" || fail "+Inf"

for path in /tokens /config; do
    [ "$(operators $path -o /dev/null -w '%{http_code}')" = 404 ] || fail "$path on [metrics]"
done
[ "$(operators /metrics -X POST -o /dev/null -w '%{http_code}')" = 405 ] || fail "POST"
config=$(ask --unix-socket "$here/admin.sock" http://admin/config)
has "$config" '"client_secret": {' '"value": "(set)"' '"from": "default"' "$here/pc.ini:"
lacks "$config" '"holds"'

# What the key file was taken for, and nothing of it.
set_key identity mode jwt
set_key identity key_file identity.key
configure
kill -HUP "$daemon"
eventually metric_is postcoded_reloads_total 2 'result="success"'
config=$(ask --unix-socket "$here/admin.sock" http://admin/config)
has "$config" "\"holds\": \"an HMAC secret of ${#key} bytes (HS256)\""
[ "$(grep -o '"holds"' <<<"$config" | wc -l)" = 1 ] || fail "holds: $config"
lacks "$config" "$key"

command -v promtool >/dev/null || skip "no promtool here: the form was not checked"
promtool check metrics <"$here/metrics" >"$here/said" 2>&1 || fail "$(cat "$here/said")"
[ ! -s "$here/said" ] || fail "promtool says: $(cat "$here/said")"
