/*
 * Decides when libmicrohttpd runs, and how a request is parked until it is settled. A part of a
 * server.
 *
 * Three things give libmicrohttpd work: its epoll descriptor, a new connection, a settled request.
 * Each makes a run due. A due run happens once, at the end of the loop's turn. It calls back into
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

/*
 * A request waits at least this long before it is suspended. With a millisecond, 64 callers of an
 * upstream that takes 1 to 10 ms cost 4 to 9 % more CPU time (docs/decisions/mhd-scheduler.md).
 */
#define MHD_SCHEDULER_WAIT (4 * MILLISECOND)

/*
 * All members are mhd_scheduler.c's. The owner sets `after_runs`, after the start, and may read
 * `run_count`.
 */
struct mhd_scheduler {
    struct MHD_Daemon *daemon;
    struct loop *loop;
    uv_poll_t poll;
    struct turn_hook turn;
    /* Called after the runs of a turn; NULL: nothing is called. */
    void (*after_runs)(struct mhd_scheduler *scheduler);
    bool due;
    struct timer *again; /* NULL, or makes the loop turn once more for a run */
    uint64_t run_count;
    unsigned progress; /* counts responses that began or ended */
    size_t sending;    /* responses that began and have not ended */

    size_t waiting;     /* requests parked and not suspended */
    struct timer *tick; /* makes a run due; set while any request waits */

    struct request *ready, **ready_end; /* suspended and settled */
};

/* ERR_SYSTEM: the daemon's descriptor cannot be watched. The scheduler must not move in memory. */
ERR_CHECKED enum err mhd_scheduler_start(struct mhd_scheduler *scheduler, struct loop *loop,
                                         struct MHD_Daemon *daemon);
/* No request is parked any more. Those settled before it get their last run here. */
void mhd_scheduler_stop(struct mhd_scheduler *scheduler);

void mhd_scheduler_make_due(struct mhd_scheduler *scheduler);

/* The request's handler returned without settling it; it has entered REQUEST_PARKED. */
void mhd_scheduler_park(struct mhd_scheduler *scheduler, struct request *request);
/* libmicrohttpd called the handler of a request that is parked and not settled. */
void mhd_scheduler_still_parked(struct mhd_scheduler *scheduler, struct request *request);
/* A parked request was settled; a run of this turn or the next calls its handler. */
void mhd_scheduler_settled(struct mhd_scheduler *scheduler, struct request *request);

/* A response was queued; it was sent, or its connection ended. */
void mhd_scheduler_response_begins(struct mhd_scheduler *scheduler);
void mhd_scheduler_response_ends(struct mhd_scheduler *scheduler);

#endif
