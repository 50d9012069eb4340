/*
 * A worker's side of an upstream, from the moment when the main thread makes it to the one when it
 * frees it. What is between belongs to the worker's thread: its plans and lookups use the side, and
 * nobody but the worker knows when the last of them has ended.
 *
 * So a side that is no longer wanted is given back in two steps, each a mail there and one back:
 *
 *     side_retire --> (the worker's last plan with it is freed) --> released
 *     side_close  --> (its timers are freed in their own thread) --> closed --> side_free
 *
 * Mail of one thread to another arrives in the order in which it was sent. Therefore, when
 * `released` is called, the keeper has what the source ever mailed it; and when `closed` is, the
 * source has its answers and all views, and the keeper may be freed too.
 */
#ifndef SERVICE_SIDE_H
#define SERVICE_SIDE_H

#include <stdbool.h>
#include <stddef.h>

#include "lookup/plan.h"
#include "runtime/loop.h"
#include "token/keeper.h"

struct side {
    struct lookup_upstream lookup;
    struct loop *loop; /* the worker's */
    struct loop *main_loop;
    size_t plans; /* that refer to it; the worker's thread */
    bool retired; /* likewise */
    struct mail mail;
    /* The main thread. */
    void (*told)(void *arg);
    void *arg;
};

struct side_settings {
    struct loop *loop;
    struct loop *main_loop;
    struct keeper *keeper; /* only passed on */
    size_t worker;         /* its number */
    size_t max_waiters;
    struct upstream_state *state; /* borrowed; shared by all workers */
};

/* Main thread; the worker may run already. */
struct side *side_new(const struct side_settings *settings);
/*
 * Main thread: after `closed`; or when the worker's thread has ended and both loops have delivered
 * their mail; or when no plan ever had it and the keeper did not start. NULL is allowed.
 */
void side_free(struct side *side);

/* Main thread, while the worker runs; `told` is called there, once. In this order. */
void side_retire(struct side *side, void (*released)(void *arg), void *arg);
void side_close(struct side *side, void (*closed)(void *arg), void *arg);
/* Main thread, when the worker's has ended and its loop is there: what `closed` would stand for. */
void side_end(struct side *side);

/* The worker's thread: all ways of a plan have their sides; and the other end, struct lookup_plan's
 * `freed`. */
void side_count_plan(struct lookup_plan *plan);

#endif
