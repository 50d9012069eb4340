/*
 * Each worker has connections and resolved names of its own, and would find out by itself what
 * another has found out already: with a failed lookup each time. So the workers share two points in
 * time for each upstream. They are read when a connection is taken or opened, and written when one
 * fails, so they cost a lookup nothing that can be measured.
 *
 * Nothing else depends on them, so relaxed order is enough: who reads an old value does what it
 * would have done without.
 */
#include "upstream/doubt.h"

#include <stdatomic.h>

#include "base/check.h"
#include "base/metrics.h"

static struct doubt shared[METRIC_UPSTREAMS];

struct doubt *doubt_shared(size_t upstream)
{
    MUST(upstream < METRIC_UPSTREAMS);
    return &shared[upstream];
}

/* Never back: two threads may note at once. */
static void move_on(_Atomic int64_t *point, struct mono_time until)
{
    int64_t present = atomic_load_explicit(point, memory_order_relaxed);

    while (present < until.ns &&
           !atomic_compare_exchange_weak_explicit(point, &present, until.ns, memory_order_relaxed,
                                                  memory_order_relaxed))
        ;
}

void doubt_addresses(struct doubt *doubt, struct mono_time until)
{
    move_on(&doubt->addresses, until);
}

bool doubt_is_address(const struct doubt *doubt, struct mono_time since)
{
    return since.ns <= atomic_load_explicit(&doubt->addresses, memory_order_relaxed);
}

void doubt_connections(struct doubt *doubt, struct mono_time until)
{
    move_on(&doubt->connections, until);
}

bool doubt_is_connection(const struct doubt *doubt, struct mono_time since)
{
    return since.ns < atomic_load_explicit(&doubt->connections, memory_order_relaxed);
}
