/*
 * A worker's lookups that wait for their turn of [upstream] rate: in order of arrival, each with a
 * turn that was taken from the meter that all workers share. A lookup that leaves gives its place
 * to those behind it, and the turn that becomes free is the next one's who comes: so turns are not
 * lost to callers who do not wait.
 *
 * Over the workers the order is that in which their turns were taken from the meter. A turn that a
 * worker has left over is not moved to another worker's waiters, unless it was the last one taken.
 *
 * One timer for the first of them: waiting costs nothing, however many wait.
 *
 * Thread: the worker's.
 */
#ifndef LOOKUP_TURNS_H
#define LOOKUP_TURNS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/rate.h"
#include "lookup/turn_line.h"
#include "runtime/loop.h"

struct turns;

/* Both borrowed, for longer than it lives: `waiting` counts in all workers. */
struct turns *turns_new(struct loop *loop, struct rate_meter *meter, _Atomic int64_t *waiting);
/* Nobody waits. NULL is allowed; inside a waiter's callback too. */
void turns_free(struct turns *turns);

/*
 * TURN_REFUSED: *retry_after is in how many ns a turn could be had. `latest`: the deadline.
 */
enum turn_kind turns_take(struct turns *turns, const struct turns_limits *limits,
                          struct mono_time latest, struct turn_waiter *waiter,
                          int64_t *retry_after);
/* A turn now, or none: false. None while others wait. For a call that cannot wait (a resend). */
bool turns_try(struct turns *turns, const struct turns_limits *limits);
/* Nothing happens when it does not wait. */
void turn_cancel(struct turn_waiter *waiter);

#endif
