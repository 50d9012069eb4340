/*
 * An upstream that was removed has lookups under way, which still count in its place. So each
 * snapshot knows when each place was last in use, over all reloads, and a new upstream gets the one
 * that has rested for the longest time.
 */
#include "config/metric_place.h"

#include <string.h>

#include "base/metrics.h"

_Static_assert(2 * CONFIG_UPSTREAMS_MAX <= METRIC_UPSTREAMS,
               "there is always one that no upstream of this load or the one before has");

static const struct config_upstream *known(const struct snapshot *before, const char *name)
{
    return before != NULL ? snapshot_counterpart(&before->config, name) : NULL;
}

static void use(struct snapshot *snapshot, struct config_upstream *upstream, size_t index)
{
    upstream->index = index;
    snapshot->index_used[index] = snapshot->loads;
}

static size_t oldest(const struct snapshot *snapshot)
{
    size_t index = 0;

    for (size_t i = 1; i < METRIC_UPSTREAMS; i++) {
        if (snapshot->index_used[i] < snapshot->index_used[index])
            index = i;
    }
    return index;
}

static void keep(struct snapshot *snapshot, const struct snapshot *before)
{
    struct config *config = &snapshot->config;

    snapshot->loads = before->loads + 1;
    memcpy(snapshot->index_used, before->index_used, sizeof(snapshot->index_used));
    for (size_t i = 0; i < config->upstream_count; i++) {
        const struct config_upstream *old = known(before, config->upstreams[i].name);
        if (old != NULL)
            use(snapshot, &config->upstreams[i], old->index);
    }
}

void metric_place_upstreams(struct snapshot *snapshot, const struct snapshot *before)
{
    struct config *config = &snapshot->config;

    snapshot->loads = 1;
    if (before != NULL)
        keep(snapshot, before);
    /* All that are kept first: their places must not be given away. */
    for (size_t i = 0; i < config->upstream_count; i++) {
        if (known(before, config->upstreams[i].name) == NULL)
            use(snapshot, &config->upstreams[i], oldest(snapshot));
    }
}
