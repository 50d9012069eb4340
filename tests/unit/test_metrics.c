/* base/metrics.h */
#include "base/metrics.h"

#include <check.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "suite.h"

#define THREADS 8
#define ROUNDS 20000

static void *count(void *arg)
{
    (void)arg;
    for (int i = 0; i < ROUNDS; i++) {
        metric_upstream_add(METRIC_UPSTREAM_REQUESTS, 0, 200, 1);
        metric_add(METRIC_IN_FLIGHT, 0, 1);
        metric_observe(METRIC_REQUEST_DURATION, 2 * MILLISECOND);
    }
    return NULL;
}

/* Takes down the gauge that other threads have put up. */
static void *take_down(void *arg)
{
    (void)arg;
    metric_add(METRIC_IN_FLIGHT, 0, -(ROUNDS - 1));
    return NULL;
}

static void run_threads(void *(*start)(void *), int n)
{
    pthread_t threads[THREADS];

    for (int i = 0; i < n; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, start, NULL), 0);
    /* Read while they count: never more than the end, and nothing torn. */
    ck_assert_int_le(metric_upstream_sum(METRIC_UPSTREAM_REQUESTS, 0, 200), THREADS * ROUNDS);
    for (int i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
}

START_TEST(test_threads_are_summed)
{
    run_threads(count, THREADS);
    ck_assert_int_eq(metric_upstream_sum(METRIC_UPSTREAM_REQUESTS, 0, 200), THREADS * ROUNDS);
    ck_assert_int_eq(metric_upstream_sum(METRIC_UPSTREAM_REQUESTS, 0, 201), 0);
    ck_assert_int_eq(metric_sum(METRIC_IN_FLIGHT, 0), THREADS * ROUNDS);
    ck_assert_int_eq(metric_sum(METRIC_REQUEST_DURATION, METRIC_HISTOGRAM_COUNT), THREADS * ROUNDS);
    ck_assert_int_eq(metric_sum(METRIC_REQUEST_DURATION, METRIC_HISTOGRAM_SUM),
                     THREADS * ROUNDS * 2 * MILLISECOND);
    run_threads(take_down, THREADS);
    ck_assert_int_eq(metric_sum(METRIC_IN_FLIGHT, 0), THREADS);
}
END_TEST

/* Adds to each cell a number of its own, or checks it (`add` false). */
static void number_cells(bool add)
{
    int64_t expected = 1;

    for (size_t i = 0; i < METRIC_COUNT; i++) {
        enum metric id = (enum metric)i;
        bool process = metric_family(id)->scope == METRIC_PROCESS;
        size_t upstreams = process ? 1 : METRIC_UPSTREAMS;

        for (size_t n = 0; n < upstreams * metric_family(id)->cells; n++) {
            size_t upstream = n % upstreams;
            size_t cell = n / upstreams;

            if (add && process)
                metric_add(id, cell, expected);
            else if (add)
                metric_upstream_add(id, upstream, cell, expected);
            else
                ck_assert_int_eq(process ? metric_sum(id, cell)
                                         : metric_upstream_sum(id, upstream, cell),
                                 expected);
            expected++;
        }
    }
}

START_TEST(test_cells_do_not_overlap)
{
    number_cells(true);
    number_cells(false);
}
END_TEST

START_TEST(test_upstreams_are_apart)
{
    metric_upstream_observe(METRIC_UPSTREAM_DURATION, 3, SECOND);
    metric_upstream_add(METRIC_TOKEN_WAITERS, METRIC_UPSTREAMS - 1, 0, 5);
    ck_assert_int_eq(metric_upstream_sum(METRIC_UPSTREAM_DURATION, 3, METRIC_HISTOGRAM_SUM),
                     SECOND);
    ck_assert_int_eq(metric_upstream_sum(METRIC_UPSTREAM_DURATION, 3, METRIC_HISTOGRAM_COUNT), 1);
    ck_assert_int_eq(metric_upstream_sum(METRIC_UPSTREAM_DURATION, 0, METRIC_HISTOGRAM_COUNT), 0);
    ck_assert_int_eq(metric_upstream_sum(METRIC_TOKEN_WAITERS, METRIC_UPSTREAMS - 1, 0), 5);
    ck_assert_int_eq(metric_upstream_sum(METRIC_TOKEN_WAITERS, 0, 0), 0);
}
END_TEST

START_TEST(test_histogram)
{
    static const struct {
        int64_t ns;
        int bucket; /* -1: past the last */
    } cases[] = {
        {-5, 0},
        {0, 0},
        {50 * MICROSECOND, 0},
        {50 * MICROSECOND + 1, 1},
        {100 * MICROSECOND, 1},
        {100 * MICROSECOND + 1, 2},
        {250 * MICROSECOND + 1, 3},
        {500 * MICROSECOND, 3},
        {500 * MICROSECOND + 1, 4},
        {MILLISECOND, 4},
        {MILLISECOND + 1, 5},
        {SECOND, 13},
        {10 * SECOND, 16},
        {10 * SECOND + 1, -1},
        {HOUR, -1},
    };
    int64_t sum = 0;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int bucket = cases[i].bucket;
        int64_t before =
            bucket >= 0 ? metric_upstream_sum(METRIC_UPSTREAM_DURATION, 0, (size_t)bucket) : 0;

        metric_upstream_observe(METRIC_UPSTREAM_DURATION, 0, cases[i].ns);
        sum += cases[i].ns > 0 ? cases[i].ns : 0;
        if (bucket >= 0)
            ck_assert_int_eq(metric_upstream_sum(METRIC_UPSTREAM_DURATION, 0, (size_t)bucket),
                             before + 1);
        ck_assert_int_eq(metric_upstream_sum(METRIC_UPSTREAM_DURATION, 0, METRIC_HISTOGRAM_COUNT),
                         (int64_t)i + 1);
        ck_assert_int_eq(metric_upstream_sum(METRIC_UPSTREAM_DURATION, 0, METRIC_HISTOGRAM_SUM),
                         sum);
    }
    int64_t in_buckets = 0;
    for (size_t i = 0; i < METRIC_BUCKET_COUNT; i++)
        in_buckets += metric_upstream_sum(METRIC_UPSTREAM_DURATION, 0, i);
    ck_assert_int_eq(in_buckets, (int64_t)ARRAY_LEN(cases) - 2);
}
END_TEST

static void *count_elsewhere(void *arg)
{
    metric_upstream_add(METRIC_UPSTREAM_REQUESTS, 2, 200, 5);
    metric_upstream_observe(METRIC_UPSTREAM_DURATION, 2, MILLISECOND);
    return arg;
}

/* Whoever counted it; and of others what went to it. */
START_TEST(test_another_upstream_begins_at_0)
{
    const size_t to_2 = 2 * METRIC_FAILOVER_REASONS + 1, to_3 = 3 * METRIC_FAILOVER_REASONS;
    pthread_t thread;

    ck_assert_int_eq(pthread_create(&thread, NULL, count_elsewhere, NULL), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    metric_upstream_add(METRIC_UPSTREAM_REQUESTS, 2, 200, 1);
    metric_upstream_add(METRIC_UPSTREAM_REQUESTS, 1, 200, 7);
    metric_upstream_add(METRIC_TOKEN_WAITERS, 2, 0, 4);
    metric_upstream_add(METRIC_FAILOVERS, 1, to_2, 9);
    metric_upstream_add(METRIC_FAILOVERS, 1, to_3, 9);
    metric_upstream_restart(2);
    ck_assert_int_eq(metric_upstream_sum(METRIC_UPSTREAM_REQUESTS, 2, 200), 0);
    ck_assert_int_eq(metric_upstream_sum(METRIC_UPSTREAM_DURATION, 2, METRIC_HISTOGRAM_COUNT), 0);
    ck_assert_int_eq(metric_upstream_sum(METRIC_UPSTREAM_DURATION, 2, METRIC_HISTOGRAM_SUM), 0);
    ck_assert_int_eq(metric_upstream_sum(METRIC_UPSTREAM_REQUESTS, 1, 200), 7);
    ck_assert_int_eq(metric_upstream_sum(METRIC_TOKEN_WAITERS, 2, 0), 4);
    ck_assert_int_eq(metric_upstream_sum(METRIC_FAILOVERS, 1, to_2), 0);
    ck_assert_int_eq(metric_upstream_sum(METRIC_FAILOVERS, 1, to_3), 9);
    metric_upstream_add(METRIC_UPSTREAM_REQUESTS, 2, 200, 3);
    ck_assert_int_eq(metric_upstream_sum(METRIC_UPSTREAM_REQUESTS, 2, 200), 3);
}
END_TEST

START_TEST(test_families)
{
    ck_assert_str_eq(metric_family(METRIC_REQUESTS)->name, "postcoded_requests_total");
    ck_assert_int_eq(metric_family(METRIC_CONNECTIONS)->kind, METRIC_GAUGE);
    for (size_t id = 0; id < METRIC_COUNT; id++) {
        const struct metric_family *family = metric_family((enum metric)id);

        ck_assert_int_eq(strncmp(family->name, "postcoded_", 10), 0);
        ck_assert_uint_gt(family->cells, 0);
        ck_assert_uint_gt(strlen(family->help), 0);
    }
}
END_TEST

START_TEST(test_cell_out_of_range_is_a_bug)
{
    metric_upstream_add(METRIC_TOKEN_REQUESTS, 0, 3, 1);
}
END_TEST

START_TEST(test_upstream_out_of_range_is_a_bug)
{
    metric_upstream_add(METRIC_TOKEN_REQUESTS, METRIC_UPSTREAMS, 0, 1);
}
END_TEST

/* An upstream's counter without the upstream, and the other way round. */
START_TEST(test_wrong_scope_is_a_bug)
{
    if (_i == 0)
        metric_add(METRIC_TOKEN_REQUESTS, 0, 1);
    else
        metric_upstream_add(METRIC_IN_FLIGHT, 0, 0, 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("metrics");
    TCase *tcase = tcase_create("metrics");

    tcase_add_test(tcase, test_threads_are_summed);
    tcase_add_test(tcase, test_cells_do_not_overlap);
    tcase_add_test(tcase, test_upstreams_are_apart);
    tcase_add_test(tcase, test_histogram);
    tcase_add_test(tcase, test_another_upstream_begins_at_0);
    tcase_add_test(tcase, test_families);
    tcase_add_test_raise_signal(tcase, test_cell_out_of_range_is_a_bug, SIGABRT);
    tcase_add_test_raise_signal(tcase, test_upstream_out_of_range_is_a_bug, SIGABRT);
    tcase_add_loop_test_raise_signal(tcase, test_wrong_scope_is_a_bug, SIGABRT, 0, 2);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
