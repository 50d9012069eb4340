/*
 * The algorithms of signatures (RFC 7518, section 3; RFC 8037, section 3.1), and which kind of key
 * each is for. Verifying and signing share this list.
 *
 * A set of algorithms is a number with the bit of each (JWS_BIT). Any thread.
 */
#ifndef JOSE_JWS_ALG_H
#define JOSE_JWS_ALG_H

#include <stdbool.h>
#include <stddef.h>

/* What a key is: kind, and its name for people. */
#define KEY_KIND_TABLE(X)                                                                          \
    X(KEY_HMAC, "HMAC secret")                                                                     \
    X(KEY_RSA, "RSA")                                                                              \
    X(KEY_RSA_PSS, "RSA-PSS")                                                                      \
    X(KEY_P256, "EC P-256")                                                                        \
    X(KEY_P384, "EC P-384")                                                                        \
    X(KEY_P521, "EC P-521")                                                                        \
    X(KEY_ED25519, "Ed25519")

enum key_kind {
#define KEY_KIND_ENUM(kind, name) kind,
    KEY_KIND_TABLE(KEY_KIND_ENUM)
#undef KEY_KIND_ENUM
};

/*
 * The table: index, name, first and last kind of key, digest (NULL: the algorithm has its own) and
 * its bytes. The first one that a key may use signs.
 */
#define JWS_ALG_TABLE(X)                                                                           \
    X(JWS_HS256, "HS256", KEY_HMAC, KEY_HMAC, "SHA256", 32)                                        \
    X(JWS_HS384, "HS384", KEY_HMAC, KEY_HMAC, "SHA384", 48)                                        \
    X(JWS_HS512, "HS512", KEY_HMAC, KEY_HMAC, "SHA512", 64)                                        \
    X(JWS_RS256, "RS256", KEY_RSA, KEY_RSA, "SHA256", 32)                                          \
    X(JWS_RS384, "RS384", KEY_RSA, KEY_RSA, "SHA384", 48)                                          \
    X(JWS_RS512, "RS512", KEY_RSA, KEY_RSA, "SHA512", 64)                                          \
    X(JWS_PS256, "PS256", KEY_RSA, KEY_RSA_PSS, "SHA256", 32)                                      \
    X(JWS_PS384, "PS384", KEY_RSA, KEY_RSA_PSS, "SHA384", 48)                                      \
    X(JWS_PS512, "PS512", KEY_RSA, KEY_RSA_PSS, "SHA512", 64)                                      \
    X(JWS_ES256, "ES256", KEY_P256, KEY_P256, "SHA256", 32)                                        \
    X(JWS_ES384, "ES384", KEY_P384, KEY_P384, "SHA384", 48)                                        \
    X(JWS_ES512, "ES512", KEY_P521, KEY_P521, "SHA512", 64)                                        \
    X(JWS_EDDSA, "EdDSA", KEY_ED25519, KEY_ED25519, NULL, 0)

enum jws_alg {
#define JWS_ALG_ENUM(alg, name, first, last, digest, digest_len) alg,
    JWS_ALG_TABLE(JWS_ALG_ENUM)
#undef JWS_ALG_ENUM
        JWS_ALG_COUNT
};

#define JWS_BIT(alg) (1u << (alg))

struct jws_alg_facts {
    const char *name;
    const char *digest; /* OpenSSL's name; NULL: none of its own choice */
    size_t digest_len;
};

const struct jws_alg_facts *jws_alg_facts(enum jws_alg alg);
/* The bit of a name; 0 for any other name. */
unsigned jws_alg_named(const char *name);
/* All algorithms for a kind of key; never 0. */
unsigned jws_algs_for(enum key_kind kind);
/* The first of a set that is not empty. */
enum jws_alg jws_alg_first(unsigned algs);
/* "RS256/384, EdDSA" and the like; free it with mem_free. */
char *jws_algs_text(unsigned algs);

const char *key_kind_name(enum key_kind kind);
/* Bytes of r, and of s, under an EC key; 0 for any other. */
size_t key_kind_half(enum key_kind kind);

/* RSASSA-PSS, in place of PKCS #1 v1.5. */
static inline bool jws_alg_is_pss(enum jws_alg alg)
{
    return alg >= JWS_PS256 && alg <= JWS_PS512;
}

#endif
