/*
 * When libmicrohttpd is run, and how a request is parked meanwhile. A part of a server.
 *
 * Whatever gives libmicrohttpd something to do (its epoll descriptor, a new connection, a settled
 * request) makes a run due; it is done once, at the end of the loop's turn. A run calls back into
 * the server, which may park further requests and settle others.
 *
 * Private to front/server.c. Thread: the loop's.
 */
#ifndef FRONT_MHD_SCHEDULER_H
#define FRONT_MHD_SCHEDULER_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/clock.h"
#include "base/err.h"
#include "exchange/request.h"
#include "runtime/loop.h"

/* All members are mhd_scheduler.c's. The owner sets `after_runs`, after the start, and may read
 * `run_count`. */
struct mhd_scheduler {
    struct MHD_Daemon *daemon;
    struct loop *loop;
    uv_poll_t poll;
    struct turn_hook turn;
    void (*after_runs)(struct mhd_scheduler *scheduler); /* the owner's; NULL: nothing */
    bool due;
    bool stopped;
    struct timer *again; /* the loop must turn once more for a run */
    uint64_t run_count;  /* of runs so far */
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
enum err mhd_scheduler_start(struct mhd_scheduler *scheduler, struct loop *loop,
                             struct MHD_Daemon *daemon);
/* No request is parked any more, but some may have been settled: they get their last run. */
void mhd_scheduler_stop(struct mhd_scheduler *scheduler);

void mhd_scheduler_make_due(struct mhd_scheduler *scheduler);

/* It was not settled by its handler; REQUEST_PARKED was entered. */
void mhd_scheduler_park(struct mhd_scheduler *scheduler, struct request *request);
/* The handler was called for a request that is parked: not yet. */
void mhd_scheduler_still_parked(struct mhd_scheduler *scheduler, struct request *request);
/* A parked request was settled; the handler will be called for it. */
void mhd_scheduler_settled(struct mhd_scheduler *scheduler, struct request *request);

/* An answer was handed to libmicrohttpd; it was sent, or the connection ended. */
void mhd_scheduler_response_begins(struct mhd_scheduler *scheduler);
void mhd_scheduler_response_ends(struct mhd_scheduler *scheduler);

#endif
