#!/bin/bash
# Plays the corpus of each fuzz target: what was once found stays found.
set -u
cd "$TOP/tests/fuzz" || exit 1

played=0
for source in *.c; do
    target=${source%.c}
    [ "$target" = replay ] && continue
    "$BUILD/fuzz/$target" "corpus/$target" || exit 1
    played=$((played + 1))
done
[ "$played" -gt 0 ]
