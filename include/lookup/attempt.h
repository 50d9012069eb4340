/*
 * One upstream's part of a lookup: its token, its turn where it has a rate, the call, and the
 * repetition when the token was rejected. What the result means for the lookup is its owner's to
 * say (lookup.c). Private to src/lookup.
 *
 * The token comes first. A turn that was taken while there is no token would be wasted, and it is
 * the turn that is scarce. Who has waited for a turn asks for the token anew, so that it is fresh.
 *
 * Thread: the worker's.
 */
#ifndef LOOKUP_ATTEMPT_H
#define LOOKUP_ATTEMPT_H

#include <stdbool.h>

#include "lookup/plan.h"
#include "lookup/query.h"
#include "lookup/result.h"

struct attempt {
    /* The owner's, before attempt_start. All borrowed. */
    const struct lookup_shared *shared; /* the worker's, as it is at present */
    const struct lookup_query *query;
    struct lookup_result *result; /* all zero but for `stats` */
    bool validators;              /* the caller's may go to this upstream */
    /* In the end, perhaps before attempt_start returns: `result` is filled in, and good until
     * `ended` returns. It may start the attempt anew, and free it after attempt_fini. */
    void (*ended)(struct attempt *attempt);

    /* Private. */
    struct lookup_plan *plan; /* a reference; NULL: it is not under way */
    const struct lookup_way *way;
    struct ctx *ctx;
    struct mono_time latest;
    struct token_waiter token_waiter;
    struct turn_waiter turn_waiter;
    struct token *token; /* the one the present call carries */
    char *target;
    struct mono_time called; /* when the present call began */
    unsigned resends;        /* of the present call, those that are made up for included */
    unsigned uncounted;      /* retries: the next call is one */
    bool turn_came;          /* and is not used yet */
    bool repeated;           /* once is enough (contract 5) */
    bool calling;
    bool lacks_turn; /* a resend was refused for want of one */
    bool makes_up;   /* it waits to send again what failed: `result` has the error */
    bool reloaded;   /* its upstream is not as it was: what is kept of it says nothing */
};

/*
 * Under `ctx`, whose cancellation drops a call but not the attempt. `latest`: no turn is taken that
 * comes later. Takes a reference to the plan.
 */
void attempt_start(struct attempt *attempt, struct lookup_plan *plan, const struct lookup_way *way,
                   struct ctx *ctx, struct mono_time latest);
/* It has more time than it began with, and turns may come later. */
void attempt_extend(struct attempt *attempt, struct mono_time latest);
/* Leaves all that it waits for; a call is dropped by its context's cancellation. */
void attempt_fini(struct attempt *attempt);

/* The generation of its token; 0: none. */
uint64_t attempt_generation(const struct attempt *attempt);
/* How its lookup's failure is told when its time is over: by what it waited for. */
enum health_reason attempt_awaits(const struct attempt *attempt);
/* It has made no call that failed, and waits for a turn: that says nothing of the upstream. */
bool attempt_waits_for_turn(const struct attempt *attempt);
/* A call was under way and is no more: its time counts. */
void attempt_count_time(struct attempt *attempt, struct mono_time now);

#endif
