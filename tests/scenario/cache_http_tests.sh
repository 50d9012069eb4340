#!/bin/bash
# The public tests of HTTP caches (tests/httpcache), with the daemon as a shared cache and as a
# service's own one. Each case is expected to pass, or not to apply for a reason that is written down.
. "$TOP/tests/scenario/common.bash"

peers=httpcache
# shellcheck source=tests/scenario/peer_common.bash
. "$TOP/tests/scenario/peer_common.bash"

peer run
# The adapter answers when all cases are judged: in about 12 s, twice that where some are tried again.
judge() {
    ask -m 170 -X POST "${urls[0]}/run?as=$1&cache=$address" >"$here/$1.out" || fail "$(cat "$here/run.err")"
    tail -n 1 "$here/$1.out" | grep -qx 'as expected' || fail "as $1: $(cat "$here/$1.out")"
}

# Nothing is too late but what a case is about; one counts the requests.
default_keys
set_key server request_timeout 60s
set_key log access off
set_key lookup normalise off
set_key 'upstream location' address "${urls[0]}"
set_key 'upstream location' lookup_found /original
set_key 'upstream location' retries 0
set_key cache negative_ttl 1h
set_key cache stale_if_error 1h
# The suite has no case of stale-while-revalidate, and many in which a stale answer is a failure.
set_key cache stale_while_revalidate 0s

for as in shared service; do
    set_key cache as "$as"
    start_daemon
    judge "$as"
    stop_daemon
done

(cd "$packages" && node "$peers/table.mjs") >"$here/table.md" || fail "no table"
diff "$TOP/docs/cache-conformance.md" "$here/table.md" ||
    fail "docs/cache-conformance.md is not current: make cache-conformance"
