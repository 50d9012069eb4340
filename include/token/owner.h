/*
 * Whose the present token is: the client's credentials that it was obtained with, kept as their
 * key (token/credentials.h). They decide whether the token is still ours after a reload, and they
 * seal it for whoever keeps it across a restart.
 *
 * Thread: the main loop's.
 */
#ifndef TOKEN_OWNER_H
#define TOKEN_OWNER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/secret.h"
#include "config/config.h"
#include "token/sealed_token.h"
#include "token/token.h"

/* All zero: there is no token. */
struct token_owner {
    struct token *token;    /* the present one; NULL: none */
    struct secret *key;     /* of the credentials it was obtained with; NULL without a token */
    struct secret *granted; /* of those of the latest grant; NULL: there was none */
};

void token_owner_fini(struct token_owner *owner);

/* A token was granted for the client's secret number `which`; before token_owner_change. */
void token_owner_granted(struct token_owner *owner, const struct config_upstream *upstream,
                         size_t which);
/* This is the present token from now on (NULL: none). False: it was already. */
bool token_owner_change(struct token_owner *owner, struct token *token);
/* The same for a token from an earlier life of the daemon, obtained with secret number `which`. */
void token_owner_restore(struct token_owner *owner, struct token *token,
                         const struct config_upstream *upstream, size_t which);

/* Which of the secrets of `upstream` the present token was obtained with. False: none of them. */
bool token_owner_find(const struct token_owner *owner, const struct config_upstream *upstream,
                      size_t *which);
/*
 * Whether a token obtained under `before` is still ours under `after`: it was obtained with one of
 * its secrets, and nothing else that decides on tokens changed. While there is no token: whether
 * one would be the same.
 */
bool token_owner_stays(const struct token_owner *owner, const struct config_upstream *before,
                       const struct config_upstream *after);

/* The present token, which there must be, sealed for this upstream. One reference, the caller's. */
struct secret *token_owner_seal(const struct token_owner *owner,
                                const struct config_upstream *upstream,
                                const unsigned char boot[SEALED_TOKEN_BOOT]);
/*
 * The opposite, with any of the secrets of `upstream`: the number of the one that fits goes to
 * *which. NULL when it is well, else a phrase as of sealed_token_open; sealed_token_fini in every
 * case.
 */
const char *token_owner_open(struct sealed_token *out, const void *bytes, size_t len,
                             const struct config_upstream *upstream,
                             const unsigned char boot[SEALED_TOKEN_BOOT], struct mono_time now,
                             size_t *which);

#endif
