/*
 * What jwt.h stands on, and nobody else needs: one key (jwk.c), signatures (jws.c). Files of keys
 * are keys.c's, the claims inside a token jwt.c's.
 */
#ifndef JOSE_JWS_H
#define JOSE_JWS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include <cjose/cjose.h>
#include <jansson.h>

#include "base/reason.h"
#include "jose/base64url.h"
#include "jose/result.h"

/* The table: bit, name (RFC 7518, section 3.1), type of key. The first of a type signs. */
#define JWS_ALG_TABLE(X)                                                                           \
    X(JWS_HS256, 1u, "HS256", "oct")                                                               \
    X(JWS_RS256, 2u, "RS256", "RSA")                                                               \
    X(JWS_PS256, 4u, "PS256", "RSA")                                                               \
    X(JWS_ES256, 8u, "ES256", "EC")

enum jws_alg {
#define JWS_ALG_ENUM(name, bit, text, kty) name = bit,
    JWS_ALG_TABLE(JWS_ALG_ENUM)
#undef JWS_ALG_ENUM
};

/* The bit of a name; 0 for any other name. */
unsigned jws_alg_named(const char *name);
/* All algorithms for a type of key; 0 for an unknown type. */
unsigned jws_algs_for(const char *kty);
/* The name of the first algorithm in a set that is not empty. */
const char *jws_alg_name(unsigned algs);

struct jwt_key {
    cjose_jwk_t *jwk;
    unsigned algs;        /* what it may verify or sign with, never 0 */
    size_t signature_len; /* bytes, the same for each of its algorithms */
    char *kid;            /* NULL: it has none */
    bool verifies;
    bool signs; /* it has a private half, and may */
};

/* What became of one JWK. */
enum jwk_verdict {
    JWK_USABLE,
    JWK_FOREIGN, /* sound as far as was looked, but not for us: a set may hold it */
    JWK_BROKEN,
};

/*
 * Reads one JWK. JWK_USABLE: jwk_fini when done. Else nothing is left in *key, and the reason says
 * what is wrong and what would be right.
 */
enum jwk_verdict jwk_read(const json_t *json, struct jwt_key *key, struct reason *reason);

/* Sets jwk and signature_len from an HMAC secret; leaves the rest of the key. */
enum jwk_verdict jwk_from_secret(struct jwt_key *key, const void *bytes, size_t len,
                                 struct reason *reason);

/* Overwrites what is secret. A zeroed key is allowed. */
void jwk_fini(struct jwt_key *key);

#define JWT_KEYS_MAGIC 0x4a574b73u

struct jwt_keys {
    unsigned magic;
    _Atomic unsigned refs;
    const char *kind;   /* a constant */
    struct reason note; /* entries of a set that are not used; "": none */
    struct jwt_key *items;
    size_t count;
};

/*
 * Whether the token is a JWS in compact serialization that one of the keys signed. JWT_OK with its
 * payload (octets_fini), else JWT_MALFORMED, JWT_CRITICAL, JWT_ALGORITHM, JWT_NO_KEY or
 * JWT_SIGNATURE and *payload empty.
 */
enum jwt_result jws_open(const struct jwt_keys *keys, const char *token, size_t len,
                         struct octets *payload);

/* The payload signed with a key that signs; free it with mem_free. NULL where the key cannot. */
char *jws_sign(const struct jwt_key *key, const char *payload, size_t len);

/* Whether a token that jws_sign made verifies under this key, whatever it is meant for. */
bool jws_signed_by(const struct jwt_key *key, const char *token);

#endif
