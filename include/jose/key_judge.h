/*
 * Whether a key is strong and whole, before it counts. Only for key.c; the numbers of RSA are
 * jwk_numbers.c's too.
 */
#ifndef JOSE_KEY_JUDGE_H
#define JOSE_KEY_JUDGE_H

#include <stdbool.h>

#include <openssl/core_names.h>
#include <openssl/types.h>

#include "base/err.h"
#include "base/reason.h"
#include "jose/jws_alg.h"

/* The numbers of an RSA key: index, name in a JWK (RFC 7518, section 6.3), name in OpenSSL. */
#define KEY_RSA_TABLE(X)                                                                           \
    X(KEY_RSA_N, "n", OSSL_PKEY_PARAM_RSA_N)                                                       \
    X(KEY_RSA_E, "e", OSSL_PKEY_PARAM_RSA_E)                                                       \
    X(KEY_RSA_D, "d", OSSL_PKEY_PARAM_RSA_D)                                                       \
    X(KEY_RSA_P, "p", OSSL_PKEY_PARAM_RSA_FACTOR1)                                                 \
    X(KEY_RSA_Q, "q", OSSL_PKEY_PARAM_RSA_FACTOR2)                                                 \
    X(KEY_RSA_DP, "dp", OSSL_PKEY_PARAM_RSA_EXPONENT1)                                             \
    X(KEY_RSA_DQ, "dq", OSSL_PKEY_PARAM_RSA_EXPONENT2)                                             \
    X(KEY_RSA_QI, "qi", OSSL_PKEY_PARAM_RSA_COEFFICIENT1)

enum key_rsa {
#define KEY_RSA_ENUM(index, jwk, openssl) index,
    KEY_RSA_TABLE(KEY_RSA_ENUM)
#undef KEY_RSA_ENUM
        KEY_RSA_COUNT
};

/* ERR_OK: the numbers of this kind of key are sound, and the halves, where it has both, are one
 * key's. */
ERR_CHECKED enum err key_judge(EVP_PKEY *pkey, enum key_kind kind, bool has_private,
                               struct reason *reason);

#endif
