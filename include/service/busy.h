/*
 * How busy the workers are: the share of an interval in which a worker's loop did not wait. It is
 * sampled by the main loop's clock and not by who asks, so that all who ask see the same.
 *
 * Thread: the main one.
 */
#ifndef SERVICE_BUSY_H
#define SERVICE_BUSY_H

#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "service/worker.h"

/* A struct of zeros is one without workers. */
struct busy {
    size_t count;
    struct mono_time at; /* of the last sample */
    int64_t *waited;     /* up to then, of each worker, in ns */
    double *shares;      /* of each worker, 0 to 1, in the interval before; 0 until it has ended */
};

/* The first interval begins. The workers exist; they need not run yet. */
void busy_init(struct busy *busy, struct worker *const *workers, size_t count,
               struct mono_time now);
void busy_fini(struct busy *busy);

/* The interval since the last sample ends. */
void busy_sample(struct busy *busy, struct worker *const *workers, struct mono_time now);

#endif
