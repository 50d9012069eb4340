/*
 * Assertions of a client (RFC 7523, section 3): a short-lived, single-use token by which a client
 * says who it is (section 2.2), or asks for a token on behalf of a subject (section 2.1).
 */
#ifndef JOSE_ASSERTION_H
#define JOSE_ASSERTION_H

#include <stdint.h>

#include "base/clock.h"
#include "jose/signer.h"

/* Seconds that an assertion lives unless there is a reason (contract 12). */
#define JOSE_ASSERTION_LIFETIME 60

/* Borrowed strings, in UTF-8. */
struct jose_claims {
    const char *iss;
    const char *sub;
    const char *aud;
    const char *scope; /* NULL: none */
    int64_t lifetime;  /* seconds, from `now` to exp; above 0 */
};

/*
 * The claims with iat, exp and a jti of its own, signed. Free it with wipe_free_text: until it
 * expires or is used, it is as good as the key. NULL where OpenSSL fails or a claim is not UTF-8.
 * Any thread.
 */
char *jose_assertion(const struct jose_signer *signer, const struct jose_claims *claims,
                     struct wall_time now);

#endif
