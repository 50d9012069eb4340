/* The table in the hands of many threads: for the thread sanitizer, and for what must hold then. */
#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/metrics.h"
#include "cache/table.h"
#include "cached.h"
#include "suite.h"

enum { THREADS = 4, OPERATIONS = 250000, KEYS = 16384, MAX_SIZE = 1 << 20 };

static struct table *table;
static atomic_size_t wrong; /* answers of another key */

static struct answer *get(uint64_t n)
{
    const struct cache_key key = cached_key(n);

    return table_get(table, &key);
}

static uint64_t value_of(const struct answer *answer)
{
    size_t len;

    return strtoull(answer_body(answer, &len), NULL, 10);
}

static bool put(uint64_t n, uint64_t value, size_t len, uint64_t since)
{
    const struct cache_key key = cached_key(n);
    struct answer *answer = cached_number(value, len);
    const bool kept = table_put(table, &key, answer, since);

    answer_unref(answer);
    return kept;
}

static void step(struct cached_random *random)
{
    const uint64_t n = cached_below(random, cached_below(random, 2) == 0 ? KEYS : KEYS / 64);
    const uint64_t what = cached_below(random, 10000);
    const struct cache_key key = cached_key(n);
    struct answer *answer = get(n);

    if (answer != NULL && value_of(answer) != n)
        atomic_fetch_add(&wrong, 1);
    if (answer != NULL && what < 300)
        table_remove(table, &key, answer);
    else if (answer == NULL || what < 1000)
        (void)put(n, n, 24 + cached_below(random, 300), table_now(table));
    if (what >= 9980)
        (void)table_forget(table, &key.postcode);
    if (what == 9970)
        (void)table_forget(table, NULL);
    if (answer != NULL && what < 5000) {
        (void)answer_claim(answer, SECOND, (struct mono_time){.ns = (int64_t)what * SECOND});
        answer_set_failing(answer, what % 2 == 0);
    }
    answer_unref(answer);
}

static void *work(void *p)
{
    struct cached_random random = {.at = *(const uint64_t *)p << 32};

    for (int i = 0; i < OPERATIONS; i++) {
        step(&random);
        if (i % 1000 == 0 && table_totals(table).bytes > MAX_SIZE)
            atomic_fetch_add(&wrong, 1);
    }
    return NULL;
}

START_TEST(test_a_million_operations)
{
    static uint64_t seeds[THREADS];
    pthread_t threads[THREADS];

    table = table_new(MAX_SIZE);
    for (uint64_t i = 0; i < THREADS; i++) {
        seeds[i] = i + 1;
        ck_assert_int_eq(pthread_create(&threads[i], NULL, work, &seeds[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    ck_assert_uint_eq(wrong, 0);
    ck_assert_int_eq(metric_sum(METRIC_CACHE_ITEMS, 0), (int64_t)table_totals(table).items);
    ck_assert_int_eq(metric_sum(METRIC_CACHE_BYTES, 0), (int64_t)table_totals(table).bytes);
    ck_assert_int_gt(metric_sum(METRIC_CACHE_EVICTIONS, 0), 1000);
    table_free(table);
    ck_assert_int_eq(metric_sum(METRIC_CACHE_ITEMS, 0), 0);
    ck_assert_int_eq(metric_sum(METRIC_CACHE_BYTES, 0), 0);
}
END_TEST

/*
 * Answers say which generation they are of, and a new one begins before each forget. A call reads
 * the table's epoch before it begins, and so before its answer comes into being: after a forget
 * nothing of a generation before it is found.
 */
enum { FORGETS = 300, FEW = 64 };
static atomic_uint_least64_t generation;
static atomic_bool over;
static atomic_size_t kept;

static void *keep_putting(void *p)
{
    struct cached_random random = {.at = *(const uint64_t *)p << 32};

    while (!atomic_load(&over)) {
        const uint64_t since = table_now(table);
        const uint64_t value = atomic_load(&generation);

        if (put(cached_below(&random, FEW), value, 24, since))
            atomic_fetch_add(&kept, 1);
    }
    return NULL;
}

static size_t count_older(uint64_t than)
{
    size_t older = 0;

    for (uint64_t n = 0; n < FEW; n++) {
        struct answer *answer = get(n);

        older += answer != NULL && value_of(answer) < than;
        answer_unref(answer);
    }
    return older;
}

START_TEST(test_forget_races)
{
    static uint64_t seeds[2] = {1, 2};
    pthread_t threads[2];
    size_t older = 0;

    table = table_new(MAX_SIZE);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, keep_putting, &seeds[i]), 0);
    for (int i = 0; i < FORGETS; i++) {
        const size_t before = atomic_load(&kept);

        while (atomic_load(&kept) < before + FEW)
            sched_yield();
        const uint64_t now = atomic_fetch_add(&generation, 1) + 1;

        (void)table_forget(table, NULL);
        older += count_older(now);
    }
    atomic_store(&over, true);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    ck_assert_uint_eq(older, 0);
    table_free(table);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cache_threads");
    TCase *tcase = tcase_create("all");

    tcase_set_timeout(tcase, 300);
    tcase_add_test(tcase, test_a_million_operations);
    tcase_add_test(tcase, test_forget_races);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
