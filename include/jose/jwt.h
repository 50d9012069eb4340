/*
 * Identities as JWTs (RFC 7519) in JWS compact serialization (RFC 7515), signed with one of the
 * algorithms of jws_alg.h, under keys from one file: an HMAC secret as it stands, a public key or
 * certificate in PEM, or a JWK or JWK set (RFC 7517). contract 4 says what counts.
 *
 * Threads: keys never change once made, and are reference-counted. jwt_verify and jwt_mint may use
 * the same keys from any number of threads at once.
 */
#ifndef JOSE_JWT_H
#define JOSE_JWT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/json_pointer.h"
#include "base/reason.h"
#include "jose/jwt_rules.h"
#include "jose/result.h"

struct jwt_keys;

/*
 * Keys from the bytes of a key file; a byte-order mark before them does not count. JSON when the
 * first byte that is not JSON's white space is `{`, PEM when a block begins in it, a fault when it
 * is plainly something else (key_text.h). Else an HMAC secret of 32 bytes or more, for HS256, with
 * one trailing newline not part of it.
 *
 * A key is for its `alg`. One without is for all algorithms of its kind: an RSA key RS256, RS384,
 * RS512, PS256, PS384 and PS512, an EC key that of its curve, an oct key those whose hash is no
 * longer than the secret. A token's `kid` chooses among the keys; where no key has it, those
 * without one are tried, for they are silent about it (only a JWK has one).
 *
 * A key that is broken, weak or for something else is a fault where it stands alone. In a set it is
 * left out, and the note says so; a set with no key to verify with is a fault. Weak: oct under 32
 * bytes, RSA under 2048 bits. A private half that does not fit its public one is broken.
 *
 * ERR_INVALID with `reason` set (what is wrong; what would be right; never bytes of a key).
 * ERR_OK: one reference, the caller's.
 */
ERR_CHECKED enum err jwt_keys_new(const char *bytes, size_t len, struct reason *reason,
                                  struct jwt_keys **out);
/* The most keys of a set. */
#define JWT_KEYS_MAX 100
/*
 * The same from a JWK set that was fetched: anything else is a fault. HMAC secrets and keys with
 * their private halves are left out, since whoever can fetch the set could sign with them.
 * ERR_NOT_FOUND, with `reason` set: it is a set, and no key of it can verify.
 */
ERR_CHECKED enum err jwt_keys_new_set(const char *bytes, size_t len, struct reason *reason,
                                      struct jwt_keys **out);
/* References; any thread. NULL is allowed for _unref, and the last one overwrites what is secret.
 */
struct jwt_keys *jwt_keys_ref(struct jwt_keys *keys);
void jwt_keys_unref(struct jwt_keys *keys);

/*
 * What the keys were read from, for people: "an HMAC secret of 48 bytes (HS256)", "a JWK set of 3
 * keys (RS256/384/512, ES256)". Borrowed.
 */
const char *jwt_keys_kind(const struct jwt_keys *keys);
/*
 * Which entries of a set are not used, and why, in one sentence: `2 of 5 keys of the set are not
 * used: key 2 (kid "x"): its kty is not used here; key 4: ...`. "" where there are none. Borrowed.
 */
const char *jwt_keys_note(const struct jwt_keys *keys);
/* How many of them can verify. */
size_t jwt_keys_count(const struct jwt_keys *keys);

/* The phrase of a result; never NULL. */
const char *jwt_result_text(enum jwt_result result);
/* Why an identity with this result is rejected; IDENTITY_NOT_REJECTED for JWT_OK. */
enum identity_reason jwt_result_reason(enum jwt_result result);

/*
 * Whether `token` (len bytes, any) proves an identity at `now`. The signature is looked at before
 * any claim. exp is required: rejected from exp + leeway on (RFC 7519, section 4.1.4); nbf, where
 * present, rejects until nbf - leeway. The requirements are looked at last, so that a JWT_FORBIDDEN
 * is of an identity that is good in all else.
 * JWT_OK: `user` is who it is, *expires the first moment at which the same token is rejected, which
 * is exp + leeway (the end of what a cache may remember). JWT_FORBIDDEN: `user` alone. Else neither
 * is touched.
 * Any thread.
 */
enum jwt_result jwt_verify(const struct jwt_keys *keys, const struct jwt_rules *rules,
                           const char *token, size_t len, struct wall_time now,
                           char user[JWT_USER_MAX + 1], struct wall_time *expires);

/*
 * Whether a token that jwt_verify rejected may be signed by a key that is not among these: no key
 * has its kid, or it has none. Any thread.
 */
bool jwt_key_is_unknown(const struct jwt_keys *keys, const char *token, size_t len);

/*
 * A token for `user`, valid from `now` for `ttl` nanoseconds (whole seconds count, one at least),
 * signed with the first key of the file that can sign, with all that the rules ask for: iss, the
 * first audience, the user's claim beside sub, and the required claims, as strings.
 * Free it with mem_free. NULL with `reason` set when the user or ttl is not one, when no key can
 * sign, when no token can meet all the rules, or when it would be longer than JWT_TOKEN_MAX.
 */
char *jwt_mint(const struct jwt_keys *keys, const struct jwt_rules *rules, const char *user,
               int64_t ttl, struct wall_time now, struct reason *reason);

#endif
