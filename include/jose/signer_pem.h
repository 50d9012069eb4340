/*
 * A private key from PEM (RFC 7468): PKCS#8, or the older forms for RSA (RFC 8017) and EC (RFC
 * 5915). Only for signer.c.
 */
#ifndef JOSE_SIGNER_PEM_H
#define JOSE_SIGNER_PEM_H

#include <stddef.h>

#include "base/err.h"
#include "base/reason.h"
#include "jose/signer_key.h"

/*
 * The only private key among the blocks; certificates and the like beside it are passed over.
 * ERR_INVALID: the reason is set, *key is untouched. ERR_OK: signer_key_fini; it has no kid.
 */
ERR_CHECKED enum err signer_pem_read(const char *bytes, size_t len, struct signer_key *key,
                                     struct reason *reason);

#endif
