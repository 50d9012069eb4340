/* lookup/turn_line.h in false time: order, leaving, the bounds, other rates, threads. */
#include "lookup/turn_line.h"

#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"

#define START (1000 * SECOND)
#define MANY 64

static struct rate_meter meter;
static _Atomic int64_t waiting;
static struct turn_line line;
static struct turn_waiter waiters[MANY];
static struct turns_limits limits;

static void setup(void)
{
    memset(&meter, 0, sizeof(meter));
    memset(&line, 0, sizeof(line));
    memset(waiters, 0, sizeof(waiters));
    waiting = 0;
    line.meter = &meter;
    line.waiting = &waiting;
    limits = (struct turns_limits){.rate = {.interval = SECOND, .burst = 1}, .queue = MANY};
}

static struct mono_time at(int64_t after)
{
    return (struct mono_time){START + after};
}

/* Refused: the seconds until a turn, negative; what else: the kind. */
static int64_t arrive(size_t i, int64_t after, int64_t latest)
{
    int64_t retry_after = 0;
    enum turn_kind kind =
        turn_line_take(&line, &limits, at(after), at(latest), &waiters[i], &retry_after);

    return kind == TURN_REFUSED ? -retry_after / SECOND : (int64_t)kind;
}

static void park(size_t i, int64_t after)
{
    ck_assert_int_eq(arrive(i, after, HOUR), TURN_PARKED);
}

static void comes(size_t i, int64_t after)
{
    ck_assert_int_eq(turn_line_next(&line).ns, at(after).ns);
    ck_assert_ptr_null(turn_line_come(&line, at(after - 1)));
    ck_assert_ptr_eq(turn_line_come(&line, at(after)), &waiters[i]);
}

static void ends(void)
{
    ck_assert_int_eq(turn_line_next(&line).ns, MONO_NEVER.ns);
    ck_assert_ptr_null(turn_line_come(&line, MONO_NEVER));
    ck_assert_int_eq(waiting, 0);
    turn_line_fini(&line);
}

START_TEST(in_order_of_arrival)
{
    limits.rate.burst = 2;
    ck_assert_int_eq(arrive(0, 0, 0), TURN_NOW);
    ck_assert_int_eq(arrive(0, 0, 0), TURN_NOW);
    for (size_t i = 0; i < 40; i++)
        park(i, 0);
    ck_assert_int_eq(waiting, 40);
    for (size_t i = 0; i < 40; i++)
        comes(i, ((int64_t)i + 1) * SECOND);
    ends();
}
END_TEST

START_TEST(a_deadline_that_is_too_near)
{
    ck_assert_int_eq(arrive(0, 0, 0), TURN_NOW);
    park(0, 0);
    ck_assert_int_eq(arrive(1, 0, 2 * SECOND - 1), -2);
    ck_assert_int_eq(waiting, 1);
    ck_assert_int_eq(arrive(1, 0, 2 * SECOND), TURN_PARKED);
    comes(0, SECOND);
    comes(1, 2 * SECOND);
    ends();
}
END_TEST

START_TEST(a_full_queue)
{
    limits.queue = 2;
    ck_assert_int_eq(arrive(0, 0, 0), TURN_NOW);
    park(0, 0);
    park(1, 0);
    ck_assert_int_eq(arrive(2, 0, HOUR), -3);
    comes(0, SECOND);
    park(2, SECOND);
    comes(1, 2 * SECOND);
    comes(2, 3 * SECOND);
    limits.queue = 0;
    ck_assert_int_eq(arrive(0, 3 * SECOND, HOUR), -1);
    ck_assert_int_eq(arrive(0, 4 * SECOND, HOUR), TURN_NOW);
    ends();
}
END_TEST

START_TEST(those_behind_move_forward)
{
    ck_assert_int_eq(arrive(0, 0, 0), TURN_NOW);
    for (size_t i = 0; i < 4; i++)
        park(i, 0);
    turn_line_leave(&line, &waiters[1], at(0));
    turn_line_leave(&line, &waiters[0], at(0));
    ck_assert_int_eq(waiting, 2);
    comes(2, SECOND);
    park(0, SECOND);
    comes(3, 2 * SECOND);
    comes(0, 3 * SECOND);
    ends();
}
END_TEST

START_TEST(all_leave)
{
    ck_assert_int_eq(arrive(0, 0, 0), TURN_NOW);
    for (size_t i = 0; i < MANY; i++)
        park(i, 0);
    for (size_t i = 0; i < MANY; i++)
        turn_line_leave(&line, &waiters[i], at(0));
    ck_assert_int_eq(arrive(0, SECOND - 1, SECOND), TURN_PARKED);
    comes(0, SECOND);
    ends();
}
END_TEST

/* Their turns are another worker's, for none was taken after them. */
START_TEST(a_crowd_that_leaves)
{
    struct turn_line other = {.meter = &meter, .waiting = &waiting};
    struct turn_waiter far = {.come = NULL};
    int64_t retry_after;

    ck_assert_int_eq(arrive(0, 0, 0), TURN_NOW);
    for (size_t i = 0; i < MANY; i++)
        park(i, 0);
    for (size_t i = 0; i < MANY; i++)
        turn_line_leave(&line, &waiters[i], at(0));
    ck_assert_int_eq(turn_line_take(&other, &limits, at(0), at(SECOND), &far, &retry_after),
                     TURN_PARKED);
    ck_assert_ptr_eq(turn_line_come(&other, at(SECOND)), &far);
    turn_line_fini(&other);
    ends();
}
END_TEST

/* The other worker has taken the turn after it. */
START_TEST(a_turn_that_is_left_over)
{
    struct turn_line other = {.meter = &meter, .waiting = &waiting};
    struct turn_waiter far = {.come = NULL};
    int64_t retry_after;

    ck_assert_int_eq(arrive(0, 0, 0), TURN_NOW);
    park(0, 0);
    park(1, 0);
    ck_assert_int_eq(turn_line_take(&other, &limits, at(0), at(HOUR), &far, &retry_after),
                     TURN_PARKED);
    turn_line_leave(&line, &waiters[0], at(0));
    park(2, 0);
    comes(1, SECOND);
    comes(2, 2 * SECOND);
    ck_assert_ptr_eq(turn_line_come(&other, at(3 * SECOND)), &far);

    /* Past: it is nobody's, and not the burst's of the next ones either. */
    park(0, 3 * SECOND);
    ck_assert_int_eq(turn_line_take(&other, &limits, at(3 * SECOND), at(HOUR), &far, &retry_after),
                     TURN_PARKED);
    turn_line_leave(&line, &waiters[0], at(3 * SECOND));
    ck_assert_ptr_eq(turn_line_come(&other, at(5 * SECOND)), &far);
    ck_assert_int_eq(arrive(0, 5 * SECOND, HOUR), TURN_PARKED);
    comes(0, 6 * SECOND);
    turn_line_fini(&other);
    ends();
}
END_TEST

START_TEST(a_turn_now_or_none)
{
    ck_assert(turn_line_try(&line, &limits, at(0)));
    ck_assert(!turn_line_try(&line, &limits, at(0)));
    park(0, 0);
    ck_assert(!turn_line_try(&line, &limits, at(2 * SECOND)));
    comes(0, SECOND);
    ck_assert(turn_line_try(&line, &limits, at(2 * SECOND)));
    ends();
}
END_TEST

/* The arrival's turn is sooner than theirs: the first of them has it. */
START_TEST(a_faster_rate)
{
    limits.rate.interval = MINUTE;
    ck_assert_int_eq(arrive(0, 0, 0), TURN_NOW);
    park(0, 0);
    park(1, 0);
    limits.rate.interval = SECOND;
    ck_assert_int_eq(arrive(2, SECOND, MINUTE), -119);
    ck_assert_int_eq(arrive(2, SECOND, 2 * MINUTE), TURN_PARKED);
    comes(0, 2 * SECOND);
    comes(1, MINUTE);
    comes(2, 2 * MINUTE);
    ends();
}
END_TEST

START_TEST(no_rate_any_more)
{
    ck_assert_int_eq(arrive(0, 0, 0), TURN_NOW);
    park(0, 0);
    park(1, 0);
    limits.rate.interval = 0;
    ck_assert_int_eq(arrive(2, 10 * MILLISECOND, SECOND), TURN_NOW);
    comes(0, 10 * MILLISECOND);
    comes(1, 10 * MILLISECOND);
    ends();
}
END_TEST

#define THREADS 4

static _Atomic int64_t most;

static void *come_and_go(void *arg)
{
    struct turn_line own = {.meter = &meter, .waiting = &waiting};
    struct turn_waiter mine[8] = {{.come = NULL}};
    int64_t retry_after;

    (void)arg;
    for (int round = 0; round < 2000; round++) {
        size_t parked = 0;
        while (parked < 8 && turn_line_take(&own, &limits, at(0), at(HOUR), &mine[parked],
                                            &retry_after) == TURN_PARKED)
            parked++;
        int64_t now = waiting, seen = most;
        while (now > seen && !atomic_compare_exchange_weak(&most, &seen, now))
            ;
        while (parked > 0)
            turn_line_leave(&own, &mine[--parked], at(0));
    }
    turn_line_fini(&own);
    return NULL;
}

/* The queue has twenty places, for which four times eight come. */
START_TEST(the_queue_of_all_workers)
{
    pthread_t threads[THREADS];
    struct mono_time turn;

    limits.queue = 20;
    limits.rate.interval = MICROSECOND;
    most = 0;
    ck_assert(rate_take(&meter, &limits.rate, at(0), at(0), &turn));
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, come_and_go, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    ck_assert_int_le(most, 20);
    ck_assert_int_eq(waiting, 0);
    turn_line_fini(&line);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("turn_line");
    TCase *tc = tcase_create("turn_line");

    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, in_order_of_arrival);
    tcase_add_test(tc, a_deadline_that_is_too_near);
    tcase_add_test(tc, a_full_queue);
    tcase_add_test(tc, those_behind_move_forward);
    tcase_add_test(tc, all_leave);
    tcase_add_test(tc, a_crowd_that_leaves);
    tcase_add_test(tc, a_turn_that_is_left_over);
    tcase_add_test(tc, a_turn_now_or_none);
    tcase_add_test(tc, a_faster_rate);
    tcase_add_test(tc, no_rate_any_more);
    tcase_add_test(tc, the_queue_of_all_workers);
    suite_add_tcase(s, tc);
    return run_suite(s);
}
