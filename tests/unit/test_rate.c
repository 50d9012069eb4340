/* base/rate.h in false time: bursts, turns ahead, other rates on the same meter, threads. */
#include "base/rate.h"

#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "suite.h"

#define START (1000 * SECOND)

static struct rate_meter meter;

static void setup(void)
{
    memset(&meter, 0, sizeof(meter));
}

static struct mono_time at(int64_t after)
{
    return (struct mono_time){START + after};
}

/* When the turn is, after START; -1: there is none until `latest`. */
static int64_t take(const struct rate *rate, int64_t after, int64_t latest)
{
    const struct mono_time next = rate_next(&meter, rate, at(after));
    struct mono_time turn;

    const bool taken = rate_take(&meter, rate, at(after), at(latest), &turn);
    ck_assert_int_eq(turn.ns, next.ns);
    return taken ? turn.ns - START : -1;
}

static int64_t take_now(const struct rate *rate, int64_t after)
{
    return take(rate, after, after);
}

START_TEST(a_burst_and_then_evenly)
{
    const struct rate rate = {.interval = 100 * MILLISECOND, .burst = 3};

    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(take(&rate, 0, SECOND), 0);
    for (int i = 1; i <= 10; i++)
        ck_assert_int_eq(take(&rate, 0, SECOND), i * 100 * MILLISECOND);
    ck_assert_int_eq(take(&rate, 0, SECOND), -1);
    ck_assert_int_eq(take(&rate, 0, SECOND), -1);
    ck_assert_int_eq(take(&rate, 1, 1100 * MILLISECOND), 1100 * MILLISECOND);
}
END_TEST

START_TEST(at_the_edge)
{
    const struct rate rate = {.interval = SECOND, .burst = 1};

    ck_assert_int_eq(take_now(&rate, 0), 0);
    ck_assert_int_eq(take_now(&rate, SECOND - 1), -1);
    ck_assert_int_eq(take_now(&rate, SECOND), SECOND);
    ck_assert_int_eq(take_now(&rate, SECOND), -1);
    ck_assert_int_eq(take_now(&rate, 2 * SECOND + 1), 2 * SECOND + 1);
    ck_assert_int_eq(take_now(&rate, 3 * SECOND), -1);
}
END_TEST

START_TEST(a_pause_saves_up_a_burst_and_no_more)
{
    const struct rate rate = {.interval = SECOND, .burst = 2};

    for (int64_t when = 0; when <= 1000 * HOUR; when += 500 * HOUR) {
        ck_assert_int_eq(take_now(&rate, when), when);
        ck_assert_int_eq(take_now(&rate, when), when);
        ck_assert_int_eq(take_now(&rate, when), -1);
    }
}
END_TEST

START_TEST(off)
{
    const struct rate rate = {.interval = 0, .burst = 1};

    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(take_now(&rate, 0), 0);
    ck_assert_int_eq(meter.due, 0);
}
END_TEST

/* A clock that is read late by some: the turns are as if it had been read in time. */
START_TEST(an_older_now)
{
    const struct rate rate = {.interval = SECOND, .burst = 1};

    ck_assert_int_eq(take_now(&rate, 5 * SECOND), 5 * SECOND);
    ck_assert_int_eq(take_now(&rate, 4 * SECOND), -1);
    ck_assert_int_eq(take(&rate, 4 * SECOND, 6 * SECOND), 6 * SECOND);
}
END_TEST

/* What was used up of a slow rate is one burst of the faster one at the most. */
START_TEST(a_faster_rate)
{
    const struct rate slow = {.interval = HOUR, .burst = 24};
    const struct rate fast = {.interval = 100 * MILLISECOND, .burst = 10};

    for (int i = 0; i < 24; i++)
        ck_assert_int_eq(take_now(&slow, 0), 0);
    ck_assert_int_eq(take_now(&slow, 0), -1);
    ck_assert_int_eq(take_now(&fast, 1), -1);
    ck_assert_int_eq(take(&fast, 1, SECOND), 100 * MILLISECOND + 1);
}
END_TEST

START_TEST(a_smaller_burst)
{
    const struct rate large = {.interval = HOUR, .burst = 24};
    const struct rate small = {.interval = HOUR, .burst = 1};

    for (int i = 0; i < 24; i++)
        take_now(&large, 0);
    ck_assert_int_eq(take_now(&small, 0), -1);
    ck_assert_int_eq(take_now(&small, HOUR), HOUR);
}
END_TEST

START_TEST(a_slower_rate)
{
    const struct rate fast = {.interval = MILLISECOND, .burst = 1};
    const struct rate slow = {.interval = HOUR, .burst = 1};

    ck_assert_int_eq(take_now(&fast, 0), 0);
    ck_assert_int_eq(take(&slow, 0, SECOND), MILLISECOND);
    ck_assert_int_eq(take(&slow, 0, HOUR), -1);
    ck_assert_int_eq(take(&slow, 0, HOUR + MILLISECOND), HOUR + MILLISECOND);
}
END_TEST

START_TEST(the_largest_numbers)
{
    const struct rate rate = {.interval = INT64_MAX / 2, .burst = INT64_MAX / 2};
    struct mono_time turn;

    for (int i = 0; i < 5; i++)
        ck_assert(rate_take(&meter, &rate, at(0), MONO_NEVER, &turn));
    const struct rate one = {.interval = INT64_MAX, .burst = 1};
    setup();
    ck_assert(rate_take(&meter, &one, at(0), at(0), &turn));
    ck_assert(!rate_take(&meter, &one, at(0), at(HOUR), &turn));
    ck_assert(!rate_give_back(&meter, &one, turn));
}
END_TEST

START_TEST(the_last_one_is_given_back)
{
    const struct rate rate = {.interval = SECOND, .burst = 2};

    for (int64_t i = -1; i <= 3; i++)
        ck_assert_int_eq(take(&rate, 0, HOUR), i > 0 ? i * SECOND : 0);
    ck_assert(!rate_give_back(&meter, &rate, at(2 * SECOND)));
    ck_assert(rate_give_back(&meter, &rate, at(3 * SECOND)));
    ck_assert(rate_give_back(&meter, &rate, at(2 * SECOND)));
    ck_assert(!rate_give_back(&meter, &rate, at(3 * SECOND)));
    ck_assert_int_eq(take(&rate, 0, HOUR), 2 * SECOND);
}
END_TEST

START_TEST(the_share_of_one_of_several)
{
    static const struct {
        struct rate rate;
        int64_t members;
        struct rate share;
    } cases[] = {
        {{SECOND, 10}, 1, {SECOND, 10}},
        {{SECOND, 10}, 0, {SECOND, 10}}, /* nobody was counted yet */
        {{SECOND, 10}, -1, {SECOND, 10}},
        {{SECOND, 10}, 2, {2 * SECOND, 5}},
        {{SECOND, 10}, 3, {3 * SECOND, 3}},
        {{SECOND, 10}, 11, {11 * SECOND, 1}},
        {{SECOND, 1}, 1000, {1000 * SECOND, 1}},
        {{0, 10}, 4, {0, 2}}, /* no limit stays none */
        {{INT64_MAX / 2, 1}, 3, {INT64_MAX, 1}},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct rate share = rate_share(&cases[i].rate, cases[i].members);
        ck_assert_int_eq(share.interval, cases[i].share.interval);
        ck_assert_int_eq(share.burst, cases[i].share.burst);
    }
}
END_TEST

#define MEMBERS 4

/*
 * Members that take every turn they can, and after a pause the burst: together they have no more
 * than the whole rate, but for a turn each where the burst is smaller than their number. Then two
 * of them leave, and the others have the whole rate again.
 */
START_TEST(all_shares_are_the_whole)
{
    const struct rate rate = {.interval = 10 * MILLISECOND, .burst = 8};
    struct rate_meter meters[MEMBERS] = {{0}};
    struct mono_time turn;
    int64_t turns = 0;

    for (int64_t now = 0; now < MINUTE; now += MILLISECOND) {
        const int64_t members = now < MINUTE / 2 ? MEMBERS : MEMBERS / 2;
        const struct rate share = rate_share(&rate, members);
        for (int64_t i = 0; i < members; i++)
            while (rate_take(&meters[i], &share, at(now), at(now), &turn))
                turns++;
        ck_assert_int_le(turns, now / rate.interval + rate.burst + MEMBERS);
    }
    ck_assert_int_ge(turns, MINUTE / rate.interval - 2 * MEMBERS);
}
END_TEST

#define THREADS 4
#define TURNS 5000

static void *take_many(void *arg)
{
    const struct rate rate = {.interval = MICROSECOND, .burst = 7};
    struct mono_time *turns = arg;

    for (int i = 0; i < TURNS; i++)
        MUST(rate_take(&meter, &rate, at(0), MONO_NEVER, &turns[i]));
    return NULL;
}

static int by_time(const void *a, const void *b)
{
    const struct mono_time *left = a, *right = b;

    return (left->ns > right->ns) - (left->ns < right->ns);
}

START_TEST(threads_have_turns_of_their_own)
{
    struct mono_time *turns = mem_alloc(THREADS * TURNS * sizeof(*turns));
    pthread_t threads[THREADS];

    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, take_many, &turns[(size_t)i * TURNS]),
                         0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    qsort(turns, THREADS * TURNS, sizeof(*turns), by_time);
    for (int64_t i = 0; i < THREADS * TURNS; i++)
        ck_assert_int_eq(turns[i].ns, START + (i < 7 ? 0 : i - 6) * MICROSECOND);
    mem_free(turns);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("rate");
    TCase *tc = tcase_create("rate");

    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_test(tc, a_burst_and_then_evenly);
    tcase_add_test(tc, at_the_edge);
    tcase_add_test(tc, a_pause_saves_up_a_burst_and_no_more);
    tcase_add_test(tc, off);
    tcase_add_test(tc, an_older_now);
    tcase_add_test(tc, a_faster_rate);
    tcase_add_test(tc, a_smaller_burst);
    tcase_add_test(tc, a_slower_rate);
    tcase_add_test(tc, the_largest_numbers);
    tcase_add_test(tc, the_last_one_is_given_back);
    tcase_add_test(tc, the_share_of_one_of_several);
    tcase_add_test(tc, all_shares_are_the_whole);
    tcase_add_test(tc, threads_have_turns_of_their_own);
    suite_add_tcase(s, tc);
    return run_suite(s);
}
