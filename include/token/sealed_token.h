/*
 * A token as bytes that may lie outside this process: what the service manager keeps for us across
 * a restart (contract 7). Encrypted with AES-256-GCM under a key that HKDF makes of the credentials
 * the token was obtained with and a fresh salt, so that it is worthless to whoever lacks them. Two
 * upstreams may have the same credentials: the NAME of the upstream is authenticated too, so that
 * neither gets the other's token.
 *
 *     "postcodT"  8 bytes     what it is
 *     version     1           SEALED_TOKEN_VERSION
 *     salt        32          of the key
 *     nonce       12
 *     text        the rest    encrypted; what stands before it, and NAME, is authenticated with it
 *     tag         16
 *
 * and in the text, numbers with their highest byte first:
 *
 *     boot        16          in which boot of the machine the next number means anything
 *     requested   8           when the token was asked for, CLOCK_BOOTTIME in ns
 *     lifetime    8           ns
 *     type_len    2
 *     type                    "Bearer"
 *     value                   all that is left
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
#include "token/token.h"

#define SEALED_TOKEN_VERSION 2
/* Of the time when there was one upstream: without its NAME. */
#define SEALED_TOKEN_NAMELESS 1
#define SEALED_TOKEN_BOOT 16
/* What stands around the token's type and value. */
#define SEALED_TOKEN_HEADER (8 + 1 + 32 + 12)
#define SEALED_TOKEN_TAG 16
#define SEALED_TOKEN_FACTS (SEALED_TOKEN_BOOT + 8 + 8 + 2)
#define SEALED_TOKEN_MIN (SEALED_TOKEN_HEADER + SEALED_TOKEN_FACTS + 1 + 1 + SEALED_TOKEN_TAG)
#define SEALED_TOKEN_MAX                                                                           \
    (SEALED_TOKEN_HEADER + SEALED_TOKEN_FACTS + TOKEN_TYPE_MAX + TOKEN_VALUE_MAX + SEALED_TOKEN_TAG)

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

/*
 * The bytes are a secret's, though
 * anybody may see them: a token's length is nobody's affair. One reference, the caller's.
 */
struct secret *sealed_token_seal(const struct sealed_token_owner *owner,
                                 const struct token_grant *grant,
                                 const struct sealed_token_moment *moment);

/* What was read, and the memory behind it. */
struct sealed_token {
    struct token_grant grant;
    struct mono_time requested;
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

#endif
