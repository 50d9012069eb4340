/* front/lately.h in false time. */
#include "front/lately.h"

#include <check.h>
#include <stdlib.h>

#include "suite.h"

static struct mono_time at(int64_t after)
{
    return (struct mono_time){1000 * SECOND + after};
}

START_TEST(a_counter_that_stands_still)
{
    struct lately lately = {.count = 0};

    lately_look(&lately, 0, at(0));
    ck_assert(!lately_has_grown(&lately, at(0)));
}
END_TEST

START_TEST(growth_is_summed_and_forgotten)
{
    struct lately lately = {.count = 0};

    lately_look(&lately, 3, at(0));
    lately_look(&lately, 3, at(MINUTE));
    lately_look(&lately, 5, at(9 * MINUTE));
    ck_assert(lately_has_grown(&lately, at(18 * MINUTE)));
    ck_assert_uint_eq(lately.count, 5);
    ck_assert_int_eq(lately.since.ns, at(0).ns);
    ck_assert(!lately_has_grown(&lately, at(19 * MINUTE)));

    lately_look(&lately, 6, at(HOUR));
    ck_assert(lately_has_grown(&lately, at(HOUR)));
    ck_assert_uint_eq(lately.count, 1);
    ck_assert_int_eq(lately.since.ns, at(HOUR).ns);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lately");
    TCase *tc = tcase_create("lately");

    tcase_add_test(tc, a_counter_that_stands_still);
    tcase_add_test(tc, growth_is_summed_and_forgotten);
    suite_add_tcase(s, tc);
    return run_suite(s);
}
