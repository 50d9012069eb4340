/* The backoff: how it doubles, where it ends, how the jitter spreads. */
#include "token/backoff.h"

#include <check.h>
#include <stdlib.h>

#include "base/check.h"
#include "suite.h"

static const int64_t ceilings[] = {1, 2, 4, 8, 16, 32, 60, 60, 60};

START_TEST(doubles_to_the_ceiling)
{
    struct backoff backoff = {0};

    for (size_t i = 0; i < ARRAY_LEN(ceilings); i++) {
        ck_assert_int_eq(backoff_ceiling(&backoff), ceilings[i] * SECOND);
        ck_assert_int_eq(backoff_next(&backoff, UINT32_MAX), ceilings[i] * SECOND);
    }
}
END_TEST

START_TEST(full_jitter)
{
    struct backoff backoff = {.failures = 3};

    ck_assert_int_eq(backoff_next(&backoff, 0), 0);
    backoff.failures = 3;
    int64_t half = backoff_next(&backoff, UINT32_MAX / 2);
    ck_assert_int_gt(half, 3999 * MILLISECOND);
    ck_assert_int_lt(half, 4001 * MILLISECOND);
}
END_TEST

START_TEST(a_success_starts_again)
{
    struct backoff backoff = {0};

    for (int i = 0; i < 1000; i++)
        (void)backoff_next(&backoff, 0);
    ck_assert_int_eq(backoff_ceiling(&backoff), BACKOFF_MAX);
    backoff_reset(&backoff);
    ck_assert_int_eq(backoff_ceiling(&backoff), BACKOFF_FIRST);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("backoff");
    TCase *tc = tcase_create("backoff");

    tcase_add_test(tc, doubles_to_the_ceiling);
    tcase_add_test(tc, full_jitter);
    tcase_add_test(tc, a_success_starts_again);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return run_suite(suite());
}
