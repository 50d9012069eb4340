/*
 * A flight is over when its lookup is: landed, out of time, or cancelled because nobody waits any
 * more. It is then out of all lists, but its memory stays until the next one begins, for its
 * context may be what is being cancelled, or have the lookup's below it, at that moment. Those
 * who wait for it still, and have to be told by their own deadlines, keep it for so long.
 */
#include "cache/flight.h"

#include <string.h>
#include <uthash.h>
#include <utlist.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/reason.h"
#include "cache/give.h"
#include "cache/landing.h"

#undef uthash_malloc
#undef uthash_free
#define uthash_malloc(size) mem_alloc(size)
#define uthash_free(p, size) mem_free(p)

#define FLIGHT_MAGIC 0x464c4954u

/* A lookup that waits. */
struct member {
    struct member *prev, *next;
    struct flight *flight;
    struct ctx_hook cancelled;
    struct lookup_stats *stats; /* the lookup's own */
    struct give_to to;
    bool joined; /* it did not begin the flight */
};

struct flight {
    unsigned magic;
    struct flight *prev, *next; /* in worker->flights, or worker->spent */
    struct cache_worker *worker;
    struct ctx *ctx;
    struct ctx_hook cancelled;
    struct mono_time began;
    struct mono_time joinable_until;
    int64_t reserve;
    bool joinable;
    bool listed; /* in worker->joinable */
    bool stays;
    bool gone; /* flight_go was called */
    bool over;
    UT_hash_handle hh;
    uint64_t key[2];
    struct member *members;

    /* The call. */
    struct config *config;
    struct cache *cache;
    struct lookup_query query;
    struct lookup_stats stats;
    char *user, *target_query; /* the query's */
    struct cache_key *keys;
    struct landing_call landing;
};

/* ---- its end ---- */

/* Of no more use, and perhaps of a configuration that a reload has taken away. */
static void let_go(struct flight *flight)
{
    answer_unref(flight->landing.stale);
    cache_unref(flight->cache);
    config_unref(flight->config);
    mem_free(flight->user);
    mem_free(flight->target_query);
    flight->landing = (struct landing_call){.cache = NULL};
    flight->cache = NULL;
    flight->config = NULL;
    flight->user = flight->target_query = NULL;
}

static void flight_free(struct flight *flight)
{
    MAGIC_OK(flight, FLIGHT_MAGIC);
    ctx_hook_remove(&flight->cancelled);
    ctx_free(flight->ctx);
    let_go(flight);
    mem_free(flight->keys);
    MAGIC_CLEAR(flight);
    mem_free(flight);
}

static void free_spent(struct cache_worker *worker)
{
    struct flight *flight, *next;

    DL_FOREACH_SAFE(worker->spent, flight, next)
    {
        if (flight->members != NULL)
            continue;
        DL_DELETE(worker->spent, flight);
        flight_free(flight);
    }
}

static void unlist(struct flight *flight)
{
    if (flight->listed)
        HASH_DEL(flight->worker->joinable, flight);
    flight->listed = false;
}

static void be_over(struct flight *flight)
{
    struct cache_worker *worker = flight->worker;

    MUST(!flight->over);
    flight->over = true;
    ctx_hook_remove(&flight->cancelled);
    unlist(flight);
    DL_DELETE(worker->flights, flight);
    DL_APPEND(worker->spent, flight);
    if (flight->stays)
        lookup_place_leave(worker->places);
}

static void part(struct member *member)
{
    ctx_hook_remove(&member->cancelled);
    DL_DELETE(member->flight->members, member);
}

static struct cache_outcome outcome_for(const struct member *member,
                                        const struct cache_outcome *outcome)
{
    struct cache_outcome own = *outcome;

    if (member->joined && own.result != CACHE_STALE) {
        own.result = CACHE_JOINED;
        own.flight = flight_guid(member->flight);
    }
    return own;
}

static void give_to_all(struct flight *flight, const struct landing *landing)
{
    while (flight->members != NULL) {
        struct member *member = flight->members;
        const struct cache_outcome outcome = outcome_for(member, &landing->outcome);

        part(member);
        *member->stats = flight->stats;
        give(&member->to, &landing->result, landing->answer, &outcome);
        mem_free(member);
    }
}

/* Callers do not see that it failed: the log has it, once for each try. */
static void log_failure(const struct flight *flight, const struct lookup_result *result)
{
    const char *name = landing_upstream(&flight->landing, flight->stats.upstream);
    struct reason why;

    if (result == NULL)
        reason_set(&why, "no response came in time");
    else if (result->kind == LOOKUP_FAILED)
        reason_set(&why, "the upstream %s", client_error_phrase(result->error));
    else if (result->kind == LOOKUP_MALFORMED)
        reason_set(&why, "the upstream's response is not an address");
    else if (result->status != 0)
        reason_set(&why, "the upstream responded with status %d", result->status);
    else
        reason_set(&why, "%s",
                   result->kind == LOOKUP_NO_TOKEN ? "no token is available"
                                                   : "no call was allowed in time");
    log_write_fields(LOG_LEVEL_WARNING, flight_guid(flight), &LOG_TEXT("upstream", name), 1,
                     "an answer could not be replaced, a stale one is given: %s", why.text);
}

static void landed(void *arg, const struct lookup_result *found)
{
    MAGIC_CAST(struct flight, flight, arg, FLIGHT_MAGIC);
    struct lookup_result result = *found;
    struct landing landing;

    be_over(flight);
    landing_judge(&flight->landing, &result, loop_now(flight->worker->loop), wall_now(), &landing);
    if (landing.outcome.result == CACHE_STALE || (flight->stays && landing.failure))
        log_failure(flight, &result);
    give_to_all(flight, &landing);
    answer_unref(landing.answer);
    let_go(flight);
    ctx_cancel(flight->ctx, CTX_DONE); /* its deadline does not come any more */
}

/* A stale answer for those who wait, where there may be one. */
static void run_out_of_time(struct flight *flight)
{
    struct landing landing;
    const bool given = landing_give_stale(&flight->landing, mono_now(), &landing);

    if (given || flight->stays)
        log_failure(flight, NULL);
    if (!given)
        return;
    landing.result = (struct lookup_result){.stats = &flight->stats};
    give_to_all(flight, &landing);
    answer_unref(landing.answer);
}

/*
 * Where time has run out and there is no stale answer, the deadlines of those who wait have come.
 * Their contexts may be in the middle of that, so they stay where they are.
 */
static void on_cancelled(struct ctx_hook *hook, enum ctx_cause cause)
{
    struct flight *flight = CONTAINER_OF(hook, struct flight, cancelled);

    MAGIC_OK(flight, FLIGHT_MAGIC);
    be_over(flight);
    if (cause == CTX_DEADLINE)
        run_out_of_time(flight);
    let_go(flight);
}

/* ---- who waits ---- */

/* Callers with less patience than request_timeout must not hide that the upstream is silent. */
static void note_silence(struct flight *flight, enum ctx_cause cause)
{
    const struct mono_time now = loop_now(flight->worker->loop);

    if (cause == CTX_GONE && mono_diff(now, flight->began) >= LANDING_RETRY &&
        landing_note_failure(&flight->landing, now))
        log_failure(flight, NULL);
}

/* The caller left, or its deadline has come. */
static void leave(struct ctx_hook *hook, enum ctx_cause cause)
{
    struct member *member = CONTAINER_OF(hook, struct member, cancelled);
    struct flight *flight = member->flight;

    MAGIC_OK(flight, FLIGHT_MAGIC);
    part(member);
    if (flight->members == NULL && !flight->stays && !flight->over) {
        note_silence(flight, cause);
        ctx_cancel(flight->ctx, cause);
    }
    *member->stats = flight->stats;
    metric_add(METRIC_CACHE, member->joined ? CACHE_JOINED : CACHE_MISS, 1);
    mem_free(member);
}

/* Where a stale answer ends the wait, it does so before the deadline of the first. */
static void extend_for(struct flight *flight, const struct ctx *ctx)
{
    if (flight->reserve == 0)
        ctx_extend_deadline(flight->ctx, ctx_deadline(ctx));
}

void flight_join(struct flight *flight, struct ctx *ctx, const struct lookup_query *query,
                 cache_done *done, void *arg)
{
    struct member *member = mem_zalloc(sizeof(*member));

    MAGIC_OK(flight, FLIGHT_MAGIC);
    member->flight = flight;
    member->cancelled.cancelled = leave;
    member->stats = query->stats;
    member->to = (struct give_to){.if_none_match = query->if_none_match,
                                  .if_modified_since = query->if_modified_since,
                                  .stats = query->stats,
                                  .done = done,
                                  .arg = arg};
    member->joined = flight->gone;
    ctx_hook_add(ctx, &member->cancelled);
    DL_APPEND(flight->members, member);
    extend_for(flight, ctx);
}

/* ---- its beginning ---- */

static struct flight *find(const struct cache_worker *worker, const struct cache_key *key)
{
    struct flight *flight;

    HASH_FIND(hh, worker->joinable, key->words, sizeof(key->words), flight);
    return flight;
}

bool flight_is_under_way(const struct cache_worker *worker, const struct cache_key *key)
{
    return find(worker, key) != NULL;
}

struct flight *flight_find(struct cache_worker *worker, const struct cache_key *key)
{
    struct flight *flight = find(worker, key);
    const bool may = flight != NULL && flight->joinable && !flight->stats.answering &&
                     !flight->stats.late &&
                     flight->landing.since == table_now(cache_table(flight->cache)) &&
                     mono_before(loop_now(worker->loop), flight->joinable_until);

    return may ? flight : NULL;
}

static void list(struct flight *flight, const struct cache_key *key)
{
    struct cache_worker *worker = flight->worker;
    struct flight *before = find(worker, key);

    if (before != NULL)
        unlist(before);
    memcpy(flight->key, key->words, sizeof(flight->key));
    HASH_ADD(hh, worker->joinable, key, sizeof(flight->key), flight);
    flight->listed = true;
    DL_APPEND(worker->flights, flight);
}

/* Where the upstream is not told who asks, several users wait for one call, and what a reload makes
 * of it must not be the answer for one of them. */
static const char *user_of(const struct config *config, const struct lookup_query *query)
{
    return config->identity_forward_header != NULL ? query->user : "";
}

/* Who began it may leave before it ends: all it needs is its own. */
static void copy_call(struct flight *flight, const struct flight_plan *plan)
{
    const size_t keys_size = plan->route->upstream_count * sizeof(*plan->keys);
    const uint64_t postcode =
        cache_key_postcode(cache_hash(plan->cache), plan->query->postcode.text);

    flight->config = config_ref(plan->worker->shared->plan->config);
    flight->cache = cache_ref(plan->cache);
    flight->user = mem_strdup(user_of(flight->config, plan->query));
    flight->target_query = plan->query->query != NULL ? mem_strdup(plan->query->query) : NULL;
    flight->keys = mem_alloc(keys_size);
    memcpy(flight->keys, plan->keys, keys_size);
    for (size_t i = 0; i < plan->route->upstream_count; i++)
        flight->keys[i].postcode = postcode;
    flight->landing = (struct landing_call){
        .cache = flight->cache,
        .config = flight->config,
        .route = plan->route,
        .keys = flight->keys,
        .stale = plan->stale != NULL ? answer_ref(plan->stale) : NULL,
        .stale_place = plan->stale_place,
        .since = table_now(cache_table(plan->cache)),
    };
}

/* The caller's conditionals are judged by the answer; the upstream gets those of what is kept. */
static void make_query(struct flight *flight, const struct flight_plan *plan)
{
    const struct answer *stale = plan->stale;

    flight->query = (struct lookup_query){
        .postcode = plan->query->postcode,
        .user = flight->user,
        .query = flight->target_query,
        .stats = &flight->stats,
    };
    if (stale == NULL || answer_is_unknown(stale))
        return;
    flight->query.kept.upstream =
        flight->config->upstreams[plan->route->upstreams[plan->stale_place]].index;
    flight->query.kept.etag = answer_field(stale, ANSWER_ETAG);
    flight->query.kept.last_modified = answer_field(stale, ANSWER_LAST_MODIFIED);
}

struct flight *flight_new(const struct flight_plan *plan, const struct ctx *ctx,
                          struct mono_time deadline, bool joinable)
{
    struct flight *flight = mem_zalloc(sizeof(*flight));

    free_spent(plan->worker);
    MAGIC_SET(flight, FLIGHT_MAGIC);
    flight->worker = plan->worker;
    flight->joinable = joinable;
    flight->began = loop_now(plan->worker->loop);
    flight->reserve = plan->reserve;
    flight->joinable_until = mono_add(deadline, -plan->reserve);
    flight->stats.upstream_duration = -1;
    flight->ctx = ctx_new(plan->worker->loop);
    if (*ctx_guid(ctx) != '\0')
        ctx_set_guid(flight->ctx, ctx_guid(ctx));
    if (*ctx_traceparent(ctx) != '\0')
        ctx_set_trace(flight->ctx, ctx_traceparent(ctx), ctx_tracestate(ctx));
    ctx_set_deadline(flight->ctx, flight->joinable_until);
    flight->cancelled.cancelled = on_cancelled;
    ctx_hook_add(flight->ctx, &flight->cancelled);
    copy_call(flight, plan);
    make_query(flight, plan);
    list(flight, plan->key);
    return flight;
}

void flight_stay(struct flight *flight)
{
    flight->stays = true;
}

void flight_go(struct flight *flight)
{
    MAGIC_OK(flight, FLIGHT_MAGIC);
    flight->gone = true;
    lookup_start(flight->worker->shared, flight->landing.route, flight->ctx, &flight->query, landed,
                 flight);
}

const char *flight_guid(const struct flight *flight)
{
    return ctx_guid(flight->ctx);
}

void flight_end_all(struct cache_worker *worker)
{
    while (worker->flights != NULL) {
        MUST(worker->flights->members == NULL);
        ctx_cancel(worker->flights->ctx, CTX_DONE); /* others may end with it */
    }
    free_spent(worker);
}
