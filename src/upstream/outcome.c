/* Each attempt counts, for each costs the upstream the same. */
#include "upstream/outcome.h"

#include "base/metrics.h"

void outcome_begin(struct outcome *outcome, struct mono_time now)
{
    answer_reset(&outcome->answer);
    outcome->text[0] = '\0';
    outcome->started = now;
    outcome->sent = now;
}

void outcome_end(struct outcome *outcome, struct mono_time now, bool counted, size_t upstream,
                 int status)
{
    outcome->ended = now;
    if (!counted)
        return;
    metric_upstream_add(METRIC_UPSTREAM_REQUESTS, upstream, (size_t)status, 1);
    metric_upstream_observe(METRIC_UPSTREAM_DURATION, upstream, mono_diff(now, outcome->started));
}
