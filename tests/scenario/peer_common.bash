# What the scenarios with servers from npm share, on top of common.bash. `peers`: the folder of
# tests/ that they and their lock file are in.
# shellcheck shell=bash

peers=$TOP/tests/${peers:-peers}
packages=$("$TOP/tests/npm-install" "$peers" 2>"$here/install.log")
case $? in
0) ;;
77) skip "the servers from npm: $(cat "$here/install.log")" ;;
*) fail "npm: $(cat "$here/install.log")" ;;
esac

# peer NAME ARGUMENT...: starts it; sets urls.
peer() {
    (cd "$packages" && exec node "$peers/$1.mjs" "${@:2}") >"$here/$1.out" \
        2>"$here/$1.err" &
    started+=("$!")
    eventually grep -qs "^listening on " "$here/$1.out"
    read -r -a urls <<<"$(sed -n 's/^listening on //p' "$here/$1.out")"
}
