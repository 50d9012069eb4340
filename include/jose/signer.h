/*
 * Tokens signed with a private key, for a token endpoint that knows its public half: a client's
 * assertion in place of a secret (RFC 7523). contract 12 says which keys there are.
 *
 *   key                     algorithm
 *   RSA                     RS256; another of RS and PS where a JWK's alg says so; PS256 where PEM
 *                           has an RSA-PSS key for any digest
 *   EC P-256, P-384, P-521  ES256, ES384, ES512
 *   Ed25519                 EdDSA
 *
 * Threads: a signer never changes once made. Any number of threads may sign with it at once; who
 * frees it makes sure that nobody uses it any more.
 */
#ifndef JOSE_SIGNER_H
#define JOSE_SIGNER_H

#include <stddef.h>

#include "base/err.h"
#include "base/reason.h"

/* The longest text that may hold a key, in bytes. */
#define JOSE_SIGNER_TEXT_MAX (64 * 1024)

struct jose_signer;

/*
 * From the text of a key file: an unencrypted private key in PEM, a JWK, or a JWK set with one
 * private key that signs, or one of the given kid. A byte-order mark and outer white space do not
 * count. `kid`: what the header says, in place of the JWK's; NULL: the JWK's, or none.
 *
 * ERR_INVALID with `reason` set: what it is and what it should be, never bytes of it.
 * ERR_OK: *out is the caller's, jose_signer_free. The terminal is never asked for a pass phrase.
 */
ERR_CHECKED enum err jose_signer_new(const char *bytes, size_t len, const char *kid,
                                     struct reason *reason, struct jose_signer **out);
/* OpenSSL overwrites what is secret. NULL is allowed. */
void jose_signer_free(struct jose_signer *signer);

/* "RS256" and so on; borrowed, and so is the kid, NULL where there is none. */
const char *jose_signer_alg(const struct jose_signer *signer);
const char *jose_signer_kid(const struct jose_signer *signer);

/*
 * The payload as a JWS in compact serialization (RFC 7515, section 3.1), with alg, typ "JWT" and
 * kid in its header. Free it with wipe_free_text. NULL where OpenSSL fails.
 */
char *jose_signer_sign(const struct jose_signer *signer, const char *payload, size_t len);

#endif
