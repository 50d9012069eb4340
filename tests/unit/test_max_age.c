/* What a Cache-Control says of the time to keep: in any case, among others, in quotes, or not. */
#include "middleware/max_age.h"

#include <check.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "suite.h"

static const struct {
    const char *value;
    int64_t seconds; /* negative: none */
} values[] = {
    {NULL, -1},
    {"", -1},
    {"max-age=600", 600},
    {"Max-Age=600", 600},
    {"max-age=0", 0},
    {"public, max-age=21600, must-revalidate", 21600},
    {"public,max-age=1", 1},
    {"  max-age=7 ,x", 7},
    {"max-age=\"90\"", 90},
    {"private=\"a, max-age=5\", max-age=6", 6},
    {"private=\"a\\\", max-age=5\"", -1},
    {"no-store", -1},
    {"s-maxage=600", -1},
    {"x-max-age=600", -1},
    {"max-age", -1},
    {"max-age=", -1},
    {"max-age=-1", -1},
    {"max-age=1.5", -1},
    {"max-age=1h", -1},
    {"max-age=\"", -1},
    {"max-age=60, max-age=90", 60},
    {"max-age=99999999999999999999999999", INT64_C(100) * 365 * 24 * 3600},
    {",,,max-age=3", 3},
};

START_TEST(max_age)
{
    int64_t wanted = values[_i].seconds;

    ck_assert_int_eq(max_age_of(values[_i].value), wanted < 0 ? -1 : wanted * SECOND);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("max_age");
    TCase *tc = tcase_create("max_age");

    tcase_add_loop_test(tc, max_age, 0, ARRAY_LEN(values));
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return run_suite(suite());
}
