#!/bin/bash
# `make run`: on the ports that PORT names, with lines that work when pasted; where one is in use it
# says which, and the command to try; Ctrl-C ends both.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"

# A build of its own to run in, so that nobody's demonstration is disturbed.
mkdir "$here/b"
ln -s "$BUILD/postcoded" "$BUILD/location-standin" "$here/b"
run="$TOP/tests/standin/run"

# Without what the make that runs the tests was told.
has "$(env -u MAKEFLAGS -u MAKEOVERRIDES -u SAN -u CC make -n -C "$TOP" run PORT=18080)" \
    "tests/standin/run build 18080"

# failed PORT TEXT...: it does not start, and says these.
failed() {
    "$run" "$here/b" "$1" >"$here/out" 2>&1
    [ $? = 1 ] || fail "PORT=$1: $(cat "$here/out")"
    has "$(cat "$here/out")" "${@:2}"
}
for port in x 0 65526 99999 -1 80a; do
    failed "$port" "PORT is a number from 1 to 65525, not \"$port\"" "make run PORT=18080"
done

# Each of the three in use.
start_standin
taken=${url##*:}
for before in 0 1 10; do
    failed $((taken - before)) "127.0.0.1:$taken is in use already" "ss -ltnp 'sport = :$taken'"
    [[ $(cat "$here/out") =~ make\ run\ PORT=[0-9]+080$ ]] || fail "no port to try: $(cat "$here/out")"
done

# SIGINT is for it to handle, though a background job begins with it ignored.
up() {
    if [ -z "${running:-}" ] || ! kill -0 "$running" 2>/dev/null; then
        port=$((20000 + RANDOM % 30000))
        env --default-signal=INT "$run" "$here/b" "$port" >"$here/out" 2>"$here/log" &
        running=$!
        started+=("$running")
    fi
    grep -q 'Ctrl-C ends both' "$here/out"
}
# The daemon is started once the stand-in listens, however long that takes.
rm "$here/b/location-standin" "$here/b/postcoded"
cat >"$here/b/location-standin" <<END
#!/bin/bash
for ((i = 0; i < 10; i++)); do
    [ -e "$here/began" ] && break
    sleep 0.1
done
exec "$BUILD/location-standin" "\$@"
END
cat >"$here/b/postcoded" <<END
#!/bin/bash
: >"$here/began"
exec "$BUILD/postcoded" "\$@"
END
chmod +x "$here/b/location-standin" "$here/b/postcoded"
eventually up
lacks "$(cat "$here/log")" "token request failed"
pasted() {
    sed -n "s/^ *curl -i \(.*http:.*$1\)$/curl -q -s -o \/dev\/null -w '%{http_code}' \1/p" "$here/out" |
        head -n 1 | bash
}
has "$(cat "$here/out")" "http://127.0.0.1:$port/api/" "http://127.0.0.1:$((port + 1))/metrics" \
    "http://127.0.0.1:$((port + 10))/standin/"
lacks "$(cat "$here/out" "$here/b/run/demo.ini")" :8080 :8081 :8090
[ "$(pasted 'SW1A%201AA')" = 200 ] || fail "the first line: $(pasted 'SW1A%201AA')"
[ "$(pasted 'nowhere%21')" = 400 ] || fail "the third line: $(pasted 'nowhere%21')"
has "$(ask "http://127.0.0.1:$((port + 1))/readyz")" ready
kill -INT "$running"
wait "$running" || fail "after Ctrl-C: $?"
(exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && fail "the daemon is still there"
(exec 3<>"/dev/tcp/127.0.0.1/$((port + 10))") 2>/dev/null && fail "the stand-in is still there"

# Ports that are those of the example in another order.
sed "s/^use_port .*/use_port 8081; write_config; cat \"\$config\"; exit/" "$run" >"$here/only-write"
mkdir -p "$here/t/tests/standin" "$here/t/conf"
cp "$TOP/conf/demo.ini" "$here/t/conf"
mv "$here/only-write" "$here/t/tests/standin/run"
written=$(bash "$here/t/tests/standin/run" "$here/b")
has "$written" "listen = 127.0.0.1:8081" "listen = 127.0.0.1:8082" "address = http://127.0.0.1:8091"
