#!/bin/bash
# The status page in headless Chromium, in front of a real daemon: tests/browser/status.mjs. Screenshots
# are in the build's folder browser-shots.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

for chromium in chromium chromium-browser google-chrome; do
    command -v "$chromium" >/dev/null && break
done
chromium=$(command -v "$chromium") || skip "no browser here; install Debian's package chromium"
packages=$("$TOP/tests/npm-install" "$TOP/tests/browser" 2>"$here/install.log") ||
    skip "no playwright-core and axe-core ($(tail -n 1 "$here/install.log")); make browser-deps fetches them"

start_standin
default_keys
set_key metrics listen 127.0.0.1:0
start_daemon
page=$(sed -n 's/.*metrics on \([0-9.:]*\).*/\1/p' "$here/log")
operators() {
    ask "http://$page$1" "${@:2}"
}
eventually is_ready

# Where node finds the packages: beside the scripts.
cp "$TOP"/tests/browser/*.mjs "$here/"
ln -s "$packages/node_modules" "$here/node_modules"
HOME=$here node "$here/status.mjs" "$chromium" "http://$page/" "$at" "$url" "$here/admin.sock" \
    "$daemon" "$BUILD/browser-shots" >"$here/said" 2>&1 || fail "$(cat "$here/said")"
cat "$here/said"
wait "$daemon" || fail "the daemon ended with $?"
exit 0
