/*
 * Whether the bytes of a key file may be an HMAC secret. Any bytes may, and that is the danger: a
 * public key taken for a secret lets everybody sign, and a URL or a path is soon guessed. So a text
 * that is plainly something else is named here, and never becomes a secret. A random secret in any
 * of its usual forms (bytes, base64, hexadecimal, words) passes.
 *
 * Any thread. Nothing here keeps, quotes or leaves behind what it read.
 */
#ifndef JOSE_KEY_TEXT_H
#define JOSE_KEY_TEXT_H

#include <stddef.h>

/* How many bytes at the start are the byte-order mark of UTF-8: 3 or 0. */
size_t key_text_bom(const char *bytes, size_t len);

/*
 * `bytes`: what a key file holds, without the byte-order mark of UTF-8.
 * NULL: they may be an HMAC secret. Else a constant, "it is ...; it should be ...", that says what
 * they are and what [identity] key_file should hold.
 */
const char *key_text_mistaken(const char *bytes, size_t len);

#endif
