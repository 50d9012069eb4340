/*
 * Identities as JWTs (RFC 7519) in JWS compact serialization (RFC 7515), signed with HS256, RS256,
 * PS256 or ES256 (RFC 7518, section 3), under keys from one file: an HMAC secret as it stands, or
 * a JWK or JWK set (RFC 7517). contract 4 says what counts.
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
#include "jose/result.h"

/* A user is 1 to this many printable ASCII characters, 0x20 to 0x7e. */
#define JWT_USER_MAX 128

struct jwt_keys;

/*
 * Keys from the bytes of a key file: JSON when the first byte that is not JSON's white space is
 * `{`, else an HMAC secret of 32 bytes or more, with one trailing newline not part of it. A
 * byte-order mark of UTF-8 is skipped, and what is plainly no secret is a fault (key_text.h).
 *
 * A key without `alg` is for HS256 (oct), RS256 and PS256 (RSA) or ES256 (P-256). A token's `kid`
 * chooses among the keys; where no key has it, those without one are tried, for they are silent
 * about it (an HMAC secret never has one). In a set, keys meant for something else (encryption, an
 * algorithm or curve not used here) are passed over; a broken or weak key is a fault wherever it
 * stands, and so is a file that leaves no key to verify with. Weak: oct under 32 bytes, RSA under
 * 2048 bits. A private half that does not fit its public one is broken.
 *
 * ERR_INVALID with `reason` set (what is wrong; what would be right; never bytes of a key).
 * ERR_OK: one reference, the caller's.
 */
ERR_CHECKED enum err jwt_keys_new(const char *bytes, size_t len, struct reason *reason,
                                  struct jwt_keys **out);
/* References; any thread. NULL is allowed for _unref, and the last one overwrites what is secret.
 */
struct jwt_keys *jwt_keys_ref(struct jwt_keys *keys);
void jwt_keys_unref(struct jwt_keys *keys);

/* What the keys were read from, for people: "an HMAC secret", "a JWK set". Borrowed. */
const char *jwt_keys_kind(const struct jwt_keys *keys);
/* Which entries of a set are not used, and why; "" where there are none. Borrowed. */
const char *jwt_keys_note(const struct jwt_keys *keys);

/* A claim: the member of that name, or what the pointer leads to. */
struct jwt_claim {
    const char *name;                   /* as people know it */
    const struct json_pointer *pointer; /* NULL: there is none */
};

/*
 * The claim must be a string, integer or boolean whose text (of the latter, JSON's) is the value,
 * or an array that holds one. A string `scope` or `scp` is a list with spaces between (RFC 6749,
 * section 3.3), and may be or hold it.
 */
struct jwt_requirement {
    struct jwt_claim claim;
    const char *value;
};

/* All of it is borrowed. Zeroed, it looks at exp, nbf and sub alone. */
struct jwt_rules {
    const char *issuer;           /* what iss must be; NULL: not looked at */
    const char *const *audiences; /* one of which aud must be, or hold; a NULL ends it; NULL: not
                                     looked at */
    struct jwt_claim user;        /* who it is; without a name: sub */
    const struct jwt_requirement *requirements; /* all of which must be met */
    size_t requirement_count;
    int64_t leeway;       /* nanoseconds by which clocks may differ */
    int64_t max_lifetime; /* nanoseconds that exp may lie ahead, beside the leeway; 0: any */
};

/* The phrase of a result; never NULL. */
const char *jwt_result_text(enum jwt_result result);
/* Why an identity with this result is rejected; IDENTITY_NOT_REJECTED for JWT_OK. */
enum identity_reason jwt_result_reason(enum jwt_result result);

/*
 * Whether a name may be a user: 1 to JWT_USER_MAX printable ASCII characters. For identities that
 * do not come from a JWT.
 */
bool user_is_valid(const char *user, size_t len);

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
 * A token for `user`, valid from `now` for `ttl` nanoseconds (whole seconds count, one at least),
 * signed with the first key of the file that can sign, with all that the rules ask for: iss, the
 * first audience, the user's claim beside sub, and the required claims, as strings.
 * Free it with mem_free. NULL with `reason` set when the user or ttl is not one, when no key can
 * sign, when no token can meet all the rules, or when it would be longer than JWT_TOKEN_MAX.
 */
char *jwt_mint(const struct jwt_keys *keys, const struct jwt_rules *rules, const char *user,
               int64_t ttl, struct wall_time now, struct reason *reason);

#endif
