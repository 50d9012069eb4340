/*
 * The members of a JWK that are numbers (RFC 7518, section 6; RFC 8037, section 2), and OpenSSL's
 * key made of them. Only for jwk.c.
 */
#ifndef JOSE_JWK_NUMBERS_H
#define JOSE_JWK_NUMBERS_H

#include <jansson.h>
#include <openssl/types.h>

#include "base/err.h"
#include "base/reason.h"
#include "jose/base64url.h"

/* One decoded member of one byte or more; ERR_OK: octets_fini. */
ERR_CHECKED enum err jwk_member(const json_t *json, const char *name, struct octets *out,
                                struct reason *reason);

/*
 * The public half, and the private one where the JWK has a `d`. ERR_OK: *pkey is the caller's; the
 * halves need not be of one key (key_take sees to that).
 */
ERR_CHECKED enum err jwk_rsa(const json_t *json, EVP_PKEY **pkey, struct reason *reason);
ERR_CHECKED enum err jwk_ec(const json_t *json, EVP_PKEY **pkey, struct reason *reason);
ERR_CHECKED enum err jwk_okp(const json_t *json, EVP_PKEY **pkey, struct reason *reason);

#endif
