/* middleware/quota.h in false time: users apart from each other, forgetting, reloads, threads. */
#include "middleware/quota.h"

#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "suite.h"

#define START (1000 * SECOND)

static struct quota *quota;
static struct rate rate;
static int64_t retry_after;

static void setup(void)
{
    quota = quota_new();
    rate = (struct rate){.interval = MINUTE, .burst = 2};
}

static void teardown(void)
{
    quota_free(quota);
}

static bool take(const char *user, int64_t after)
{
    return quota_take(quota, &rate, user, (struct mono_time){START + after}, &retry_after);
}

/* One of many users. */
static bool take_number(int number, int64_t after)
{
    char name[32];

    snprintf(name, sizeof(name), "user%d", number);
    return take(name, after);
}

START_TEST(each_user_has_an_own_one)
{
    ck_assert(take("alice", 0));
    ck_assert(take("alice", 0));
    ck_assert(!take("alice", 0));
    ck_assert_int_eq(retry_after, MINUTE);
    ck_assert(take("bob", 0));
    ck_assert(take("alic", 0));
    ck_assert(take("alice ", 0));
    ck_assert(!take("alice", MINUTE - 1));
    ck_assert_int_eq(retry_after, 1);
    ck_assert(take("alice", MINUTE));
    ck_assert(!take("alice", MINUTE));
}
END_TEST

START_TEST(refusals_cost_nothing)
{
    take("alice", 0);
    take("alice", 0);
    for (int i = 0; i < 1000; i++)
        ck_assert(!take("alice", MINUTE - 1));
    ck_assert(take("alice", MINUTE));
}
END_TEST

START_TEST(an_hour)
{
    int taken = 0;

    for (int64_t now = 0; now < HOUR; now += SECOND)
        taken += take("alice", now);
    ck_assert_int_eq(taken, 61);
}
END_TEST

START_TEST(a_reload)
{
    rate = (struct rate){.interval = HOUR, .burst = 1};
    ck_assert(take("alice", 0));
    ck_assert(!take("alice", 0));
    rate.interval = SECOND;
    ck_assert(!take("alice", 0));
    ck_assert_int_eq(retry_after, SECOND);
    rate.interval = 0;
    ck_assert(take("alice", 0));
    ck_assert(take("alice", 0));
    rate = (struct rate){.interval = SECOND, .burst = 10};
    for (int i = 0; i < 9; i++)
        ck_assert(take("alice", 0));
    ck_assert(!take("alice", 0));
}
END_TEST

/* Users whose names are alike stay apart, however the table grows. */
START_TEST(many_users)
{
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < QUOTA_USERS / 2; i++)
            ck_assert_msg(take_number(i, 0) == (round < 2), "user%d", i);
}
END_TEST

/* One of them asks all the time, and one has asked once. */
START_TEST(the_oldest_is_forgotten)
{
    take("always", 0);
    take("always", 0);
    take("once", 0);
    take("once", 0);
    ck_assert(!take("once", 0));
    for (int i = 0; i < 2 * QUOTA_USERS; i++) {
        take_number(i, 0);
        ck_assert(!take("always", 0));
    }
    ck_assert(take("once", 0));
}
END_TEST

START_TEST(free_of_nothing)
{
    quota_free(NULL);
}
END_TEST

#define THREADS 4
#define SHARED_USERS 500

static _Atomic int allowed;

static void *take_all(void *arg)
{
    int64_t wait;
    char name[32];

    (void)arg;
    for (int round = 0; round < 20; round++)
        for (int i = 0; i < SHARED_USERS; i++) {
            snprintf(name, sizeof(name), "user%d", i);
            allowed += quota_take(quota, &rate, name, (struct mono_time){START}, &wait);
        }
    return NULL;
}

START_TEST(threads_share_it)
{
    pthread_t threads[THREADS];

    rate.burst = 7;
    allowed = 0;
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, take_all, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    ck_assert_int_eq(allowed, 7 * SHARED_USERS);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("quota");
    TCase *tc = tcase_create("quota");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, each_user_has_an_own_one);
    tcase_add_test(tc, refusals_cost_nothing);
    tcase_add_test(tc, an_hour);
    tcase_add_test(tc, a_reload);
    tcase_add_test(tc, many_users);
    tcase_add_test(tc, the_oldest_is_forgotten);
    tcase_add_test(tc, free_of_nothing);
    tcase_add_test(tc, threads_share_it);
    suite_add_tcase(s, tc);
    return run_suite(s);
}
