/*
 * The assertions of an upstream's token requests (RFC 7523): the client's, in place of a secret
 * (auth_client = private_key_jwt), and the one that is the grant (auth_flow = jwt_bearer), both
 * signed with auth_key_file. Private to src/token, but for the check of the key.
 *
 * Thread: any; an object is used by one at a time.
 */
#ifndef TOKEN_ASSERTIONS_H
#define TOKEN_ASSERTIONS_H

#include <stdbool.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/reason.h"
#include "config/config.h"

struct assertions;

/*
 * Whether auth_key_file can sign what the request needs; true also where it signs nothing, or where
 * the file is a credential that was not looked at. False: `reason` says why, without bytes of it.
 */
bool assertions_check(const struct config_upstream *upstream, struct reason *reason);

/* Borrows `upstream`. ERR_INVALID: as assertions_check. */
ERR_CHECKED enum err assertions_new(const struct config_upstream *upstream,
                                    struct assertions **out);
/* NULL is allowed. */
void assertions_free(struct assertions *assertions);

/* Signed for one request; NULL where it has none. */
struct token_assertions {
    char *client; /* RFC 7523, section 2.2 */
    char *grant;  /* RFC 7523, section 2.1 */
};

/* False: OpenSSL could not sign. assertions_wipe in every case. */
bool assertions_sign(const struct assertions *assertions, struct wall_time now,
                     struct token_assertions *out);
void assertions_wipe(struct token_assertions *made);

#endif
