#!/bin/bash
# With a libmicrohttpd of a version that it does not know the daemon does not start: status 3 and one
# sentence. The commands that serve nobody work.
# shellcheck source=tests/scenario/common.bash
. "$TOP/tests/scenario/common.bash"
[ "$slow" = 1 ] || skip "a sanitizer wants to be the first library"

default_keys
configure
for version in 2.0.0 0.9.74 nonsense; do
    echo "const char *MHD_get_version(void); const char *MHD_get_version(void) { return \"$version\"; }" |
        gcc -shared -fPIC -x c -o "$here/fake.so" - || fail "the library in its place does not build"
    LD_PRELOAD="$here/fake.so" "$BUILD/postcoded" -c "$here/pc.ini" >"$here/out" 2>"$here/err"
    [ $? = 3 ] || fail "$version: not status 3: $(cat "$here/err")"
    has "$(cat "$here/err")" "libmicrohttpd $version is loaded; versions 0.9.75 to 1.x are supported"
    [ "$(wc -l <"$here/err")" = 1 ] || fail "more than a line: $(cat "$here/err")"
    LD_PRELOAD="$here/fake.so" "$BUILD/postcoded" -c "$here/pc.ini" --check >"$here/out" 2>&1 ||
        fail "--check: $(cat "$here/out")"
done
