/*
 * A worker's side of the token: the present view, and the lookups that wait for a better one.
 *
 * token_source_get answers at once when the view has a usable token, or when the keeper is backing
 * off; else the lookup is parked among the waiters and the keeper is asked, once for all of them.
 * With max_waiters parked, one more is told TOKEN_UNAVAILABLE. What a lookup does with a 401 is
 * token_source_rejected: it parks until the keeper has judged, or is told at once where the
 * view already tells. A source that gives out a token in its refresh window tells the keeper, once
 * a view: with prefetch off that is what renews it in the background.
 *
 * A waiter belongs to its lookup: embedded there, and taken out when the lookup is cancelled. The
 * token request goes on.
 *
 * Thread: the worker's. It speaks with the keeper by mail, one of each kind of message (wanted,
 * rejected, succeeded) under way at a time and embedded in the source, so that nothing is allocated
 * for a lookup and no queue can grow.
 */
#ifndef TOKEN_SOURCE_H
#define TOKEN_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "runtime/ctx.h"
#include "runtime/loop.h"
#include "token/keeper.h"
#include "token/ticket.h"
#include "token/token.h"

struct token_source;

/*
 * `keeper` is only passed on to its own thread. `worker`: its number, from 0, below the keeper's
 * settings.workers. The end: no lookup is parked, and either both loops have ended and delivered
 * their mail (loop_free) while keeper and source are there, or no mail is under way between the two
 * (service/side.h says how that is known); then the source may be freed.
 */
struct token_source *token_source_new(struct loop *loop, struct loop *keeper_loop,
                                      struct keeper *keeper, size_t worker, size_t max_waiters);
void token_source_free(struct token_source *source);
/* Another max_waiters (a reload); who waits already stays. */
void token_source_limit(struct token_source *source, size_t max_waiters);

/* The keeper's side, main thread: mails a reference to the view to this source. */
void token_source_publish(struct token_source *source, struct token_view *view);

/*
 * A token for a lookup under `ctx`. TOKEN_PARKED: `waiter->told` is called later, unless
 * token_waiter_cancel comes first.
 */
struct token_ticket token_source_get(struct token_source *source, struct ctx *ctx,
                                     struct token_waiter *waiter);

/* The same, after `rejected` (borrowed), sent upstream at `sent`, got a 401. */
struct token_ticket token_source_rejected(struct token_source *source, struct ctx *ctx,
                                          struct token *rejected, struct mono_time sent,
                                          struct token_waiter *waiter);

/* Whether a token is this source's upstream's: any that it gave, and no other. */
bool token_source_has(const struct token_source *source, const struct token *token);

/* A lookup sent with `token` at `sent` got a 2xx or a 304. */
void token_source_succeeded(struct token_source *source, struct token *token,
                            struct mono_time sent);

/* Takes it out; nothing happens when it is not parked. */
void token_waiter_cancel(struct token_waiter *waiter);

#endif
