/*
 * What a lookup that wants a token is told: by the present view, and after a 401 by what the keeper
 * said of it. Nothing is remembered here; token/source has the waiters and speaks with the keeper.
 * The functions are for src/token alone.
 *
 * Thread: the worker's.
 */
#ifndef TOKEN_TICKET_H
#define TOKEN_TICKET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "runtime/ctx.h"
#include "token/keeper.h"
#include "token/view.h"

struct token_source;

enum token_ticket_kind {
    TOKEN_READY,       /* here is a token */
    TOKEN_PARKED,      /* the waiter's callback will tell, in a later turn */
    TOKEN_UNAVAILABLE, /* none, and none to be had now: 503 with retry_after */
    TOKEN_REJECTED,    /* after a 401: there is no better one: 502 */
};

struct token_ticket {
    enum token_ticket_kind kind;
    struct token *token; /* TOKEN_READY: a reference, the receiver's */
    /* TOKEN_UNAVAILABLE: ns until it is worth asking again, an hour at most. TOKEN_REJECTED: until
     * a 401 is reason for another token; 0 or less: not known. */
    int64_t retry_after;
    /* TOKEN_UNAVAILABLE, TOKEN_REJECTED: why, as callers may know it. Borrowed until the next turn.
     */
    const struct token_cause *cause;
    bool accepted; /* TOKEN_REJECTED: another lookup has succeeded with the token since */
};

struct token_waiter {
    struct ctx *ctx; /* set by _get and _rejected; used for its GUID only */
    /* Called once, in a later turn, out of the list already; never with TOKEN_PARKED. It may cancel
     * other waiters, and park again. */
    void (*told)(struct token_waiter *waiter, const struct token_ticket *ticket);

    /* Private. All zero but for `told`: not parked. */
    struct token_waiter *prev, *next;
    struct token_source *source;  /* NULL while it is not parked */
    bool swept;                   /* in source->swept, not in source->waiters */
    uint64_t rejected_generation; /* 0: waits for any token */
    struct mono_time sent;        /* when the rejected lookup was */
    uint64_t awaits;              /* view->answered that settles it; 0: the keeper is to judge */
};

/* What the keeper said of a 401 for a generation. */
struct ticket_verdict {
    uint64_t generation;
    enum keeper_verdict verdict;
    struct mono_time succeeded_at; /* as keeper_rejected gives it */
};

struct token_ticket ticket_parked(void);

/* The view's token, or NULL; so too where there is no view (NULL). Borrowed. */
struct token *ticket_usable(const struct token_view *view, struct mono_time now);
/* The waiter's 401 was for this very token. */
bool ticket_is_about(const struct token_waiter *waiter, const struct token *token);
/* No request may be made before a time that is still to come. */
bool ticket_is_blocked(const struct token_view *view, struct mono_time now);

/* What the view tells; `view` may be NULL. */
struct token_ticket ticket_by_view(const struct token_view *view, const struct token_waiter *waiter,
                                   struct mono_time now);
/* What the keeper's verdict tells a waiter for whom the view alone is TOKEN_PARKED. */
struct token_ticket ticket_by_verdict(const struct token_view *view, struct token_waiter *waiter,
                                      const struct ticket_verdict *said, struct mono_time now);

#endif
