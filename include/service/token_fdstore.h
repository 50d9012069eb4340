/*
 * The token across a restart: sealed for the service manager whenever there is another, taken back
 * at the next start. It also knows with which credentials the present token was had, which is what
 * a reload wants to know.
 *
 * Thread: the main one.
 */
#ifndef SERVICE_TOKEN_FDSTORE_H
#define SERVICE_TOKEN_FDSTORE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/secret.h"
#include "config/config.h"
#include "service/systemd.h"
#include "token/keeper.h"

struct token_fdstore {
    char *name;             /* of the entry in the manager's store; set by token_fdstore_restore */
    struct token *token;    /* the present one, as far as published; NULL: none */
    struct secret *key;     /* of the credentials it was had with */
    struct secret *granted; /* of those that the last request was granted with; NULL: none was */
};

void token_fdstore_fini(struct token_fdstore *fdstore);

/*
 * Between keeper_new and keeper_start: gives the keeper the token that an earlier life of the
 * daemon left. What is of no use is removed from the manager, with one line in the log. Which of
 * the client's secrets the token was had with goes to *which. False: there was none of use.
 */
bool token_fdstore_restore(struct token_fdstore *fdstore, struct keeper *keeper,
                           const struct config_upstream *upstream,
                           const struct systemd_inherited *inherited, size_t *which);

/* A token request was granted with the client's secret number `which`; before the keeper hears. */
void token_fdstore_granted(struct token_fdstore *fdstore, const struct config_upstream *upstream,
                           size_t which);
/* The keeper has published this token (NULL: none). */
void token_fdstore_publish(struct token_fdstore *fdstore, struct token *token);

/* Which of the secrets of `upstream` the present token was had with. False: none of them. */
bool token_fdstore_find(const struct token_fdstore *fdstore, const struct config_upstream *upstream,
                        size_t *which);

/*
 * Whether a token had under `before` is still ours under `after`: it was had with one of its
 * secrets, and nothing else that decides on tokens changed. While there is no token: whether one
 * would be the same.
 */
bool token_fdstore_is_ours(const struct token_fdstore *fdstore,
                           const struct config_upstream *before,
                           const struct config_upstream *after);

#endif
