/*
 * What tells a public text wherever it stands: a key in the middle of a dump, of a program or of a
 * page, and an address of keys. key_text names what a text is as a whole; this finds what is in it.
 *
 * Any thread. Nothing here keeps, quotes or leaves behind what it read.
 */
#ifndef JOSE_KEY_PIECES_H
#define JOSE_KEY_PIECES_H

#include <stddef.h>

/* The end of each of these texts, and of those of key_text. */
#define KEY_PIECES_NEEDED                                                                          \
    "it should be a JWK, a JWK set, a public key or certificate in PEM, or a secret of random "    \
    "bytes"
#define KEY_PIECES_NO_SECRET "a public key is not an HMAC secret; " KEY_PIECES_NEEDED

/* NULL: it has nothing but what random secrets have. Else a constant, as key_text_mistaken's. */
const char *key_pieces_mistaken(const char *bytes, size_t len);

#endif
