/*
 * lookup/turns.h on a real loop: who is told, what callbacks may do, and that waiting costs
 * nothing. Order and bounds are tested in test_turn_line.c, in false time.
 */
#include "lookup/turns.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "lookup/plan.h"
#include "suite.h"

#define WAITERS 100

static struct loop *loop;
static struct turns *turns;
static struct rate_meter meter;
static _Atomic int64_t waiting;
static struct turns_limits limits;
static struct turn_waiter waiters[WAITERS];
static size_t told;   /* how many */
static size_t wakes;  /* turns of the loop */
static size_t expect; /* the loop ends after so many */

static void count_wake(struct turn_hook *hook)
{
    (void)hook;
    wakes++;
}

static struct turn_hook hook = {.run = count_wake};

static void setup(void)
{
    memset(&meter, 0, sizeof(meter));
    memset(waiters, 0, sizeof(waiters));
    waiting = 0;
    told = wakes = 0;
    expect = WAITERS;
    limits =
        (struct turns_limits){.rate = {.interval = 5 * MILLISECOND, .burst = 1}, .queue = WAITERS};
    loop = loop_new();
    ck_assert_ptr_nonnull(loop);
    turns = turns_new(loop, &meter, &waiting);
    loop_hook_add(loop, &hook);
}

static void teardown(void)
{
    turns_free(turns);
    loop_hook_remove(loop, &hook);
    loop_free(loop);
    ck_assert_int_eq(waiting, 0);
}

static void come(struct turn_waiter *waiter)
{
    (void)waiter;
    if (++told == expect)
        loop_stop(loop);
}

static enum turn_kind take(size_t i, int64_t within)
{
    int64_t retry_after;

    return turns_take(turns, &limits, mono_add(loop_now(loop), within), &waiters[i], &retry_after);
}

static void park(size_t count, void (*callback)(struct turn_waiter *))
{
    for (size_t i = 0; i < count; i++) {
        waiters[i].come = callback;
        ck_assert_int_eq(take(i, HOUR), TURN_PARKED);
    }
}

static void use_up(void)
{
    ck_assert(turns_try(turns, &limits));
    ck_assert(!turns_try(turns, &limits));
}

static void come_in_order(struct turn_waiter *waiter)
{
    ck_assert_ptr_eq(waiter, &waiters[told]);
    come(waiter);
}

/* One wake for each turn, and none before the first: the timer may come early by a hair, once. */
START_TEST(a_hundred_wait_for_nothing)
{
    const struct mono_time begun = loop_now(loop);

    use_up();
    park(WAITERS, come_in_order);
    loop_run(loop);
    ck_assert_uint_eq(told, WAITERS);
    ck_assert_uint_le(wakes, 2 * WAITERS + 5);
    ck_assert_int_ge(mono_diff(loop_look(loop), begun), WAITERS * limits.rate.interval);
}
END_TEST

static void stop(void *arg)
{
    (void)arg;
    loop_stop(loop);
}

/* Their turns are an hour and more away. */
START_TEST(nobody_is_woken_before)
{
    limits.rate.interval = HOUR;
    use_up();
    for (size_t i = 0; i < WAITERS; i++) {
        waiters[i].come = come;
        ck_assert_int_eq(take(i, 1000 * HOUR), TURN_PARKED);
    }
    timer_start(loop, 100 * MILLISECOND, stop, NULL);
    loop_run(loop);
    ck_assert_uint_le(wakes, 5);
    ck_assert_uint_eq(told, 0);
    for (size_t i = 0; i < WAITERS; i++)
        turn_cancel(&waiters[i]);
}
END_TEST

/* All turns are past when the loop looks. */
START_TEST(all_that_are_due_are_told_in_one_wake)
{
    use_up();
    park(20, come);
    expect = 20;
    while (!mono_before((struct mono_time){meter.due}, loop_look(loop)))
        ;
    loop_run(loop);
    ck_assert_uint_eq(told, 20);
    ck_assert_uint_le(wakes, 3);
}
END_TEST

static void cancel_the_next(struct turn_waiter *waiter)
{
    turn_cancel(waiter + 1);
    turn_cancel(waiter + 1);
    turn_cancel(waiter);
    come(waiter);
}

START_TEST(a_callback_cancels_others)
{
    use_up();
    park(10, cancel_the_next);
    expect = 5;
    loop_run(loop);
    ck_assert_uint_eq(told, 5);
    ck_assert_int_eq(waiting, 0);
}
END_TEST

static void park_again(struct turn_waiter *waiter)
{
    if (told < 10)
        ck_assert_int_eq(take((size_t)(waiter - waiters), HOUR), TURN_PARKED);
    come(waiter);
}

START_TEST(a_callback_parks_again)
{
    use_up();
    park(2, park_again);
    expect = 12;
    loop_run(loop);
    ck_assert_uint_eq(told, 12);
    ck_assert_int_eq(waiting, 0);
}
END_TEST

static void free_all(struct turn_waiter *waiter)
{
    for (size_t i = 0; i < WAITERS; i++)
        turn_cancel(&waiters[i]);
    turns_free(turns);
    turns = NULL;
    come(waiter);
}

START_TEST(a_callback_frees_them)
{
    use_up();
    park(10, free_all);
    expect = 1;
    loop_run(loop);
    ck_assert_uint_eq(told, 1);
    ck_assert_int_eq(waiting, 0);
}
END_TEST

START_TEST(refused)
{
    int64_t retry_after = 0;

    limits.rate.interval = HOUR;
    use_up();
    waiters[0].come = come;
    ck_assert_int_eq(
        turns_take(turns, &limits, mono_add(loop_look(loop), MINUTE), &waiters[0], &retry_after),
        TURN_REFUSED);
    ck_assert_int_le(retry_after, HOUR);
    ck_assert_int_gt(retry_after, HOUR - MINUTE);
    turn_cancel(&waiters[0]);
}
END_TEST

/* They wait for an hour; a reload turned the rate off, and the next arrival brings it along. */
START_TEST(the_rate_is_turned_off)
{
    limits.rate.interval = HOUR;
    use_up();
    for (size_t i = 0; i < 10; i++) {
        waiters[i].come = come_in_order;
        ck_assert_int_eq(take(i, 1000 * HOUR), TURN_PARKED);
    }
    limits.rate.interval = 0;
    ck_assert(turns_try(turns, &limits));
    expect = 10;
    loop_run(loop);
    ck_assert_uint_eq(told, 10);
}
END_TEST

/* The share of a member, as far as the fleet was counted; the queue is each member's own. */
START_TEST(a_member_has_its_share)
{
    static struct upstream_state state;
    struct lookup_upstream side = {.state = &state};
    struct config_upstream upstream = {.rate = SECOND, .burst = 10, .queue = 7};
    const struct lookup_way way = {.side = &side, .upstream = &upstream};

    for (int64_t members = 0; members < 5; members++) {
        atomic_store(&state.members, members);
        const struct turns_limits of = lookup_way_limits(&way);
        ck_assert_int_eq(of.rate.interval, (members == 0 ? 1 : members) * SECOND);
        ck_assert_int_eq(of.rate.burst, members == 0 ? 10 : 10 / members);
        ck_assert_int_eq(of.queue, 7);
    }
    side.state = NULL; /* a probe */
    ck_assert_int_eq(lookup_way_limits(&way).rate.interval, SECOND);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("turns");
    TCase *tc = tcase_create("turns");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, a_hundred_wait_for_nothing);
    tcase_add_test(tc, nobody_is_woken_before);
    tcase_add_test(tc, all_that_are_due_are_told_in_one_wake);
    tcase_add_test(tc, a_callback_cancels_others);
    tcase_add_test(tc, a_callback_parks_again);
    tcase_add_test(tc, a_callback_frees_them);
    tcase_add_test(tc, refused);
    tcase_add_test(tc, the_rate_is_turned_off);
    tcase_add_test(tc, a_member_has_its_share);
    suite_add_tcase(s, tc);
    return run_suite(s);
}
