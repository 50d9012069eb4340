/*
 * Keys from PEM (RFC 7468). Private: PKCS#8, or the older forms for RSA (RFC 8017) and EC (RFC
 * 5915). Public: SubjectPublicKeyInfo, the older form for RSA, or a certificate. Only for jose/.
 */
#ifndef JOSE_PEM_H
#define JOSE_PEM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/reason.h"
#include "jose/key.h"

/* Whether a text is PEM, or means to be: a block begins somewhere in it. */
bool pem_begins(const char *bytes, size_t len);

/*
 * The only private key among the blocks; certificates and the like beside it are passed over.
 * ERR_INVALID: the reason is set, *key is untouched. ERR_OK: key_fini; it has no kid.
 */
ERR_CHECKED enum err pem_read_private(const char *bytes, size_t len, struct jose_key *key,
                                      struct reason *reason);

/*
 * The same for the only public key or certificate; a private key is a fault. Of a certificate, the
 * key alone is taken: neither its issuer nor its dates are looked at.
 */
ERR_CHECKED enum err pem_read_public(const char *bytes, size_t len, struct jose_key *key,
                                     bool *is_certificate, struct reason *reason);

#endif
