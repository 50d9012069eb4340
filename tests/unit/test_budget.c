/* The budget: a window of exactly an hour, in false time. */
#include "token/budget.h"
#include "suite.h"

#include <check.h>
#include <stdlib.h>

static struct mono_time at(int64_t seconds)
{
    return (struct mono_time){.ns = seconds * SECOND};
}

START_TEST(limits_charged_requests)
{
    struct budget budget;

    budget_init(&budget, 3);
    for (int64_t t = 0; t < 30; t += 10) {
        ck_assert_int_eq(budget_free_at(&budget, at(t)).ns, at(t).ns);
        budget_note(&budget, at(t), true);
    }
    ck_assert_int_eq(budget_free_at(&budget, at(30)).ns, at(3600).ns);
    ck_assert_int_eq(budget_free_at(&budget, at(3599)).ns, at(3600).ns);
    ck_assert_int_eq(budget_free_at(&budget, at(3600)).ns, at(3600).ns);
    budget_note(&budget, at(3600), true);
    ck_assert_int_eq(budget_free_at(&budget, at(3601)).ns, at(3610).ns);
    ck_assert_uint_eq(budget_charged(&budget, at(3601)), 3);
    ck_assert_uint_eq(budget_left(&budget, at(3601)), 0);
    ck_assert_uint_eq(budget_left(&budget, at(3610)), 1);
    ck_assert_uint_eq(budget_left(&budget, at(7200)), 3);
    ck_assert_uint_eq(budget_charged(&budget, at(7200)), 0);
    budget_fini(&budget);
}
END_TEST

START_TEST(others_are_counted_and_free)
{
    struct budget budget;

    budget_init(&budget, 1);
    for (int64_t t = 0; t < 500; t++)
        budget_note(&budget, at(t), false);
    ck_assert_int_eq(budget_free_at(&budget, at(500)).ns, at(500).ns);
    budget_note(&budget, at(500), true);
    for (int64_t t = 501; t < 1000; t++)
        budget_note(&budget, at(t), false);
    ck_assert_int_eq(budget_free_at(&budget, at(1000)).ns, at(4100).ns);
    ck_assert_uint_eq(budget_requests(&budget, at(1000)), 1000);
    ck_assert_uint_eq(budget_charged(&budget, at(1000)), 1);
    ck_assert_uint_eq(budget_requests(&budget, at(3600)), 999);
    ck_assert_uint_eq(budget_requests(&budget, at(4100)), 499);
    budget_fini(&budget);
}
END_TEST

/* Of two of one moment the one that was charged alike, and what came later stays in order. */
START_TEST(what_was_not_made_is_taken_back)
{
    struct budget budget;

    budget_init(&budget, 2);
    budget_note(&budget, at(0), true);
    budget_note(&budget, at(10), false);
    budget_note(&budget, at(10), true);
    budget_note(&budget, at(20), false);
    ck_assert_uint_eq(budget_left(&budget, at(20)), 0);
    budget_take_back(&budget, at(10), true);
    ck_assert_uint_eq(budget_requests(&budget, at(20)), 3);
    ck_assert_uint_eq(budget_charged(&budget, at(20)), 1);
    budget_take_back(&budget, at(10), true); /* there is none any more */
    ck_assert_uint_eq(budget_requests(&budget, at(20)), 3);
    budget_take_back(&budget, at(20), false);
    ck_assert_uint_eq(budget_requests(&budget, at(3600)), 1);
    ck_assert_uint_eq(budget_requests(&budget, at(3610)), 0);
    budget_note(&budget, at(4000), true);
    budget_take_back(&budget, at(10), false); /* an hour ago */
    ck_assert_uint_eq(budget_requests(&budget, at(4000)), 1);
    budget_fini(&budget);
}
END_TEST

/* The ring's end lies between. */
START_TEST(taken_back_across_the_ring)
{
    struct budget budget;

    budget_init(&budget, 1000);
    for (int64_t t = 0; t < 60; t++)
        budget_note(&budget, at(t), true);
    for (int64_t t = 3650; t < 3700; t++)
        budget_note(&budget, at(t), (t & 1) != 0);
    ck_assert_uint_eq(budget_requests(&budget, at(3700)), 50);
    budget_take_back(&budget, at(3655), true);
    ck_assert_uint_eq(budget_requests(&budget, at(3700)), 49);
    ck_assert_uint_eq(budget_charged(&budget, at(3700)), 24);
    ck_assert_uint_eq(budget_requests(&budget, at(7255)), 44);
    ck_assert_uint_eq(budget_charged(&budget, at(7255)), 22);
    budget_fini(&budget);
}
END_TEST

START_TEST(zero_allows_none)
{
    struct budget budget;

    budget_init(&budget, 0);
    ck_assert_int_eq(budget_free_at(&budget, at(5)).ns, MONO_NEVER.ns);
    budget_note(&budget, at(5), false);
    ck_assert_uint_eq(budget_requests(&budget, at(6)), 1);
    ck_assert_uint_eq(budget_left(&budget, at(6)), 0);
    budget_fini(&budget);
}
END_TEST

START_TEST(a_new_limit_keeps_what_was_charged)
{
    struct budget budget;

    budget_init(&budget, 10);
    for (int64_t t = 0; t < 10; t++)
        budget_note(&budget, at(t), true);
    budget_set_limit(&budget, 4);
    /* Seven of the ten must have gone before there is room for one. */
    ck_assert_int_eq(budget_free_at(&budget, at(20)).ns, at(3606).ns);
    ck_assert_uint_eq(budget_left(&budget, at(20)), 0);
    budget_set_limit(&budget, 11);
    ck_assert_uint_eq(budget_left(&budget, at(20)), 1);
    ck_assert_int_eq(budget_free_at(&budget, at(20)).ns, at(20).ns);
    budget_fini(&budget);
}
END_TEST

/* Days at the limit: never more than the limit in any window of an hour, and the ring wraps. */
START_TEST(never_over_in_any_hour)
{
    enum { LIMIT = 60, LAST = 4000 };
    static struct mono_time made[LAST];
    struct budget budget;
    struct mono_time now = at(1);

    budget_init(&budget, LIMIT);
    for (int i = 0; i < LAST; i++) {
        now = budget_free_at(&budget, mono_add(now, (i % 7) * SECOND));
        budget_note(&budget, now, true);
        made[i] = now;
        if (i >= LIMIT)
            ck_assert_int_ge(mono_diff(made[i], made[i - LIMIT]), HOUR);
    }
    ck_assert_uint_le(budget.cap, 128);
    budget_fini(&budget);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("budget");
    TCase *tc = tcase_create("budget");

    tcase_add_test(tc, limits_charged_requests);
    tcase_add_test(tc, others_are_counted_and_free);
    tcase_add_test(tc, zero_allows_none);
    tcase_add_test(tc, what_was_not_made_is_taken_back);
    tcase_add_test(tc, taken_back_across_the_ring);
    tcase_add_test(tc, a_new_limit_keeps_what_was_charged);
    tcase_add_test(tc, never_over_in_any_hour);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return run_suite(suite());
}
