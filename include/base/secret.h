/*
 * Bytes nobody else may read: reference-counted, immutable once made, outside core dumps where the
 * kernel allows (MADV_DONTDUMP), and overwritten before the last reference frees them. Each has
 * pages of its own: right for tokens, keys and passwords, wasteful for anything there is one of a
 * request.
 *
 * Threads: the counter is atomic, so references may be held anywhere.
 */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>

struct secret;

/* A copy of `len` bytes, followed by a NUL that does not count. One reference, the caller's. */
struct secret *secret_new(const void *bytes, size_t len);

struct secret *secret_ref(struct secret *secret);
/* NULL is allowed. */
void secret_unref(struct secret *secret);

/* The bytes, aligned for any type; borrowed for as long as the reference. */
const void *secret_bytes(const struct secret *secret);
const char *secret_text(const struct secret *secret);
size_t secret_len(const struct secret *secret);

/* Same length and bytes, in a time that depends on the lengths alone. NULL equals only NULL. */
bool secret_equal(const struct secret *a, const struct secret *b);

/* Overwrites memory in a way the compiler keeps. */
void wipe(void *p, size_t len);
/* wipe(), then free(); NULL is allowed. `len` bytes, a whole text, or all that malloc gave. */
void wipe_free(void *p, size_t len);
void wipe_free_text(char *text);
void wipe_free_block(void *p);

#endif
