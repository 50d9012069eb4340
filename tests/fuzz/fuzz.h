/*
 * What the fuzz targets share. Each target is one function that is given any bytes, and holds what
 * the code under test says of them against what must be true of any answer: a target that only
 * waits for crashes would overlook a wrong answer.
 *
 * `make fuzz` builds them with libFuzzer; `make check` builds them with replay.c in its place, and
 * plays the corpora, so that nothing once found comes back.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A piece of the input. */
struct piece {
    const char *data;
    size_t len;
};

/* What stands before the next `end`, which is skipped; all, where there is none. */
static inline struct piece piece_until(struct piece *rest, char end)
{
    const char *at = rest->len > 0 ? memchr(rest->data, end, rest->len) : NULL;
    struct piece piece = {rest->data, at == NULL ? rest->len : (size_t)(at - rest->data)};
    size_t taken = at == NULL ? rest->len : piece.len + 1;
    rest->data += taken;
    rest->len -= taken;
    return piece;
}

/* In memory of exactly its size, where the sanitizer sees a read behind it; free it. */
static inline char *piece_exact(struct piece piece)
{
    char *copy = malloc(piece.len > 0 ? piece.len : 1);
    MUST(copy != NULL);
    if (piece.len > 0)
        memcpy(copy, piece.data, piece.len);
    return copy;
}

/* The same with a NUL behind it, cut at the first of its own; free it. */
static inline char *piece_text(struct piece piece)
{
    char *copy = malloc(piece.len + 1);
    MUST(copy != NULL);
    if (piece.len > 0)
        memcpy(copy, piece.data, piece.len);
    copy[piece.len] = '\0';
    return copy;
}

#endif
