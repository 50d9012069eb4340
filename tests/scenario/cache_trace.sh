#!/bin/bash
# A shared call has the GUID and the trace of the lookup that began it, at the upstream too.
# shellcheck source=tests/scenario/cache_common.bash
. "$TOP/tests/scenario/cache_common.bash"

trace=0af7651916cd43dd8448eb211c80319c
start_cached
says 'cache_control=public, max-age=3600' echo=traceparent
look M11AA -H "traceparent: 00-$trace-b7ad6b7169203331-01"
has "$body" "00-$trace-"
says echo=X-GUID
look M12AA -H 'X-GUID: who-began'
has "$body" who-began
says echo=tracestate
look M13AA -H "traceparent: 00-$trace-b7ad6b7169203331-01" -H 'tracestate: vendor=opaque'
has "$body" vendor=opaque
stop_daemon
