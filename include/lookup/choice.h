/*
 * Which upstream of a route a lookup asks next: the first one, from a place on, that is neither
 * held by a 429 nor ejected by its breaker. The last one is not left out for failures, because
 * asking one that fails is better than asking none. Where the last one is held, that is the first
 * of those that are ejected. Private to src/lookup.
 *
 * Thread: the worker's.
 */
#ifndef LOOKUP_CHOICE_H
#define LOOKUP_CHOICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "lookup/failover.h"
#include "lookup/plan.h"

struct choice {
    bool found;
    size_t place; /* in the route */
    bool trial;   /* of the breaker: it has to be told how it ended */
    /* Not found, for the last one is held: ns until the first of those that were left out may be
     * asked. */
    int64_t retry_after;
    struct choice_skip {
        size_t place;
        enum failover_reason reason;
    } skipped[CONFIG_UPSTREAMS_MAX];
    size_t skip_count;
};

/* `deadline`: the lookup's. */
void choice_make(const struct config_route *route, const struct lookup_plan *plan, size_t from,
                 struct mono_time now, struct mono_time deadline, struct choice *out);

/* Counts what was skipped as failovers to the one that was found. */
void choice_count(const struct choice *choice, const struct config_route *route,
                  const struct lookup_plan *plan);
/* It is not used after all: a trial is another lookup's. */
void choice_drop(const struct choice *choice, const struct config_route *route,
                 const struct lookup_plan *plan, struct mono_time now);

#endif
