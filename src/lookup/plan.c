/*
 * Lookups hold the plan as a whole, and not the one way that they take, because a lookup may go on
 * along another way of its route.
 */
#include "lookup/plan.h"

#include "base/check.h"
#include "base/mem.h"
#include "base/metrics.h"

struct lookup_plan *lookup_plan_new(struct config *config)
{
    struct lookup_plan *plan = mem_zalloc(sizeof(*plan));

    plan->references = 1;
    plan->config = config_ref(config);
    plan->way_count = config->upstream_count;
    for (size_t i = 0; i < plan->way_count; i++)
        plan->ways[i].upstream = &config->upstreams[i];
    return plan;
}

struct lookup_plan *lookup_plan_ref(struct lookup_plan *plan)
{
    plan->references++;
    return plan;
}

void lookup_plan_unref(struct lookup_plan *plan)
{
    if (plan == NULL)
        return;
    MUST(plan->references > 0);
    if (--plan->references > 0)
        return;
    for (size_t i = 0; i < plan->way_count; i++)
        client_unref(plan->ways[i].client);
    if (plan->freed != NULL)
        plan->freed(plan);
    config_unref(plan->config);
    mem_free(plan);
}

const struct lookup_way *lookup_plan_way(const struct lookup_plan *plan,
                                         const struct config_route *route, size_t place)
{
    return &plan->ways[route->upstreams[place]];
}

bool lookup_way_charge(const struct lookup_way *way, struct mono_time now)
{
    struct upstream_state *state = way->side->state;

    if (state == NULL || retry_budget_take(&state->retries, way->upstream->retry_budget, now))
        return true;
    metric_upstream_add(METRIC_RETRY_BUDGET_REFUSED, way->upstream->index, 0, 1);
    return false;
}

struct turns_limits lookup_way_limits(const struct lookup_way *way)
{
    const struct config_upstream *upstream = way->upstream;
    const struct rate whole = {.interval = upstream->rate, .burst = upstream->burst};
    const struct upstream_state *state = way->side->state;
    const int64_t members =
        state != NULL ? atomic_load_explicit(&state->members, memory_order_relaxed) : 0;

    return (struct turns_limits){.rate = rate_share(&whole, members), .queue = upstream->queue};
}

void lookup_shared_use(struct lookup_shared *shared, struct lookup_plan *plan)
{
    for (size_t i = 0; shared->plan != NULL && i < shared->plan->way_count; i++)
        shared->plan->ways[i].side->present = NULL;
    for (size_t i = 0; i < plan->way_count; i++)
        plan->ways[i].side->present = &plan->ways[i];
    lookup_plan_unref(shared->plan);
    shared->plan = plan;
}

void lookup_shared_fini(struct lookup_shared *shared)
{
    lookup_plan_unref(shared->plan);
    shared->plan = NULL;
}
