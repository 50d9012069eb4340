/*
 * How many of an upstream's calls may be retries and failovers: a share of its lookups of the last
 * RETRY_BUDGET_SPAN, and RETRY_BUDGET_LEAST within that time whatever the share. So retries cannot
 * multiply the load on an upstream that is failing.
 *
 * Any thread: relaxed atomics, no lock. The span moves in steps of a second: charges count for up
 * to a second longer, lookups for up to a second less.
 */
#ifndef LOOKUP_RETRY_BUDGET_H
#define LOOKUP_RETRY_BUDGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

#define RETRY_BUDGET_SPAN (10 * SECOND)
#define RETRY_BUDGET_LEAST 3
#define RETRY_BUDGET_SLOTS 11

/* All zero at first. Private. */
struct retry_budget {
    _Atomic uint64_t slots[RETRY_BUDGET_SLOTS]; /* one a second: its number and two counts */
};

/* A lookup's first call to this upstream. */
void retry_budget_lookup(struct retry_budget *budget, struct mono_time now);
/* Charges one. False: `percent` allows none now. */
bool retry_budget_take(struct retry_budget *budget, int64_t percent, struct mono_time now);

#endif
