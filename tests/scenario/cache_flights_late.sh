#!/bin/bash
# A call that waits for a connection until its time is nearly over is not made any more. Who comes
# then does not join it, but makes a call that has the time for an answer.
# shellcheck source=tests/scenario/cache_held_common.bash
. "$TOP/tests/scenario/cache_held_common.bash"

cache_keys
set_key server request_timeout 5s
set_key 'upstream location' max_connections 1
start_daemon
eventually is_ready
knob delay=2000

begin one M11AA
calling 1
begin two M12AA
in_flight 2
begin three M13AA # its turn comes when it has a second left
in_flight 3
ended two
is status 200
begin four M13AA
ended four
is status 200
stop_daemon
