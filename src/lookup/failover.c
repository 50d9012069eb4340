/* The reasons as a table, and how they are counted. */
#include "lookup/failover.h"

#include "base/check.h"
#include "base/metrics.h"

_Static_assert(FAILOVER_REASON_COUNT == METRIC_FAILOVER_REASONS, "a cell for each reason");

static const char *const names[] = {
#define FAILOVER_NAME(id, name, phrase) [id] = (name),
    FAILOVER_REASONS(FAILOVER_NAME)
#undef FAILOVER_NAME
};

const char *failover_reason_name(enum failover_reason reason)
{
    MUST((size_t)reason < ARRAY_LEN(names));
    return names[reason];
}

void failover_count(size_t from, size_t to, enum failover_reason reason)
{
    metric_upstream_add(METRIC_FAILOVERS, from, to * METRIC_FAILOVER_REASONS + (size_t)reason, 1);
}
