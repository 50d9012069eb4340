/*
 * lookup/choice.h in false time: which upstream of a route is asked, which are left out and why,
 * and that a trial is neither lost nor made twice.
 */
#include "lookup/choice.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/metrics.h"
#include "suite.h"

#define COUNT 5
#define AFTER 3

static const struct mono_time start = {1000 * SECOND};
static const struct wall_time wall = {784111777 * SECOND};

static struct upstream_state states[COUNT];
static struct lookup_upstream sides[COUNT];
static struct config_upstream upstreams[COUNT];
static struct lookup_plan plan;
static struct config_route route;
static struct choice choice;

/* The route goes from the last upstream of the configuration to the first. */
static void setup(void)
{
    memset(states, 0, sizeof(states));
    memset(&plan, 0, sizeof(plan));
    route.upstream_count = plan.way_count = COUNT;
    for (size_t i = 0; i < COUNT; i++) {
        upstreams[i].index = i;
        sides[i].state = &states[i];
        plan.ways[i].side = &sides[i];
        plan.ways[i].upstream = &upstreams[i];
        route.upstreams[i] = COUNT - 1 - i;
    }
}

static struct upstream_state *at_place(size_t place)
{
    return &states[route.upstreams[place]];
}

static struct mono_time at(int64_t after)
{
    return mono_add(start, after);
}

static void make(size_t from, int64_t after)
{
    choice_make(&route, &plan, from, at(after), at(after + 10 * SECOND), &choice);
}

static void eject(size_t place, int64_t after)
{
    for (int i = 0; i < AFTER; i++)
        breaker_failed(&at_place(place)->breaker, AFTER, false, at(after));
}

static void hold(size_t place, const char *retry_after, int64_t after)
{
    hold_begin(&at_place(place)->hold, retry_after, at(after), wall);
}

static void is_found(size_t place, bool trial)
{
    ck_assert(choice.found);
    ck_assert_uint_eq(choice.place, place);
    ck_assert_int_eq(choice.trial, trial);
}

START_TEST(the_first_from_a_place_on)
{
    for (size_t from = 0; from < COUNT; from++) {
        make(from, 0);
        is_found(from, false);
        ck_assert_uint_eq(choice.skip_count, 0);
    }
}
END_TEST

START_TEST(ejected_and_held_ones_are_left_out)
{
    eject(0, 0);
    hold(1, "7", 0);
    hold(2, NULL, 0);
    make(0, SECOND / 2);
    is_found(3, false);
    ck_assert_uint_eq(choice.skip_count, 3);
    for (size_t i = 0; i < 3; i++)
        ck_assert_uint_eq(choice.skipped[i].place, i);
    ck_assert_int_eq(choice.skipped[0].reason, FAILOVER_EJECTED);
    ck_assert_int_eq(choice.skipped[1].reason, FAILOVER_HELD);
    ck_assert_int_eq(choice.skipped[2].reason, FAILOVER_HELD);

    make(1, 2 * SECOND); /* the one without a Retry-After was held for a second */
    is_found(2, false);
}
END_TEST

START_TEST(the_last_is_never_left_out_for_failures)
{
    for (size_t place = 0; place < COUNT; place++)
        eject(place, 0);
    make(0, 0);
    is_found(COUNT - 1, false);
    ck_assert_uint_eq(choice.skip_count, COUNT - 1);

    route.upstream_count = 1;
    make(0, 0);
    is_found(0, false);
}
END_TEST

/* A trial is a lookup's that may fail over; the last one takes none from another route. */
START_TEST(the_last_makes_no_trial)
{
    eject(COUNT - 1, 0);
    make(COUNT - 1, MINUTE);
    is_found(COUNT - 1, false);
    ck_assert_int_eq(breaker_ask(&at_place(COUNT - 1)->breaker, at(MINUTE), at(2 * MINUTE)),
                     BREAKER_TRIAL);
}
END_TEST

START_TEST(one_makes_the_trial)
{
    eject(0, 0);
    make(0, BREAKER_EJECTED);
    is_found(0, true);
    make(0, BREAKER_EJECTED);
    is_found(1, false);
    ck_assert_int_eq(choice.skipped[0].reason, FAILOVER_EJECTED);
}
END_TEST

START_TEST(a_dropped_trial_is_the_next_ones)
{
    eject(0, 0);
    make(0, BREAKER_EJECTED);
    is_found(0, true);
    choice_drop(&choice, &route, &plan, at(BREAKER_EJECTED));
    make(0, BREAKER_EJECTED);
    is_found(0, true);
    /* One that has no trial takes nobody's. */
    make(0, BREAKER_EJECTED);
    is_found(1, false);
    choice_drop(&choice, &route, &plan, at(BREAKER_EJECTED));
    make(0, BREAKER_EJECTED);
    is_found(1, false);
}
END_TEST

/* Whoever is held has no trial to lose: the breaker is not asked. */
START_TEST(held_and_ejected_at_once)
{
    eject(0, 0);
    hold(0, "30", 0);
    make(0, 10 * SECOND);
    is_found(1, false);
    ck_assert_int_eq(choice.skipped[0].reason, FAILOVER_HELD);
    make(0, 30 * SECOND);
    is_found(0, true);
}
END_TEST

START_TEST(all_are_held)
{
    static const char *const times[COUNT] = {"20", "9", "40", "8", "60"};

    for (size_t place = 0; place < COUNT; place++)
        hold(place, times[place], 0);
    make(0, SECOND);
    ck_assert(!choice.found);
    ck_assert(choice.retry_after > 6 * SECOND && choice.retry_after <= 7 * SECOND);
    make(COUNT - 1, SECOND);
    ck_assert(!choice.found);
    ck_assert(choice.retry_after > 58 * SECOND && choice.retry_after <= 59 * SECOND);
    make(0, 8 * SECOND);
    is_found(3, false);
}
END_TEST

/* Who fails may answer; who is held said that it does not. */
START_TEST(an_ejected_one_where_the_last_is_held)
{
    hold(0, "20", 0);
    eject(1, 0);
    eject(2, 0);
    hold(3, "20", 0);
    hold(4, "20", 0);
    make(0, SECOND);
    is_found(1, false);
    ck_assert_uint_eq(choice.skip_count, 1);
    ck_assert_uint_eq(choice.skipped[0].place, 0);
    make(3, SECOND);
    ck_assert(!choice.found);
}
END_TEST

/* A guess of ours leaves nobody without an upstream. */
START_TEST(the_last_is_held_only_for_a_said_time)
{
    for (size_t place = 0; place < COUNT; place++)
        hold(place, NULL, 0);
    make(0, 0);
    is_found(COUNT - 1, false);
    hold(COUNT - 1, "5", 0);
    make(0, 0);
    ck_assert(!choice.found);
}
END_TEST

START_TEST(each_left_out_is_counted_to_the_one_found)
{
    const size_t to = route.upstreams[2];

    eject(0, 0);
    hold(1, "7", 0);
    make(0, 0);
    choice_count(&choice, &route, &plan);
    for (size_t from = 0; from < COUNT; from++) {
        for (size_t reason = 0; reason < FAILOVER_REASON_COUNT; reason++) {
            const bool counted = (from == route.upstreams[0] && reason == FAILOVER_EJECTED) ||
                                 (from == route.upstreams[1] && reason == FAILOVER_HELD);
            ck_assert_int_eq(
                metric_upstream_sum(METRIC_FAILOVERS, from, to * METRIC_FAILOVER_REASONS + reason),
                counted);
        }
    }
}
END_TEST

/* A probe keeps no state. */
START_TEST(without_state_the_first_is_asked)
{
    eject(0, 0);
    hold(0, "60", 0);
    sides[route.upstreams[0]].state = NULL;
    make(0, 0);
    is_found(0, false);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("choice");
    TCase *tc = tcase_create("choice");

    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_test(tc, the_first_from_a_place_on);
    tcase_add_test(tc, ejected_and_held_ones_are_left_out);
    tcase_add_test(tc, the_last_is_never_left_out_for_failures);
    tcase_add_test(tc, the_last_makes_no_trial);
    tcase_add_test(tc, one_makes_the_trial);
    tcase_add_test(tc, a_dropped_trial_is_the_next_ones);
    tcase_add_test(tc, held_and_ejected_at_once);
    tcase_add_test(tc, all_are_held);
    tcase_add_test(tc, an_ejected_one_where_the_last_is_held);
    tcase_add_test(tc, the_last_is_held_only_for_a_said_time);
    tcase_add_test(tc, each_left_out_is_counted_to_the_one_found);
    tcase_add_test(tc, without_state_the_first_is_asked);
    suite_add_tcase(s, tc);
    return run_suite(s);
}
