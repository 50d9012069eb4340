/*
 * When libmicrohttpd is run, and how a request is parked meanwhile. A part of a server.
 *
 * Whatever gives libmicrohttpd something to do (its epoll descriptor, a new connection, a settled
 * request) makes a run due; it is done once, at the end of the loop's turn. A run calls back into
 * the server, which may park further requests and settle others.
 *
 * Private to front/server.c. Thread: the loop's.
 */
#ifndef FRONT_RUNS_H
#define FRONT_RUNS_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/clock.h"
#include "base/err.h"
#include "exchange/request.h"
#include "runtime/loop.h"

/* All members are runs.c's. The owner sets `ran`, after runs_init, and may read `count`. */
struct runs {
    struct MHD_Daemon *daemon;
    struct loop *loop;
    uv_poll_t poll;
    struct turn_hook turn;
    void (*ran)(struct runs *runs); /* the owner's; after the runs of a turn; NULL: nothing */
    bool due;
    bool stopped;
    struct timer *again; /* the loop must turn once more for a run */
    uint64_t count;      /* of runs so far */
    unsigned moves;      /* answers that were begun or ended so far */
    size_t sending;      /* begun and not ended */

    size_t waiting;        /* parked and not suspended */
    unsigned usual_wait;   /* in runs: WAIT_MEMORY times the mean of late */
    struct timer *recheck; /* while any waits */
    uint64_t checked;      /* the count when it was set */
    bool lull;             /* this run is for that timer's sake alone */

    size_t suspended; /* those in `ready` included */
    struct request *ready, **ready_end;
    struct mono_time resumed_at; /* when many were suspended */
    struct timer *gathering;     /* the loop must turn once more for those in `ready` */
};

/* ERR_SYSTEM when the daemon's descriptor cannot be watched. Nothing may be moved after it. */
enum err runs_init(struct runs *runs, struct loop *loop, struct MHD_Daemon *daemon);
/* No request is parked any more, but some may have been settled: they get their last run. */
void runs_stop(struct runs *runs);

void runs_due(struct runs *runs);

/* It was not settled by its handler; REQUEST_PARKED was entered. */
void runs_park(struct runs *runs, struct request *request);
/* The handler was called for a request that is parked: not yet. */
void runs_not_yet(struct runs *runs, struct request *request);
/* A parked request was settled; the handler will be called for it. */
void runs_settled(struct runs *runs, struct request *request);

/* An answer was handed to libmicrohttpd; it was sent, or the connection ended. */
void runs_answer_begins(struct runs *runs);
void runs_answer_ends(struct runs *runs);

#endif
