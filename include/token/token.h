/*
 * A token, as the keeper makes it and the lookups use it: immutable once published, but for the
 * successes that each worker notes. Reference-counted; the last reference wipes it.
 *
 * Words: a token is in its *refresh window* from `renew_at` (it is replaced in the background, and
 * used meanwhile) and *unusable* from `unusable_at` (never sent after that, though it would still
 * be valid).
 */
#ifndef TOKEN_TOKEN_H
#define TOKEN_TOKEN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/secret.h"

#define TOKEN_LIFETIME_MAX (24 * HOUR)

struct token;

/* What a token endpoint granted; see token/response.h. */
struct token_grant {
    const char *type;  /* as it goes into the Authorization header: "Bearer", or as received */
    const char *value; /* visible ASCII */
    int64_t lifetime;  /* ns, over 0, TOKEN_LIFETIME_MAX at most */
};

/*
 * How a lifetime is divided (contract 5, early expiry). All ns before the expiry. A configured
 * margin smaller than the unusable one (0 is allowed) is no early expiry at all: such a token is
 * renewed when it becomes unusable.
 */
struct token_margins {
    int64_t refresh_window; /* min(configured, 20 % of the lifetime), less the jitter */
    int64_t unusable;       /* min(10 s, 5 % of the lifetime) */
    bool shrunk;            /* the configured margin was over 20 % */
};

/* When tokens are renewed. */
struct token_renewal {
    int64_t early; /* the configured margin, ns */
    /* In a fleet, instead of it: after so many percent of the lifetime, 1 to 99, but not later than
     * the token becomes unusable. 0: no fleet. */
    int64_t percent;
};

/* jitter: 0 to UINT32_MAX, the share of a tenth of the margin that is taken off it. */
struct token_margins token_margins(int64_t lifetime, const struct token_renewal *renewal,
                                   uint32_t jitter);

/*
 * One reference, the caller's. `requested`: when the request was sent; the lifetime counts from
 * there. `workers`: how many workers will note successes.
 */
struct token *token_new(const struct token_grant *grant, struct mono_time requested,
                        const struct token_renewal *renewal, uint32_t jitter, uint64_t generation,
                        size_t workers);
struct token *token_ref(struct token *token);
void token_unref(struct token *token); /* NULL is allowed */

/*
 * The token as a value of the store: it lives in that secret's own bytes, and a reference to one
 * is a reference to the other. Borrowed. token_from finds the token in such a value.
 */
struct secret *token_secret(struct token *token);
struct token *token_from(struct secret *secret);

/* "Bearer abc", the value of an Authorization header; borrowed. */
const char *token_authorization(const struct token *token);
uint64_t token_generation(const struct token *token);
int64_t token_lifetime(const struct token *token);
struct mono_time token_requested(const struct token *token);
/* Never later than token_unusable_at. */
struct mono_time token_renew_at(const struct token *token);
struct mono_time token_unusable_at(const struct token *token);
struct mono_time token_expires_at(const struct token *token);
/*
 * Whose token it is: the keeper that obtained it, by its address alone. Set once, before the token
 * is published; a token without one is nobody's.
 */
struct keeper;
void token_set_keeper(struct token *token, const struct keeper *keeper);
bool token_is_of(const struct token *token, const struct keeper *keeper);
bool token_usable(const struct token *token, struct mono_time now);
/* The grant has the token's type and value; compared in a time that depends on lengths alone. */
bool token_same(const struct token *token, const struct token_grant *grant);

/* The tokens that are for one upstream and its credentials. */
struct token_era {
    uint64_t number;           /* grows by one whenever tokens of before are of no use any more */
    uint64_t first_generation; /* of tokens that belong to it */
};

/* The first 8 hex digits of SHA-256 over the value: enough to tell two apart, of no other use. */
#define TOKEN_FINGERPRINT 9
void token_fingerprint(const struct token *token, char out[TOKEN_FINGERPRINT]);

/*
 * A lookup sent with this token at `sent` succeeded, says worker number `worker`. Each worker has
 * a cache line of its own for it; the keeper reads them all when it judges a 401. A time
 * earlier than the one noted changes nothing.
 */
void token_succeeded(struct token *token, size_t worker, struct mono_time sent);
/* The latest of those times; {0} when none succeeded. */
struct mono_time token_last_success(const struct token *token);

#endif
