/*
 * The line of turns.h without a loop: who waits, and for which time. It is told `now`, so that an
 * hour of it passes at once in a test.
 *
 * The waiters stand in order of arrival, and beside them the turns that were taken for them, in
 * order of time: the first waiter has the first turn. When one leaves, those behind it move
 * forward, and the last turn is left over. It goes back to the meter if nobody has taken another
 * since; else the next who arrives has it, while it is still to come.
 *
 * Thread: the worker's. The meter and `waiting` are shared with other workers' lines.
 */
#ifndef LOOKUP_TURN_LINE_H
#define LOOKUP_TURN_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/rate.h"

enum turn_kind {
    TURN_NOW,     /* go on */
    TURN_PARKED,  /* the waiter's callback tells, in a later turn of the loop */
    TURN_REFUSED, /* it would come too late, or too many wait already */
};

struct turns;

struct turn_waiter {
    void (*come)(struct turn_waiter *waiter); /* its turn; it is out of the list already */
    /* Private. All zero but for `come`: it does not wait. */
    struct turn_waiter *prev, *next;
    struct turns *turns; /* whose line it is in; the owner's to set */
};

struct turns_limits {
    struct rate rate;
    int64_t queue; /* how many may wait, in all workers together */
};

/* All zero but for the first two, which are borrowed: nobody waits. The rest is private. */
struct turn_line {
    struct rate_meter *meter;
    _Atomic int64_t *waiting;

    struct turn_waiter *first, *last;
    size_t waiters;
    struct rate rate; /* the last that was asked with */

    /* A ring of `space` times, a power of two; those past `waiters` are left over. */
    struct mono_time *turns;
    size_t space, head, count;
};

/* Nobody waits. */
void turn_line_fini(struct turn_line *line);

/* As turns_take; TURN_PARKED: it is the last in the line. */
enum turn_kind turn_line_take(struct turn_line *line, const struct turns_limits *limits,
                              struct mono_time now, struct mono_time latest,
                              struct turn_waiter *waiter, int64_t *retry_after);
/* As turns_try. */
bool turn_line_try(struct turn_line *line, const struct turns_limits *limits, struct mono_time now);

/* When the first one's turn comes; MONO_NEVER: nobody waits. */
struct mono_time turn_line_next(const struct turn_line *line);
/* The first one, out of the line, if its turn has come; else NULL. */
struct turn_waiter *turn_line_come(struct turn_line *line, struct mono_time now);
/* Of a waiter that is in this line. */
void turn_line_leave(struct turn_line *line, struct turn_waiter *waiter, struct mono_time now);

#endif
