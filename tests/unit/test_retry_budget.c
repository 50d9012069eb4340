/* lookup/retry_budget.h in false time: the share, the least, the span's edges, threads. */
#include "lookup/retry_budget.h"

#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"

#define START (1000 * SECOND)

static struct retry_budget budget;

static void setup(void)
{
    memset(&budget, 0, sizeof(budget));
}

static struct mono_time at(int64_t after)
{
    return (struct mono_time){START + after};
}

static void lookups(int count, int64_t after)
{
    for (int i = 0; i < count; i++)
        retry_budget_lookup(&budget, at(after));
}

/* How many can be charged, of a hundred thousand. */
static int take_all(int64_t percent, int64_t after)
{
    int taken = 0;

    while (taken < 100000 && retry_budget_take(&budget, percent, at(after)))
        taken++;
    return taken;
}

START_TEST(three_whatever_the_share)
{
    ck_assert_int_eq(take_all(20, 0), 3);
    ck_assert_int_eq(take_all(20, 10 * SECOND), 0);
    ck_assert_int_eq(take_all(20, 11 * SECOND - 1), 0);
    ck_assert_int_eq(take_all(20, 11 * SECOND), 3);
    lookups(1000, 30 * SECOND);
    ck_assert_int_eq(take_all(0, 30 * SECOND), 3);
}
END_TEST

START_TEST(a_share)
{
    lookups(100, 0);
    ck_assert_int_eq(take_all(20, 0), 20);
    lookups(4, SECOND);
    ck_assert_int_eq(take_all(20, SECOND), 0);
    lookups(1, SECOND);
    ck_assert_int_eq(take_all(20, SECOND), 1);
    ck_assert_int_eq(take_all(100, SECOND), 84);
}
END_TEST

/* Lookups count for ten seconds less a part of one, charges for ten and a part of one. */
START_TEST(the_edges_of_the_span)
{
    lookups(100, SECOND - 1);
    ck_assert_int_eq(take_all(20, 10 * SECOND - 1), 20);

    setup();
    lookups(100, SECOND - 1);
    ck_assert_int_eq(take_all(20, 10 * SECOND), 3);

    setup();
    lookups(100, 0);
    ck_assert_int_eq(take_all(20, 0), 20);
    lookups(100, 10 * SECOND);
    ck_assert_int_eq(take_all(20, 11 * SECOND - 1), 0);
    ck_assert_int_eq(take_all(20, 11 * SECOND), 20);
}
END_TEST

START_TEST(an_hour_of_a_share)
{
    int taken = 0;

    for (int64_t i = 0; i < 3600 * 50; i++) {
        lookups(1, i * 20 * MILLISECOND);
        taken += retry_budget_take(&budget, 10, at(i * 20 * MILLISECOND));
    }
    ck_assert_int_le(taken, 3600 * 50 / 10);
    ck_assert_int_ge(taken, 3600 * 50 * 8 / 100);
}
END_TEST

START_TEST(a_pause_of_any_length)
{
    for (int64_t pause = 11; pause < 200; pause++) {
        setup();
        lookups(1000, 0);
        ck_assert_int_eq(take_all(1, 0), 10);
        ck_assert_int_eq(take_all(20, pause * SECOND), 3);
    }
}
END_TEST

START_TEST(more_than_can_be_counted)
{
    budget.slots[(uint64_t)START / SECOND % RETRY_BUDGET_SLOTS] =
        (uint64_t)START / SECOND << 40 | UINT64_C(0xffffff) << 16 | 0xfffe;
    lookups(1, 0);
    ck_assert_int_eq(take_all(100, 0), 1);
    ck_assert_int_eq(take_all(100, SECOND), 65535);
}
END_TEST

#define THREADS 4
#define EACH 20000

static pthread_barrier_t barrier;
static _Atomic int charged;

static void *use(void *arg)
{
    (void)arg;
    for (int64_t second = 0; second < 3; second++) {
        for (int i = 0; i < EACH; i++) {
            retry_budget_lookup(&budget, at(second * SECOND));
            charged += retry_budget_take(&budget, 20, at(second * SECOND));
        }
        pthread_barrier_wait(&barrier);
    }
    return NULL;
}

/* Not one lookup is lost, and not one charge is too many. */
START_TEST(threads_lose_nothing)
{
    pthread_t threads[THREADS];

    charged = 0;
    ck_assert_int_eq(pthread_barrier_init(&barrier, NULL, THREADS), 0);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, use, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&barrier);
    charged += take_all(20, 2 * SECOND);
    ck_assert_int_eq(charged, 3 * THREADS * EACH / 5);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("retry_budget");
    TCase *tc = tcase_create("retry_budget");

    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_test(tc, three_whatever_the_share);
    tcase_add_test(tc, a_share);
    tcase_add_test(tc, the_edges_of_the_span);
    tcase_add_test(tc, an_hour_of_a_share);
    tcase_add_test(tc, a_pause_of_any_length);
    tcase_add_test(tc, more_than_can_be_counted);
    tcase_add_test(tc, threads_lose_nothing);
    suite_add_tcase(s, tc);
    return run_suite(s);
}
