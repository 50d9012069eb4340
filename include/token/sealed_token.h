/*
 * A token as bytes that may lie outside this process: what the service manager keeps for us across
 * a restart (contract 7). Sealed (token/seal.h) under the key of the credentials the token was
 * obtained with, so that it is worthless to whoever lacks them. Two upstreams may have the same
 * credentials: the NAME of the upstream is bound to the seal, so that neither gets the other's
 * token.
 *
 * The mark is "postcodT", the version SEALED_TOKEN_VERSION. In the text, numbers with their highest
 * byte first:
 *
 *     boot        16 bytes    in which boot of the machine the next number means anything
 *     requested   8           when the token was asked for, CLOCK_BOOTTIME in ns
 *     lifetime    8           ns
 *     type_len    2
 *     type                    "Bearer"
 *     value                   all that is left
 *
 * What begins with the lifetime is a grant, which others seal too (token/fleet_seal.h).
 *
 * Opening takes any bytes at all (tests/fuzz). Any thread.
 */
#ifndef TOKEN_SEALED_TOKEN_H
#define TOKEN_SEALED_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/secret.h"
#include "token/response.h"
#include "token/seal.h"
#include "token/token.h"

#define SEALED_TOKEN_VERSION 2
/* Of the time when there was one upstream: without its NAME. */
#define SEALED_TOKEN_NAMELESS 1
#define SEALED_TOKEN_BOOT 16
/* What stands before the token's type and value: in a grant, and in all. */
#define SEALED_GRANT_FACTS (8 + 2)
#define SEALED_GRANT_MAX (SEALED_GRANT_FACTS + TOKEN_TYPE_MAX + TOKEN_VALUE_MAX)
#define SEALED_TOKEN_FACTS (SEALED_TOKEN_BOOT + 8 + SEALED_GRANT_FACTS)
#define SEALED_TOKEN_MIN (SEAL_HEADER + SEALED_TOKEN_FACTS + 1 + 1 + SEAL_TAG)
#define SEALED_TOKEN_MAX                                                                           \
    (SEAL_HEADER + SEALED_TOKEN_FACTS + TOKEN_TYPE_MAX + TOKEN_VALUE_MAX + SEAL_TAG)

struct sealed_token_moment {
    unsigned char boot[SEALED_TOKEN_BOOT]; /* zeros where the system does not tell */
    struct mono_time requested;
};

/* Whose a token is. Both are borrowed. */
struct sealed_token_owner {
    const struct secret *key; /* credentials_key of those the token was obtained with */
    const char *name;         /* the upstream's NAME */
    bool first;               /* that of a nameless token */
};

/* As seal_close. */
struct secret *sealed_token_seal(const struct sealed_token_owner *owner,
                                 const struct token_grant *grant,
                                 const struct sealed_token_moment *moment);

/* What was read, and the memory behind it. */
struct sealed_token {
    struct token_grant grant;
    struct mono_time requested; /* {0}: a grant alone was read */
    struct secret *type, *value;
};

/*
 * The opposite, for this owner, in the boot `boot`, at `now`. NULL when it is well,
 * else a phrase that says why these bytes are of no use: "it is ...". sealed_token_fini in every
 * case. Whether the token has run out is for others to see.
 */
const char *sealed_token_open(struct sealed_token *keep, const void *bytes, size_t len,
                              const struct sealed_token_owner *owner,
                              const unsigned char boot[SEALED_TOKEN_BOOT], struct mono_time now);
/* The same for the text alone, once it is decrypted; for sealed_token_open, and to be fuzzed. */
const char *sealed_token_read(struct sealed_token *keep, const void *text, size_t len,
                              const unsigned char boot[SEALED_TOKEN_BOOT], struct mono_time now);
void sealed_token_fini(struct sealed_token *keep);

/* A token as it was granted: its value is borrowed from the token, its type goes to `type`. */
struct token_grant sealed_grant_of(const struct token *token, char type[TOKEN_TYPE_MAX + 1]);
/* The grant as text to be sealed; `out` has SEALED_GRANT_MAX bytes. How many it has. */
size_t sealed_grant_put(unsigned char *out, const struct token_grant *grant);
/*
 * The opposite, of any bytes; `keep` is all zero. NULL when it is well, else a phrase as of
 * sealed_token_open; sealed_token_fini in every case.
 */
const char *sealed_grant_read(struct sealed_token *keep, const void *text, size_t len);

#endif
