/*
 * What an identity is asked for besides a signature, and what a user may be called.
 */
#ifndef JOSE_JWT_RULES_H
#define JOSE_JWT_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json_pointer.h"

/*
 * A user is 1 to this many printable ASCII characters, 0x20 to 0x7e, the first and last not a
 * space.
 */
#define JWT_USER_MAX 128

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

/* Whether a name may be a user. For identities that do not come from a JWT. */
bool user_is_valid(const char *user, size_t len);

#endif
