#!/bin/bash
# The manual's page on the cache says what is so: its configurations are taken, its command counts
# repeats, what it says is answered at hand is, while no token can be had, and its table of what is
# kept is true row by row.
# shellcheck source=tests/scenario/cache_common.bash
. "$TOP/tests/scenario/cache_common.bash"
page=$TOP/docs/cache.md

# Each block, in the place of the [cache] that there is.
start_cached
blocks=0
while IFS= read -r line; do
    case $line in
    '```ini')
        awk '/^\[/ { skip = $0 == "[cache]" } !skip' "$here/pc.ini" >"$here/block.ini"
        blocks=$((blocks + 1))
        inside=1
        ;;
    '```')
        inside=
        chmod 600 "$here/block.ini"
        "$BUILD/postcoded" -c "$here/block.ini" --check >"$here/checked" 2>&1 ||
            fail "block $blocks: $(cat "$here/block.ini" "$here/checked")"
        ;;
    *) [ -z "${inside:-}" ] || echo "$line" >>"$here/block.ini" ;;
    esac
done <"$page"
[ "$blocks" = 4 ] || fail "$blocks configurations"

# kept SAID CACHE-CONTROL [NAME=TEXT...]: what two lookups of a new postcode say: whether the first
# one was kept, and what the second one is.
number=0
kept() {
    local want=$1 first=passed postcode
    says "cache_control=$2" age= expires= vary= last_modified= etag=0 "${@:3}"
    number=$((number + 1))
    postcode=M$((number + 9))1AA
    look "$postcode"
    [[ $(field Cache-Status) != *'; stored'* ]] || first=stored
    look "$postcode"
    is status 200
    [ "$first $(seen cache)" = "$want" ] || fail "$2 ${*:3}: $first $(seen cache), not $want"
}
yes='stored hit'
no='passed fwd=uri-miss'

# as = shared.
kept "$yes" 'public, max-age=60'
kept "$yes" s-maxage=60
kept "$yes" 'must-revalidate, max-age=60'
kept "$yes" public expires="$(date_in 60)"
kept "$no" 'private, max-age=60'
kept "$no" max-age=60
kept "$no" 'public, max-age=60, no-store'
kept "$no" public
kept "$no" ''
kept 'stored fwd=stale' public etag=1
kept "$no" 'public, max-age=60' 'vary=*'
kept "$no" 'public, max-age=60' 'vary=Accept, X-GUID'
kept "$no" 'public, max-age=60' vary=traceparent
kept "$yes" 'public, max-age=60' vary=Accept-Encoding
reload as=service
kept "$yes" 'private, max-age=60'
kept "$yes" max-age=60
kept "$no" s-maxage=60
kept "$no" 'max-age=60, no-store'
reload as= ttl=1h
kept "$yes" ''
kept "$yes" max-age=0
kept "$no" private
kept "$no" no-store
logged 'ttl: 1h goes against the upstream.s word on how long an answer is fresh; ' >/dev/null
reload honour=off
kept "$yes" 'private, no-store' 'vary=*'
logged 'fresh, and honour = off against its no-store and private; ' >/dev/null
reload honour= ttl=

# A 404, and other statuses.
says 'cache_control=public, max-age=60' vary=
look ZZ11AA
is status 404
is cache fwd=uri-miss
reload negative_ttl=1m
look ZZ11AA
look ZZ11AA
is status 404
is cache hit
for status_of in 400 410 429 500; do
    says "lookup_status=$status_of" retry_after=0 error_fields=1
    look M22AA
    is cache fwd=uri-miss
    look M22AA
    is cache fwd=uri-miss
done
says lookup_status=0 error_fields=0

# While no token can be had, what is at hand is answered.
look M33AA
is status 200
says token_down=1
ask -X POST "$url/standin/revoke"
ask -X POST --unix-socket "$here/admin.sock" http://operators/tokens/location/forget
look M33AA
is status 200
is cache hit
look M33AB
is status 503
says token_down=0

# The page's own command, in the place of the journal the log.
known=$(grep -c ' request client=' "$here/log")
command=$(sed -n '/^    \$ journalctl/,/^$/p' "$page" | sed 's/^    \$ journalctl.*-o cat/cat "$here\/log"/')
has "$(eval "$command")" "$known lookups, " ' % of them repeats'
lacks "$(eval "$command")" ' 0 %' ' 100 %'
stop_daemon
