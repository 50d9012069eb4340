/* Each attempt counts, for each costs the upstream the same. */
#include "upstream/outcome.h"

#include "base/metrics.h"

void outcome_count(const struct outcome *outcome, int status)
{
    metric_add(METRIC_UPSTREAM_REQUESTS, (size_t)status, 1);
    metric_observe(METRIC_UPSTREAM_DURATION, mono_diff(mono_now(), outcome->started));
}
