/*
 * A loop says how long it has waited altogether; a sample is the difference to the one before.
 * While the machine sleeps a loop waits, and both clocks go on.
 */
#include "service/busy.h"

#include "base/mem.h"

void busy_init(struct busy *busy, struct worker *const *workers, size_t count, struct mono_time now)
{
    *busy = (struct busy){.count = count,
                          .at = now,
                          .waited = mem_zalloc(count * sizeof(*busy->waited)),
                          .shares = mem_zalloc(count * sizeof(*busy->shares))};
    for (size_t i = 0; i < count; i++)
        busy->waited[i] = worker_waited(workers[i], now);
}

void busy_fini(struct busy *busy)
{
    mem_free(busy->waited);
    mem_free(busy->shares);
    *busy = (struct busy){.count = 0};
}

/* A wait may end between two looks at the clock, so the sum can be a little off. */
static double share_of(int64_t waited, int64_t length)
{
    if (waited <= 0)
        return 1;
    return waited < length ? 1 - (double)waited / (double)length : 0;
}

void busy_sample(struct busy *busy, struct worker *const *workers, struct mono_time now)
{
    const int64_t length = mono_diff(now, busy->at);
    if (length <= 0)
        return;
    busy->at = now;
    for (size_t i = 0; i < busy->count; i++) {
        const int64_t waited = worker_waited(workers[i], now);
        busy->shares[i] = share_of(waited - busy->waited[i], length);
        busy->waited[i] = waited;
    }
}
