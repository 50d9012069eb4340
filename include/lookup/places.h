/*
 * Lookups under way in all workers; bounded by max_in_flight.
 *
 * Any thread.
 */
#ifndef LOOKUP_PLACES_H
#define LOOKUP_PLACES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct lookup_places {
    _Atomic int64_t taken;
};

/* False: there are `max` already, and none was taken. */
static inline bool lookup_place_take(struct lookup_places *places, int64_t max)
{
    const int64_t taken = atomic_fetch_add_explicit(&places->taken, 1, memory_order_relaxed);

    if (taken < max)
        return true;
    atomic_fetch_sub_explicit(&places->taken, 1, memory_order_relaxed);
    return false;
}

static inline void lookup_place_leave(struct lookup_places *places)
{
    atomic_fetch_sub_explicit(&places->taken, 1, memory_order_relaxed);
}

#endif
