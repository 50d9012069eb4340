/*
 * What signer.h stands on, and nobody else needs: one private key, judged, and signatures under it.
 * Where a key comes from is signer_jwk.c's and signer_pem.c's.
 */
#ifndef JOSE_SIGNER_KEY_H
#define JOSE_SIGNER_KEY_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/core_names.h>
#include <openssl/types.h>

#include "base/err.h"
#include "base/reason.h"
#include "jose/base64url.h"

/* For reasons: every key that can sign. */
#define SIGNER_KEYS "RSA (RS256, PS256), EC P-256 (ES256), EC P-384 (ES384) or Ed25519 (EdDSA)"

/* The numbers of an RSA key: index, name in a JWK (RFC 7518, section 6.3), name in OpenSSL. */
#define SIGNER_RSA_TABLE(X)                                                                        \
    X(SIGNER_RSA_N, "n", OSSL_PKEY_PARAM_RSA_N)                                                    \
    X(SIGNER_RSA_E, "e", OSSL_PKEY_PARAM_RSA_E)                                                    \
    X(SIGNER_RSA_D, "d", OSSL_PKEY_PARAM_RSA_D)                                                    \
    X(SIGNER_RSA_P, "p", OSSL_PKEY_PARAM_RSA_FACTOR1)                                              \
    X(SIGNER_RSA_Q, "q", OSSL_PKEY_PARAM_RSA_FACTOR2)                                              \
    X(SIGNER_RSA_DP, "dp", OSSL_PKEY_PARAM_RSA_EXPONENT1)                                          \
    X(SIGNER_RSA_DQ, "dq", OSSL_PKEY_PARAM_RSA_EXPONENT2)                                          \
    X(SIGNER_RSA_QI, "qi", OSSL_PKEY_PARAM_RSA_COEFFICIENT1)

enum signer_rsa {
#define SIGNER_RSA_ENUM(index, jwk, openssl) index,
    SIGNER_RSA_TABLE(SIGNER_RSA_ENUM)
#undef SIGNER_RSA_ENUM
        SIGNER_RSA_COUNT
};

struct signer_alg;

struct signer_key {
    EVP_PKEY *pkey;
    const struct signer_alg *alg;
    char *kid; /* NULL: it has none */
};

/* Sets the reason; ERR_INVALID. For all files of the signer. */
ERR_CHECKED enum err signer_key_invalid(struct reason *reason, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The same for a private half that is not the public one's. */
ERR_CHECKED enum err signer_key_halves_differ(struct reason *reason);

/*
 * Takes `pkey`, a private key with its public half, whatever the result. `alg`: what a JWK says
 * that the key is for; NULL: the usual one of its type. ERR_INVALID: the key is of another type or
 * curve, too weak, for another algorithm, or its halves are not of one key; *key is untouched.
 * ERR_OK: pkey and alg are set, and signer_key_fini frees them.
 */
ERR_CHECKED enum err signer_key_judge(EVP_PKEY *pkey, const char *alg, struct signer_key *key,
                                      struct reason *reason);

/* A zeroed key is allowed. OpenSSL overwrites what is secret. */
void signer_key_fini(struct signer_key *key);

/* "RS256" and so on. */
const char *signer_key_alg(const struct signer_key *key);

/*
 * The signature of these bytes as JWS has it (for ECDSA: r and s, each in full length; RFC 7518,
 * section 3.4). False, with *signature empty, where OpenSSL fails. Else octets_fini. Any thread.
 */
bool signer_key_sign(const struct signer_key *key, const void *bytes, size_t len,
                     struct octets *signature);

#endif
