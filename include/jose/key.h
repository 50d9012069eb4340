/*
 * One key to verify or to sign with, whichever text it came from (jwk.h, pem.h, keys.c): judged,
 * and ready for each of its algorithms. Only for jose/.
 *
 * Threads: a key never changes once made. Any number of threads may verify and sign with it at
 * once. Each call works on a copy of a context that was prepared here, which is only read; OpenSSL
 * allows that for what its functions take as const (openssl-threads(7)).
 */
#ifndef JOSE_KEY_H
#define JOSE_KEY_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/types.h>

#include "base/err.h"
#include "base/reason.h"
#include "jose/base64url.h"
#include "jose/jws_alg.h"

/* The longest number of an EC key, and half of the longest ECDSA signature: P-521. */
#define KEY_HALF_MAX 66

/* The context for one algorithm; both NULL: the key is not for it. */
struct key_ready {
    EVP_MD_CTX *verifying; /* RSA, EC, Ed25519 */
    EVP_MAC_CTX *mac;      /* HMAC; holds the secret */
};

struct jose_key {
    enum key_kind kind;
    unsigned algs;  /* what it may verify or sign with, never 0 */
    size_t size;    /* HMAC: bytes of the secret; RSA: bits of the modulus */
    EVP_PKEY *pkey; /* NULL: HMAC */
    struct key_ready ready[JWS_ALG_COUNT];
    char *kid; /* NULL: it has none */
    bool verifies;
    bool signs; /* it has a private half, or is a secret, and may */
};

/*
 * Takes `pkey`, whatever the result. `has_private`: it has its private half too. `alg`: what a JWK
 * says that the key is for; NULL: whatever its kind is for. ERR_INVALID: it is of another type or
 * curve, too weak, for another algorithm, or its halves are not of one key; *key is untouched.
 * ERR_OK: *key verifies, signs where it has its private half, and has no kid; key_fini.
 */
ERR_CHECKED enum err key_take(EVP_PKEY *pkey, bool has_private, const char *alg,
                              struct jose_key *key, struct reason *reason);

/* The same for an HMAC secret, which is copied. NULL: each algorithm that it is long enough for. */
ERR_CHECKED enum err key_from_secret(const void *bytes, size_t len, const char *alg,
                                     struct jose_key *key, struct reason *reason);

/* A zeroed key is allowed. OpenSSL overwrites what is secret. */
void key_fini(struct jose_key *key);

/* "RSA, 2048 bits: RS256/384/512" and the like; free it with mem_free. */
char *key_describe(const struct jose_key *key);

/* Bytes of a signature with this algorithm, which is one of the key's. */
size_t key_signature_len(const struct jose_key *key, enum jws_alg alg);

/* Whether these bytes were signed with this key and this algorithm, one of the key's. */
bool key_verify(const struct jose_key *key, enum jws_alg alg, const void *bytes, size_t len,
                const struct octets *signature);

/*
 * The signature of these bytes with the first algorithm of the key, as JWS has it (for ECDSA: r and
 * s, each in full length; RFC 7518, section 3.4). False, with *signature empty, where OpenSSL
 * fails. Else octets_fini.
 */
bool key_sign(const struct jose_key *key, const void *bytes, size_t len, struct octets *signature);

#endif
