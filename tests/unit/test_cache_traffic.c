/*
 * A million lookups of four workers as far as they meet: a table that is far too small for them,
 * answers that others hold while they are evicted, replaced or forgotten, results that are judged
 * at the same time, and reloads that take the cache away. For the sanitizers, and for that nobody
 * ever gets an answer of another postcode. Without calls and loops, which are a worker's own.
 */
#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/metrics.h"
#include "cache/landing.h"
#include "cached.h"
#include "config_fixture.h"
#include "suite.h"

enum { THREADS = 4, LOOKUPS = 250000, POSTCODES = 4000, TURNS = 1000, BODY_MOST = 3000 };

#define CACHED(size)                                                                               \
    WHOLE "[cache]\nmax_size = " size "\nnegative_ttl = 1s\nstale_if_error = 1s\n"                 \
          "stale_while_revalidate = 1s\n"

static struct config *configs[2];
static struct digest shape;

/* Of the present configuration; each worker takes its own reference now and then. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct cache *present;

static atomic_size_t wrong, hits, given_stale, renewed, brought;
static atomic_bool over;

struct worker {
    struct cached_random random;
    struct mono_time now;
    struct cache *cache;
    struct lookup_stats stats;
};

static void take_present(struct worker *worker)
{
    cache_unref(worker->cache);
    (void)pthread_mutex_lock(&lock);
    worker->cache = cache_ref(present);
    (void)pthread_mutex_unlock(&lock);
}

/* Half of the lookups are for a few of them. */
static uint64_t choose(struct worker *worker)
{
    const bool usual = cached_below(&worker->random, 2) == 0;

    return cached_below(&worker->random, usual ? POSTCODES / 64 : POSTCODES);
}

static void check(const struct answer *answer, uint64_t n)
{
    size_t len;
    const char *body = answer_body(answer, &len);

    if (!answer_is_unknown(answer) && strtoull(body, NULL, 10) != n)
        atomic_fetch_add(&wrong, 1);
}

/* What the upstream says: mostly an address, or that the stale one is good. */
static void bring(struct worker *worker, uint64_t n, const struct answer *stale,
                  struct lookup_result *result)
{
    const uint64_t what = cached_below(&worker->random, 100);

    *result = (struct lookup_result){
        .sent = worker->now,
        .stats = &worker->stats,
        .headers = {[CLIENT_CACHE_CONTROL] = what % 2 == 0 ? "public, max-age=1" : "public"},
        .etag = "\"e\"",
    };
    if (what < 10) {
        result->kind = LOOKUP_BUSY;
        result->status = 503;
    } else if (what < 15) {
        result->kind = LOOKUP_UNKNOWN;
        result->status = 404;
    } else if (stale != NULL && !answer_is_unknown(stale) && what < 60) {
        result->kind = LOOKUP_NOT_MODIFIED;
        result->status = 304;
    } else {
        result->kind = LOOKUP_ADDRESS;
        result->status = 200;
        result->body_len = 24 + cached_below(&worker->random, BODY_MOST);
        result->body = calloc(result->body_len, 1);
        ck_assert_ptr_nonnull(result->body);
        (void)snprintf(result->body, result->body_len, "%llu", (unsigned long long)n);
    }
}

static void call_upstream(struct worker *worker, uint64_t n, const struct cache_key *key,
                          struct answer *stale)
{
    const struct landing_call call = {
        .cache = worker->cache,
        .config = configs[0],
        .route = &configs[0]->routes[0],
        .keys = key,
        .stale = stale,
        .since = table_now(cache_table(worker->cache)),
    };
    struct lookup_result result;
    struct landing landing;

    bring(worker, n, stale, &result);
    landing_judge(&call, &result, worker->now, (struct wall_time){.ns = worker->now.ns}, &landing);
    if (landing.answer != NULL)
        check(landing.answer, n);
    atomic_fetch_add(landing.outcome.result == CACHE_STALE         ? &given_stale
                     : landing.outcome.result == CACHE_REVALIDATED ? &renewed
                                                                   : &brought,
                     1);
    answer_unref(landing.answer);
}

/* As cache_ask: a fresh one, a stale one that others see to, or a call. */
static void look_up(struct worker *worker, uint64_t n)
{
    char text[24];

    (void)snprintf(text, sizeof(text), "M%llu", (unsigned long long)n);
    const struct cache_hash *hash = cache_hash(worker->cache);
    const struct cache_shape_words words = cache_shape_words(hash, &shape);
    struct cache_key key = cache_key_make(hash, &words, text, NULL);

    key.postcode = cache_key_postcode(hash, text);
    struct answer *answer = table_get(cache_table(worker->cache), &key);

    if (answer != NULL && answer_fresh_for(answer, worker->now) > 0)
        atomic_fetch_add(&hits, 1);
    else if (answer != NULL && answer_is_failing(answer) &&
             landing_covers_failure(answer, worker->now) &&
             !answer_claim(answer, LANDING_RETRY, worker->now))
        atomic_fetch_add(&given_stale, 1);
    else
        call_upstream(worker, n, &key, answer);
    if (answer != NULL)
        check(answer, n);
    answer_unref(answer);
}

static void *work(void *arg)
{
    struct worker *worker = arg;

    for (int i = 0; i < LOOKUPS; i++) {
        if (i % TURNS == 0)
            take_present(worker);
        worker->now.ns += SECOND / 1000;
        look_up(worker, choose(worker));
    }
    cache_unref(worker->cache);
    return NULL;
}

static void *reload_and_forget(void *arg)
{
    (void)arg;
    for (unsigned turn = 0; !atomic_load(&over); turn++) {
        struct cache *before = present; /* nobody else changes it */
        struct cache *after = cache_follow(before, configs[turn / 8 % 2]);

        (void)pthread_mutex_lock(&lock);
        present = after;
        (void)pthread_mutex_unlock(&lock);
        cache_unref(before);
        (void)cache_forget(after, turn % 4 == 0 ? NULL : "M7");
        if (cache_totals(after).bytes > 2 << 20)
            atomic_fetch_add(&wrong, 1);
        (void)usleep(5000);
    }
    return NULL;
}

START_TEST(a_million_lookups)
{
    struct worker workers[THREADS] = {0};
    pthread_t threads[THREADS], reloader;

    configs[0] = good(CACHED("1M"));
    configs[1] = good(CACHED("2M"));
    shape = cache_shape(configs[0], &configs[0]->upstreams[0]);
    present = cache_new(configs[0]);
    ck_assert_int_eq(pthread_create(&reloader, NULL, reload_and_forget, NULL), 0);
    for (uint64_t i = 0; i < THREADS; i++) {
        workers[i].random.at = (i + 1) << 32;
        workers[i].now.ns = 1700000000 * SECOND;
        workers[i].stats.upstream = configs[0]->upstreams[0].index;
        ck_assert_int_eq(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    atomic_store(&over, true);
    ck_assert_int_eq(pthread_join(reloader, NULL), 0);
    ck_assert_uint_eq(wrong, 0);
    ck_assert_uint_eq(hits + given_stale + renewed + brought, (size_t)THREADS * LOOKUPS);
    ck_assert_uint_gt(hits, 10000);
    ck_assert_uint_gt(given_stale, 1000);
    ck_assert_uint_gt(renewed, 1000);
    ck_assert_int_gt(metric_sum(METRIC_CACHE_EVICTIONS, 0), 10000);
    cache_unref(present);
    ck_assert_int_eq(metric_sum(METRIC_CACHE_ITEMS, 0), 0);
    ck_assert_int_eq(metric_sum(METRIC_CACHE_BYTES, 0), 0);
    config_unref(configs[0]);
    config_unref(configs[1]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cache traffic");
    TCase *tcase = tcase_create("all");

    tcase_set_timeout(tcase, 480);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_million_lookups);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
