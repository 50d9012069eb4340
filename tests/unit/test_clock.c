/* base/clock.h */
#include "base/clock.h"

#include <check.h>
#include <stdlib.h>
#include <time.h>

#include "base/check.h"
#include "suite.h"

#define AT(n) ((struct mono_time){.ns = (n)})

START_TEST(test_add)
{
    static const struct {
        int64_t t, duration, sum;
    } cases[] = {
        {0, 0, 0},
        {5, SECOND, SECOND + 5},
        {5, -10, -5},
        {INT64_MAX, 1, INT64_MAX},
        {INT64_MAX, -1, INT64_MAX}, /* never stays never */
        {INT64_MAX - 1, 5, INT64_MAX},
        {1, INT64_MAX, INT64_MAX},
        {INT64_MIN + 1, -5, INT64_MIN},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        ck_assert_int_eq(mono_add(AT(cases[i].t), cases[i].duration).ns, cases[i].sum);
}
END_TEST

START_TEST(test_compare)
{
    ck_assert_int_eq(mono_diff(AT(7), AT(3)), 4);
    ck_assert_int_eq(mono_diff(AT(3), AT(7)), -4);
    ck_assert_int_eq(mono_diff(MONO_NEVER, AT(-5)), INT64_MAX);
    ck_assert_int_eq(mono_diff(AT(INT64_MIN), AT(5)), INT64_MIN);
    ck_assert(mono_before(AT(3), AT(4)));
    ck_assert(!mono_before(AT(4), AT(4)));
    ck_assert(!mono_before(MONO_NEVER, MONO_NEVER));
    ck_assert_int_eq(mono_min(AT(3), AT(4)).ns, 3);
    ck_assert_int_eq(mono_min(AT(4), MONO_NEVER).ns, 4);
}
END_TEST

START_TEST(test_now_goes_on)
{
    struct mono_time a = mono_now();
    struct mono_time b = mono_now();
    struct timespec ts;

    ck_assert(!mono_before(b, a));
    clock_gettime(CLOCK_BOOTTIME, &ts);
    ck_assert_int_le(b.ns, ts.tv_sec * SECOND + ts.tv_nsec);
    struct wall_time wall = wall_now();
    clock_gettime(CLOCK_REALTIME, &ts);
    ck_assert_int_le(wall.ns / HOUR, ts.tv_sec / 3600 + 1);
    ck_assert_int_ge(wall.ns / HOUR, ts.tv_sec / 3600 - 1);
}
END_TEST

START_TEST(test_wall_format)
{
    static const struct {
        int64_t ns;
        const char *text;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {INT64_C(1769903999) * SECOND + 123456789, "2026-01-31T23:59:59.123Z"},
        {INT64_C(951782400) * SECOND, "2000-02-29T00:00:00.000Z"},
        {INT64_C(951868800) * SECOND, "2000-03-01T00:00:00.000Z"},
        {INT64_C(1709251199) * SECOND + 999999999, "2024-02-29T23:59:59.999Z"},
        {INT64_C(4107542400) * SECOND, "2100-03-01T00:00:00.000Z"},
        {-1, "1969-12-31T23:59:59.999Z"},
        {INT64_C(-86400) * SECOND, "1969-12-31T00:00:00.000Z"},
        {INT64_MAX, "2262-04-11T23:47:16.854Z"},
        {INT64_MIN, "1677-09-21T00:12:43.145Z"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char out[CLOCK_TEXT];

        wall_format((struct wall_time){.ns = cases[i].ns}, out);
        ck_assert_str_eq(out, cases[i].text);
    }
}
END_TEST

/* Each day of four centuries, against the C library's calendar. */
START_TEST(test_wall_format_agrees_with_gmtime)
{
    for (int64_t day = -70000; day < 76100; day += 1) {
        time_t t = (time_t)(day * 86400 + 45296); /* 12:34:56 */
        struct tm tm;
        char out[CLOCK_TEXT], expected[CLOCK_TEXT];

        gmtime_r(&t, &tm);
        strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%S.000Z", &tm);
        wall_format((struct wall_time){.ns = (int64_t)t * SECOND}, out);
        ck_assert_str_eq(out, expected);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("clock");
    TCase *tcase = tcase_create("clock");

    tcase_add_test(tcase, test_add);
    tcase_add_test(tcase, test_compare);
    tcase_add_test(tcase, test_now_goes_on);
    tcase_add_test(tcase, test_wall_format);
    tcase_add_test(tcase, test_wall_format_agrees_with_gmtime);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
