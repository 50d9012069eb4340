/*
 * Signatures in JWS compact serialization (RFC 7515, section 3.1), and the keys of one file that
 * they are looked at with. Only for jose/: files of keys are keys.c's, the claims inside a token
 * jwt.c's.
 */
#ifndef JOSE_JWS_H
#define JOSE_JWS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/reason.h"
#include "jose/base64url.h"
#include "jose/jws_alg.h"
#include "jose/key.h"
#include "jose/result.h"

#define JWT_KEYS_MAGIC 0x4a574b73u

struct jwt_keys {
    unsigned magic;
    _Atomic unsigned refs;
    char *kind;         /* what was read, for people */
    struct reason note; /* entries of a set that are not used; "": none */
    struct jose_key *items;
    size_t count;
};

/*
 * Whether the token is a JWS in compact serialization that one of the keys signed. JWT_OK with its
 * payload (octets_fini), else JWT_MALFORMED, JWT_CRITICAL, JWT_ALGORITHM, JWT_NO_KEY or
 * JWT_SIGNATURE and *payload empty. Any thread.
 */
enum jwt_result jws_open(const struct jwt_keys *keys, const char *token, size_t len,
                         struct octets *payload);

/*
 * Whether no key has the kid of a JWS, or it has none: a key that is not among them may have signed
 * it. For one that jws_open rejected. Any thread.
 */
bool jws_key_is_unknown(const struct jwt_keys *keys, const char *token, size_t len);

/*
 * The payload signed with a key that signs, with alg, typ "JWT" and kid in its header. Free it with
 * wipe_free_text. NULL where OpenSSL fails. Any thread.
 */
char *jws_sign(const struct jose_key *key, const char *payload, size_t len);

#endif
