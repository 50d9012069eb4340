/*
 * A route with two upstreams, a cache, perhaps a stale answer of one of the two, and a result that
 * a call brings.
 */
#ifndef LANDING_FIXTURE_H
#define LANDING_FIXTURE_H

#include "cache/landing.h"

#include "config_fixture.h"
#include "suite.h"

#define THREE                                                                                      \
    IDENTITY "[upstream a]\naddress = https://a.example\nclient_id = c\n"                          \
             "client_secret_file = secret\n"                                                       \
             "[upstream b]\naddress = https://b.example\nclient_id = c\n"                          \
             "client_secret_file = secret\n"                                                       \
             "[upstream c]\naddress = https://c.example\nclient_id = c\n"                          \
             "client_secret_file = secret\n"                                                       \
             "[route two]\nupstream = a, b\n[route other]\nprefix = /c/\nupstream = c\n"           \
             "[cache]\nnegative_ttl = 30s\nstale_if_error = 1h\n"

#define NOW ((struct mono_time){.ns = 1000 * HOUR})
#define WALL ((struct wall_time){.ns = 1700000000 * SECOND})
#define LIFETIME (60 * SECOND)
#define STALE_FOR (40 * SECOND) /* the stale answer, at NOW */

enum { A, B, PLACES };

static struct config *config;
static struct cache *cache;
static struct cache_key keys[PLACES];
static struct lookup_stats stats;
static struct lookup_result result;
static struct landing_call call;
static struct landing landing;

static inline struct table *table(void)
{
    return cache_table(cache);
}

static inline size_t index_of(const char *name)
{
    for (size_t i = 0; i < config->upstream_count; i++)
        if (strcmp(config->upstreams[i].name, name) == 0)
            return config->upstreams[i].index;
    return 99;
}

static inline const struct config_route *route_named(const char *name)
{
    for (size_t i = 0; i < config->route_count; i++)
        if (strcmp(config->routes[i].name, name) == 0)
            return &config->routes[i];
    ck_abort_msg("no route %s", name);
    return NULL;
}

static inline void begin(void)
{
    setup();
    config = good(THREE);
    cache = cache_new(config);
    for (size_t i = 0; i < PLACES; i++)
        keys[i] = (struct cache_key){.words = {i + 1, ~i},
                                     .postcode = cache_key_postcode(cache_hash(cache), "M11AA")};
    stats = (struct lookup_stats){.upstream = index_of("a"), .upstream_duration = 1};
    call = (struct landing_call){.cache = cache,
                                 .config = config,
                                 .route = route_named("two"),
                                 .keys = keys,
                                 .since = table_now(table())};
}

static inline void end(void)
{
    answer_unref(landing.answer);
    answer_unref(call.stale);
    landing.answer = call.stale = NULL;
    cache_unref(cache);
    config_unref(config);
    teardown();
}

/* One of its upstream, stale for STALE_FOR, which failures may be answered with for `covered`. */
static inline void have_stale(size_t place, int64_t covered, const char *etag)
{
    const struct answer_parts parts = {
        .fields = {[ANSWER_CONTENT_TYPE] = "application/json",
                   [ANSWER_CACHE_CONTROL] = "public, max-age=60",
                   [ANSWER_ETAG] = etag},
        .body = "{\"old\":1}",
        .body_len = 9,
        .terms = {.born = {.ns = NOW.ns - LIFETIME - STALE_FOR},
                  .lifetime = LIFETIME,
                  .stale_if_error = covered},
    };

    call.stale = answer_new(&parts);
    call.stale_place = place;
    ck_assert(table_put(table(), &keys[place], call.stale, call.since));
}

/* Is it this one that is kept there? */
static inline bool is_kept(size_t place, const struct answer *answer)
{
    struct answer *found = table_get(table(), &keys[place]);
    const bool same = found == answer;

    answer_unref(found);
    return same;
}

/* The upstream's result: a 200 has a body, which is the receiver's to free. */
static inline void bring(enum lookup_result_kind kind, int status, const char *cache_control)
{
    result = (struct lookup_result){
        .kind = kind,
        .status = status,
        .headers = {[CLIENT_CACHE_CONTROL] = cache_control},
        .sent = NOW,
        .stats = &stats,
    };
    if (status != 200)
        return;
    result.body = strdup("{\"new\":1}");
    result.body_len = 9;
    result.headers[CLIENT_CONTENT_TYPE] = "application/json";
}

static inline void land(void)
{
    landing_judge(&call, &result, NOW, WALL, &landing);
    ck_assert_ptr_null(result.body);
    ck_assert_ptr_null(landing.result.body);
}

static inline void body_is(const char *expected)
{
    size_t len;

    ck_assert_ptr_nonnull(landing.answer);
    const char *body = answer_body(landing.answer, &len);
    ck_assert_uint_eq(len, strlen(expected));
    ck_assert_int_eq(memcmp(body, expected, len), 0);
}

static inline void outcome_is(enum cache_result expected, bool was_stale, int status)
{
    ck_assert_int_eq(landing.outcome.result, expected);
    ck_assert_int_eq(landing.outcome.was_stale, was_stale);
    ck_assert_int_eq(landing.outcome.status, status);
    ck_assert_ptr_null(landing.outcome.flight);
}

#endif
