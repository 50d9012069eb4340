/*
 * The ceiling is worked out from the number of failures, so that there is one fact and nothing
 * that could disagree with it. Full jitter lets the first retry come at once now and then; what
 * that may cost is bounded by the doubling here and by the budget beside it.
 */
#include "token/backoff.h"

int64_t backoff_ceiling(const struct backoff *backoff)
{
    int64_t ceiling = BACKOFF_FIRST;

    for (unsigned i = 0; i < backoff->failures && ceiling < BACKOFF_MAX; i++)
        ceiling *= 2;
    return ceiling < BACKOFF_MAX ? ceiling : BACKOFF_MAX;
}

int64_t backoff_next(struct backoff *backoff, uint32_t random)
{
    double share = (double)random / (double)UINT32_MAX;
    int64_t wait = (int64_t)((double)backoff_ceiling(backoff) * share);

    backoff->failures++;
    return wait;
}

void backoff_reset(struct backoff *backoff)
{
    backoff->failures = 0;
}
