/*
 * Bytes that lie outside this process, and that nobody without the key can read or change: AES-256-
 * GCM under a key that HKDF makes of another key, a label and a fresh salt.
 *
 *     mark        8 bytes     what it is
 *     version     1
 *     salt        32          of the key
 *     nonce       12
 *     text        the rest    encrypted; what stands before it is authenticated with it
 *     tag         16
 *
 * Any thread.
 */
#ifndef TOKEN_SEAL_H
#define TOKEN_SEAL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/secret.h"

#define SEAL_MARK 8
#define SEAL_HEADER (SEAL_MARK + 1 + 32 + 12)
#define SEAL_TAG 16

/* Borrowed, as it is. */
struct seal {
    const char *mark; /* SEAL_MARK bytes */
    unsigned char version;
    const char *label; /* what the key is for */
    const struct secret *key;
    /* Authenticated with the header, whose length is fixed, so that the two cannot run into each
     * other. It is not in the bytes: who opens them must know it. NULL: nothing. */
    const char *bound;
};

/*
 * One reference, the caller's. The bytes are a secret's, though anybody may see them: a token's
 * length is nobody's affair.
 */
struct secret *seal_close(const struct seal *seal, const void *text, size_t len);

/* The bytes have this mark; their version then goes to *version. Any bytes at all. */
bool seal_has_mark(const void *bytes, size_t len, const char *mark, unsigned char *version);

/*
 * The opposite: `text` has room for len - SEAL_HEADER - SEAL_TAG bytes, which must be 0 at least.
 * False: the bytes do not fit key, label and bound; `text` is to be wiped all the same. Mark and
 * version are authenticated, not compared.
 */
bool seal_open(const struct seal *seal, const void *bytes, size_t len, void *text);

#endif
