/*
 * A private key from JSON: a JWK (RFC 7517; RFC 8037 for Ed25519), or the one of a JWK set. Only
 * for signer.c.
 */
#ifndef JOSE_SIGNER_JWK_H
#define JOSE_SIGNER_JWK_H

#include <stddef.h>

#include "base/err.h"
#include "base/reason.h"
#include "jose/signer_key.h"

/*
 * `kid` (NULL: none) chooses in a set of several keys. ERR_INVALID: the reason is set, *key is
 * untouched. ERR_OK: signer_key_fini; key->kid is the JWK's own.
 */
ERR_CHECKED enum err signer_jwk_read(const char *bytes, size_t len, const char *kid,
                                     struct signer_key *key, struct reason *reason);

#endif
