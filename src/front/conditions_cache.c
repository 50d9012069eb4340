/*
 * What is wrong with answers kept: that there are none, which costs every call that the cache is
 * there to spare, and that they are given past their time because lookups fail.
 */
#include "base/check.h"
#include "base/duration.h"
#include "front/conditions_internal.h"

/*
 * It keeps nothing: at the end of each sample there was no answer, none was found in it, and at
 * least KEEPS_NOTHING_LEAST lookups have brought one, the first of them KEEPS_NOTHING_FOR ago or
 * longer and the last within KEEPS_NOTHING_NEWS.
 */
#define KEEPS_NOTHING_LEAST 20
#define KEEPS_NOTHING_FOR (5 * MINUTE)
#define KEEPS_NOTHING_NEWS (10 * MINUTE)

struct fruitless {
    uint64_t answers;       /* that were given to lookups and not kept */
    struct mono_time first; /* the beginning of the first sample with such */
    struct mono_time last;
};

static bool found_any(const struct history_cache *cache)
{
    return cache->items > 0 || cache->evictions > 0 || cache->results[CACHE_HIT] > 0 ||
           cache->results[CACHE_STALE] > 0 || cache->results[CACHE_REVALIDATED] > 0;
}

/* Addresses that calls for misses have brought: at least so many. */
static uint32_t brought(const struct history_sample *sample)
{
    const uint32_t *results = sample->cache.results;
    const uint32_t others = results[CACHE_BYPASS] + results[CACHE_JOINED];
    const uint32_t answered = sample->codes[ENDED_OK];
    const uint32_t most = answered > others ? answered - others : 0;

    return most < results[CACHE_MISS] ? most : results[CACHE_MISS];
}

/* When the present configuration was taken: what another one kept is no news. */
static struct mono_time configured(const struct overview *overview)
{
    return mono_add(overview->now, -(overview->wall.ns - overview->reload.at.ns));
}

/* What there was since something was kept last. */
static struct fruitless look_back(const struct overview *overview)
{
    const struct history *history = overview->history;
    const struct mono_time start = configured(overview);
    struct fruitless fruitless = {.answers = 0};

    for (size_t age = 0; age < history_count(history); age++) {
        const struct history_sample *sample = history_at(history, age);
        const uint32_t more = brought(sample);

        if (found_any(&sample->cache) || mono_before(mono_add(sample->at, -sample->length), start))
            break;
        if (more == 0)
            continue;
        if (fruitless.answers == 0)
            fruitless.last = sample->at;
        fruitless.answers += more;
        fruitless.first = mono_add(sample->at, -sample->length);
    }
    return fruitless;
}

/* What keeps the answers out follows from what is heeded. */
static const char *what_to_look_at(const struct overview_cache *cache)
{
    if (!cache->honour)
        return "An answer may take a 160th of [cache] max_size: raise that if they are larger.";
    if (cache->ttl > 0)
        return "Look at their Cache-Control: no-store is heeded in spite of ttl, and private "
               "unless as = service. With honour = off neither is, if the licence allows that.";
    if (cache->as_service)
        return "Look at their Cache-Control: it says no-store, or gives neither a lifetime "
               "(max-age) nor, with an ETag, a way to ask again. Ask the provider for that, or set "
               "[cache] ttl, which goes against its word.";
    if (cache->per_user)
        return "Look at their Cache-Control: a shared cache needs public, s-maxage or "
               "must-revalidate, and a lifetime (max-age). Ask the provider for that, or set "
               "[cache] ttl, which goes against its word.";
    return "Look at their Cache-Control: a shared cache needs public, s-maxage or "
           "must-revalidate. If the upstream answers all callers alike, as = service allows "
           "private too; else ask the provider, or set [cache] ttl, which goes against its word.";
}

static void find_fruitless(struct diagnosis *diagnosis)
{
    const struct overview *overview = diagnosis->overview;
    const struct fruitless fruitless = look_back(overview);
    const bool found = overview->cache.on && overview->cache.totals.items == 0 &&
                       fruitless.answers >= KEEPS_NOTHING_LEAST &&
                       mono_diff(overview->now, fruitless.first) >= KEEPS_NOTHING_FOR &&
                       mono_diff(overview->now, fruitless.last) < KEEPS_NOTHING_NEWS;
    struct condition *condition =
        found ? condition_begin(diagnosis, CONDITION_NOTE, fruitless.first) : NULL;

    if (condition == NULL)
        return;
    condition_put(condition->what, "The cache keeps no answer");
    condition_put(condition->why, "the upstream gave %llu answers since then, and none was kept",
                  (unsigned long long)fruitless.answers);
    condition_put(condition->action, "%s", what_to_look_at(&overview->cache));
}

static bool gave_stale(const struct diagnosis *diagnosis, size_t age)
{
    return history_at(diagnosis->overview->history, age)->cache.stale_if_error > 0;
}

static void find_stale(struct diagnosis *diagnosis)
{
    const struct overview *overview = diagnosis->overview;
    const struct history *history = overview->history;
    char window[DURATION_TEXT];
    uint64_t given = 0;

    for (size_t age = 0; age < history_count(history) && age < CONDITIONS_RECENT; age++)
        given += history_at(history, age)->cache.stale_if_error;
    struct condition *condition =
        overview->cache.stale_if_error > 0 && given > 0
            ? condition_begin(diagnosis, CONDITION_WARNING, condition_since(diagnosis, gave_stale))
            : NULL;
    if (condition == NULL)
        return;
    duration_format(overview->cache.stale_if_error, window);
    condition_put(condition->what, "Lookups that fail are answered with stale answers");
    condition_put(condition->why,
                  "%llu in the last minute; an answer is given for %s past its lifetime at the "
                  "most ([cache] stale_if_error)",
                  (unsigned long long)given, window);
    condition_put(condition->action,
                  "Mend what lookups fail for; the upstream's part of this page shows its calls. "
                  "Postcodes of which no answer is kept fail already, and the others when their "
                  "time is over.");
}

static void (*const finders[])(struct diagnosis *diagnosis) = {find_stale, find_fruitless};

void conditions_cache(struct diagnosis *diagnosis)
{
    for (size_t i = 0; i < ARRAY_LEN(finders); i++)
        finders[i](diagnosis);
}
