/*
 * The private key in a text: PEM, a JWK, or the one of a JWK set. Only for signer.c.
 */
#ifndef JOSE_SIGNER_TEXT_H
#define JOSE_SIGNER_TEXT_H

#include <stddef.h>

#include "base/err.h"
#include "base/reason.h"
#include "jose/key.h"

/*
 * `kid` (NULL: none) chooses in a set of several keys. ERR_INVALID: the reason is set, *key is
 * untouched. ERR_OK: key_fini; key->kid is the JWK's own.
 */
ERR_CHECKED enum err signer_text_read(const char *bytes, size_t len, const char *kid,
                                      struct jose_key *key, struct reason *reason);

#endif
