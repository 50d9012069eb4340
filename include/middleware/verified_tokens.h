/*
 * Identities that were verified, remembered until they expire, so that a signature is checked once
 * and not with each lookup. Bounded: VERIFIED_TOKENS_MAX of them, some 200 bytes each; what is
 * forgotten early is verified once more.
 *
 * One a worker, for one set of keys and rules: with others, verified_tokens_clear. Not shared
 * between threads.
 */
#ifndef MIDDLEWARE_VERIFIED_TOKENS_H
#define MIDDLEWARE_VERIFIED_TOKENS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"
#include "jose/jwt.h"

#define VERIFIED_TOKENS_MAX 2048

struct verified_tokens;

struct verified_tokens *verified_tokens_new(void);
void verified_tokens_free(struct verified_tokens *verified);
void verified_tokens_clear(struct verified_tokens *verified);

/* What stands for a token: SHA-256 over all of it. */
struct token_digest {
    unsigned char bytes[32];
};

/* False: no digest is available, and the token cannot be cached. */
bool verified_tokens_digest(struct verified_tokens *verified, const char *token, size_t len,
                            struct token_digest *out);

/* Its user, in `user`; false: it is not remembered, or has expired at `now`. */
bool verified_tokens_find(const struct verified_tokens *verified, const struct token_digest *digest,
                          struct wall_time now, char user[JWT_USER_MAX + 1]);
/* It was verified, and holds until `expires`. */
void verified_tokens_add(struct verified_tokens *verified, const struct token_digest *digest,
                         const char *user, struct wall_time expires);

#endif
