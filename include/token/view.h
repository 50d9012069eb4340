/*
 * The view: what the keeper tells the workers of the token and of its last request. token/keeper.h
 * says when one is made, token/source.h what a worker does with it.
 */
#ifndef TOKEN_VIEW_H
#define TOKEN_VIEW_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "token/cause.h"
#include "token/token.h"

/* What the workers are told; immutable once published, reference-counted, any thread. */
struct token_view {
    uint64_t sequence;         /* grows by one with each view, from 1 */
    uint64_t answered;         /* requests that have ended, well or not, so far */
    struct token *token;       /* NULL: none */
    bool failed;               /* the last request failed, or none may be made: answer 503 ... */
    struct mono_time retry_at; /* ... until here; then ask. MONO_NEVER: until another view */
    /* 401s of this generation get 502 unasked until then; {0}: no */
    struct mono_time suspect_until;
    bool accepted;            /* a lookup succeeded with the token after others were rejected */
    struct token_cause cause; /* why it failed, or why a token that was rejected stays */
    atomic_uint references;   /* private */
};
struct token_view *token_view_ref(struct token_view *view);
void token_view_unref(struct token_view *view); /* NULL is allowed */

/*
 * For the keeper alone: a copy of `what`, and of its reference to the token, which is given away.
 * One reference.
 */
struct token_view *token_view_new(const struct token_view *what);

#endif
