/*
 * Base64url without padding, as JOSE has it (RFC 7515, section 2; RFC 4648, section 5), read so
 * that a text stands for one byte string and a byte string has one text: no padding, no white
 * space, no foreign character, no bits left over in the last character.
 */
#ifndef JOSE_BASE64URL_H
#define JOSE_BASE64URL_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes with their own memory, followed by a NUL that does not count. */
struct octets {
    unsigned char *bytes;
    size_t len;
};

/* False, with *out empty, where the text is not strict base64url. Else free it (octets_fini). */
bool base64url_decode(const char *text, size_t len, struct octets *out);

/* The text of `len` bytes, without padding. Free it. */
char *base64url_encode(const void *bytes, size_t len);

/* Overwrites and frees. An empty one is allowed. */
void octets_fini(struct octets *octets);

#endif
