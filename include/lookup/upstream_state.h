/*
 * What all workers know together of one upstream, and what the operators are shown of it. There is
 * one for each NAME, and it outlives reloads: budgets and breakers are of the upstream, not of the
 * configuration.
 *
 * Any thread. It outlives every worker.
 */
#ifndef LOOKUP_UPSTREAM_STATE_H
#define LOOKUP_UPSTREAM_STATE_H

#include <stdatomic.h>

#include "base/rate.h"
#include "lookup/breaker.h"
#include "lookup/health.h"
#include "lookup/hold.h"
#include "lookup/retry_budget.h"

/* All zero at first. */
struct upstream_state {
    struct lookup_health health;
    struct breaker breaker;
    struct hold hold;
    struct retry_budget retries;
    struct rate_meter rate;
    _Atomic int64_t waiting; /* lookups that wait for their turn of `rate` */
    /* Of the fleet, which share `rate`: as last counted; 0: there is none, or nobody counted. */
    _Atomic int64_t members;
};

#endif
