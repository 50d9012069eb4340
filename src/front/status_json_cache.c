/* The cache in /status.json: what it holds, and what it did for lookups. */
#include <math.h>

#include "front/status_json_internal.h"
#include "front/status_series.h"

static json_t *results(const struct overview_cache *cache)
{
    json_t *object = json_object();

    for (size_t i = 0; i < CACHE_RESULT_COUNT; i++)
        status_json_set(object, cache_result_word((enum cache_result)i),
                        json_integer(cache->results[i]));
    return object;
}

static json_t *share_of(const struct overview *overview, int64_t time)
{
    struct series_column sum;

    series_sum(overview, time, &sum);
    const double share = series_without_call(&sum.cache);
    return isnan(share) ? json_null() : json_real(share);
}

static json_t *without_call(const struct overview *overview)
{
    json_t *object = json_object();

    status_json_set(object, "last_minute", share_of(overview, MINUTE));
    status_json_set(object, "last_5_minutes", share_of(overview, 5 * MINUTE));
    status_json_set(object, "last_2_hours", share_of(overview, HISTORY_SPAN));
    return object;
}

json_t *status_json_cache(const struct overview *overview)
{
    const struct overview_cache *cache = &overview->cache;
    json_t *object = json_object();

    status_json_set(object, "items", json_integer((json_int_t)cache->totals.items));
    status_json_set(object, "bytes", json_integer((json_int_t)cache->totals.bytes));
    status_json_set(object, "max_bytes", json_integer((json_int_t)cache->totals.max_size));
    status_json_set(object, "evictions", json_integer(cache->evictions));
    status_json_set(object, "results", results(cache));
    status_json_set(object, "stale_if_error", json_integer(cache->gave_stale));
    status_json_set(object, "without_call_ratio", without_call(overview));
    return object;
}
