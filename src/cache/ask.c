/*
 * The cache is asked for each upstream of the route, in its order. What is fresh is given at once.
 * What is stale is given at once where it may be, and somebody else, or nobody, sees to a new one.
 */
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "cache/cache.h"
#include "cache/flight.h"
#include "cache/give.h"
#include "cache/landing.h"
#include "lookup/prepared.h"

/* ---- keys ---- */

static const struct config *config_of(const struct cache_ask *ask)
{
    return ask->worker->shared->plan->config;
}

static void make_key(struct cache_ask *ask, size_t place)
{
    const struct config *config = config_of(ask);
    const size_t number = ask->route->upstreams[place];
    char *target = prepared_target(&config->upstreams[number], ask->query);

    ask->keys[place] =
        cache_key_make(cache_hash(ask->worker->cache), &ask->worker->shapes[number], target,
                       config->identity_forward_header != NULL ? ask->query->user : NULL);
    mem_free(target);
}

/* A call goes along the whole route: two routes that begin alike have different calls. */
static struct cache_key call_key(const struct cache_ask *ask)
{
    struct cache_key key = ask->keys[0];

    for (size_t i = 1; i < ask->route->upstream_count; i++)
        for (size_t j = 0; j < 2; j++)
            key.words[j] = (key.words[j] << 7 | key.words[j] >> 57) ^ ask->keys[i].words[j];
    return key;
}

/* ---- what is at hand ---- */

static void give_at_once(const struct cache_ask *ask, struct answer *answer, size_t place,
                         enum cache_result result, cache_done *done, void *arg)
{
    const struct lookup_query *query = ask->query;
    const struct cache_outcome outcome = {
        .result = result,
        .failed = result == CACHE_STALE && answer_is_failing(answer),
        .has_answer = true,
        .age = answer_age(answer, ask->now),
        .fresh_for = answer_fresh_for(answer, ask->now),
    };
    const struct give_to to = {.if_none_match = query->if_none_match,
                               .if_modified_since = query->if_modified_since,
                               .stats = query->stats,
                               .done = done,
                               .arg = arg};

    *query->stats = (struct lookup_stats){
        .upstream = config_of(ask)->upstreams[ask->route->upstreams[place]].index,
        .upstream_duration = -1};
    give(&to, NULL, answer, &outcome);
}

/* The first one, but one that says more than that the postcode is unknown before all others. */
static void remember_stale(struct cache_ask *ask, struct answer *answer, size_t place)
{
    if (ask->stale != NULL && (!answer_is_unknown(ask->stale) || answer_is_unknown(answer))) {
        answer_unref(answer);
        return;
    }
    answer_unref(ask->stale);
    ask->stale = answer;
    ask->stale_place = place;
}

/* True: a fresh one was given. A stale one is remembered. */
static bool give_fresh(struct cache_ask *ask, cache_done *done, void *arg)
{
    for (size_t i = 0; i < ask->route->upstream_count; i++) {
        make_key(ask, i);
        struct answer *answer = table_get(cache_table(ask->worker->cache), &ask->keys[i]);
        if (answer == NULL)
            continue;
        if (answer_fresh_for(answer, ask->now) > 0) {
            give_at_once(ask, answer, i, CACHE_HIT, done, arg);
            answer_unref(answer);
            return true;
        }
        remember_stale(ask, answer, i);
    }
    return false;
}

/* ---- calls ---- */

/* A stale answer in the place of one that does not come has to be given in time. */
static int64_t reserve_of(const struct cache_ask *ask, struct mono_time deadline)
{
    const int64_t tenth = mono_diff(deadline, ask->now) / 10;

    if (!landing_covers_failure(ask->stale, deadline))
        return 0;
    return tenth < SECOND ? tenth : SECOND;
}

static struct flight_plan plan_of(struct cache_ask *ask, const struct cache_key *key,
                                  struct mono_time deadline)
{
    return (struct flight_plan){
        .worker = ask->worker,
        .cache = ask->worker->cache,
        .route = ask->route,
        .keys = ask->keys,
        .key = key,
        .query = ask->query,
        .stale = ask->stale,
        .stale_place = ask->stale_place,
        .reserve = reserve_of(ask, deadline),
    };
}

static bool may_join(const struct cache_ask *ask)
{
    return config_of(ask)->cache_coalesce;
}

/* Nobody waits for it, but others may join. Where half of the places are taken, a later lookup
 * sees to it. */
static void replace_behind(struct cache_ask *ask, const struct cache_key *key,
                           const struct ctx *ctx)
{
    const struct config *config = config_of(ask);
    const struct mono_time deadline = mono_add(ask->now, config->server_request_timeout);
    const struct flight_plan plan = plan_of(ask, key, deadline);

    if (!lookup_place_take(ask->worker->places, (config->server_max_in_flight + 1) / 2))
        return;
    struct flight *flight = flight_new(&plan, ctx, deadline, may_join(ask));
    flight_stay(flight);
    flight_go(flight);
}

/* One try at a time in this worker, and one in a while in all of them. */
static bool should_try(const struct cache_ask *ask, const struct cache_key *key)
{
    return !flight_is_under_way(ask->worker, key) &&
           answer_claim(ask->stale, LANDING_RETRY, ask->now);
}

/* True: the stale answer was given. */
static bool give_stale(struct cache_ask *ask, const struct ctx *ctx, cache_done *done, void *arg)
{
    const struct cache_key key = call_key(ask);
    const int64_t stale_for = -answer_fresh_for(ask->stale, ask->now);
    const struct answer_terms terms = answer_terms(ask->stale);

    if (stale_for < terms.stale_while_revalidate) {
        if (should_try(ask, &key))
            replace_behind(ask, &key, ctx);
    } else if (!answer_is_failing(ask->stale) || !landing_covers_failure(ask->stale, ask->now) ||
               should_try(ask, &key)) {
        return false;
    }
    give_at_once(ask, ask->stale, ask->stale_place, CACHE_STALE, done, arg);
    return true;
}

bool cache_ask(struct cache_ask *ask, struct ctx *ctx, cache_done *done, void *arg)
{
    MUST(ask->worker->cache != NULL);
    ask->now = loop_now(ask->worker->loop);
    ask->stale = NULL;
    ask->stale_place = 0;
    const bool given =
        give_fresh(ask, done, arg) || (ask->stale != NULL && give_stale(ask, ctx, done, arg));
    if (given)
        cache_ask_end(ask);
    return given;
}

void cache_lookup(struct cache_ask *ask, struct ctx *ctx, cache_done *done, void *arg,
                  struct cache_outcome *outcome)
{
    const struct cache_key key = call_key(ask);
    struct flight *flight = may_join(ask) ? flight_find(ask->worker, &key) : NULL;
    const bool joins = flight != NULL;

    *outcome = (struct cache_outcome){
        .result = joins ? CACHE_JOINED : CACHE_MISS, .was_stale = ask->stale != NULL, .age = -1};
    if (!joins) {
        const struct flight_plan plan = plan_of(ask, &key, ctx_deadline(ctx));
        flight = flight_new(&plan, ctx, ctx_deadline(ctx), may_join(ask));
    }
    outcome->flight = joins ? flight_guid(flight) : NULL;
    flight_join(flight, ctx, ask->query, done, arg);
    cache_ask_end(ask);
    if (!joins)
        flight_go(flight);
}

void cache_ask_end(struct cache_ask *ask)
{
    answer_unref(ask->stale);
    ask->stale = NULL;
}

/* ---- a worker ---- */

void cache_worker_init(struct cache_worker *worker, struct loop *loop,
                       const struct lookup_shared *shared, struct lookup_places *places)
{
    worker->loop = loop;
    worker->shared = shared;
    worker->places = places;
}

static struct cache_shape_words shape_words(const struct cache *cache, const struct config *config,
                                            size_t number)
{
    const struct digest shape = cache_shape(config, &config->upstreams[number]);

    return cache_shape_words(cache_hash(cache), &shape);
}

void cache_worker_use(struct cache_worker *worker, struct cache *cache, const struct config *config)
{
    struct cache *before = worker->cache;

    worker->cache = cache_ref(cache);
    cache_unref(before);
    mem_free(worker->shapes);
    worker->shapes = NULL;
    if (cache == NULL)
        return;
    worker->shapes = mem_alloc(config->upstream_count * sizeof(*worker->shapes));
    for (size_t i = 0; i < config->upstream_count; i++)
        worker->shapes[i] = shape_words(cache, config, i);
}

void cache_worker_fini(struct cache_worker *worker)
{
    flight_end_all(worker);
    cache_unref(worker->cache);
    mem_free(worker->shapes);
    worker->cache = NULL;
    worker->shapes = NULL;
}
