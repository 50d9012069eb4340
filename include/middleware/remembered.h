/*
 * Identities that were verified, remembered until they expire, so that a signature is checked once
 * and not with each lookup. Bounded: REMEMBERED_MAX of them, some 200 bytes each; what is forgotten
 * early is verified once more.
 *
 * One a worker, for one set of keys and rules: with others, remembered_clear. Not shared between
 * threads.
 */
#ifndef MIDDLEWARE_REMEMBERED_H
#define MIDDLEWARE_REMEMBERED_H

#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"
#include "middleware/jwt.h"

#define REMEMBERED_MAX 2048

struct remembered;

struct remembered *remembered_new(void);
void remembered_free(struct remembered *remembered);
void remembered_clear(struct remembered *remembered);

/* What stands for a token: SHA-256 over all of it. */
struct token_digest {
    unsigned char bytes[32];
};

/* False: it cannot be had, and the token cannot be remembered. */
bool remembered_digest(struct remembered *remembered, const char *token, size_t len,
                       struct token_digest *out);

/* Its user, in `user`; false: it is not remembered, or has expired at `now`. */
bool remembered_find(const struct remembered *remembered, const struct token_digest *digest,
                     struct wall_time now, char user[JWT_USER_MAX + 1]);
/* It was verified, and holds until `expires`. */
void remembered_add(struct remembered *remembered, const struct token_digest *digest,
                    const char *user, struct wall_time expires);

#endif
