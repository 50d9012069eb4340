/* Times as APIs write them. */
#include "base/moment.h"

#include <check.h>
#include <string.h>

#include "base/check.h"
#include "suite.h"

static const struct {
    const char *text;
    int64_t seconds;
} good[] = {
    {"1970-01-01T00:00:00", 0},
    {"1970-01-01T00:00:00Z", 0},
    {"2026-09-22T11:13:20", 1790075600},
    {"2026-09-22 11:13:20", 1790075600},
    {"2026-09-22t11:13:20z", 1790075600},
    {"2026-09-22T11:13:20.999999", 1790075600},
    {"2026-09-22T11:13:20,5Z", 1790075600},
    {"2026-09-22T08:13:20-03:00", 1790075600},
    {"2026-09-22T08:13:20-0300", 1790075600},
    {"2026-09-22T08:13:20-03", 1790075600},
    {"2026-09-22T16:58:20.1+05:45", 1790075600},
    {"2026-09-22T11:13Z", 1790075580},
    {"20260922T111320Z", 1790075600},
    {"20260922T111320.5+0000", 1790075600},
    {"20260922T1113", 1790075580},
    {"2024-02-29T00:00:00Z", 1709164800},
    {"2016-12-31T23:59:60Z", 1483228800},
};

START_TEST(moments)
{
    int64_t seconds = -1;

    ck_assert(moment_parse(good[_i].text, strlen(good[_i].text), &seconds));
    ck_assert_int_eq(seconds, good[_i].seconds);
}
END_TEST

/* A text that goes on behind its length is not read there. */
START_TEST(only_its_length)
{
    int64_t seconds = -1;

    ck_assert(moment_parse("1970-01-01T00:00:01Zx", 20, &seconds));
    ck_assert_int_eq(seconds, 1);
    for (size_t len = 0; len < 19; len++)
        ck_assert_int_eq(moment_parse("1970-01-01T00:00:01", len, &seconds), len == 16);
}
END_TEST

static const char *const bad[] = {
    "",
    "tomorrow",
    "2026-09-22",
    "2026-9-22T11:13:20",
    "2026-09-22T11:",
    "2026-09-22T11:13:",
    "2026-0922T11:13:20",
    "20260922T11132",
    "2026-09-22T11:13:20.",
    "2026-09-22T11:13:20+",
    "2026-09-22T11:13:20+1",
    "2026-09-22T11:13:20+01:",
    "2026-09-22T11:13:20+24:00",
    "2026-09-22T11:13:20 Z",
    "2026-09-22T11:13:20Z ",
    " 2026-09-22T11:13:20",
    "2026-13-01T00:00:00",
    "2026-00-01T00:00:00",
    "2026-02-29T00:00:00",
    "2026-02-30T00:00:60",
    "2026-04-31T00:00:00",
    "2026-01-01T24:00:00",
    "2026-01-01T00:60:00",
    "2026-01-01T00:00:61",
    "2026-01-01T-1:00:00",
    "Tue, 22 Sep 2026 11:13:20 GMT",
};

START_TEST(no_moments)
{
    int64_t seconds = -1;

    ck_assert(!moment_parse(bad[_i], strlen(bad[_i]), &seconds));
    ck_assert_int_eq(seconds, -1);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("moment");
    TCase *tc = tcase_create("moment");

    tcase_add_loop_test(tc, moments, 0, (int)ARRAY_LEN(good));
    tcase_add_test(tc, only_its_length);
    tcase_add_loop_test(tc, no_moments, 0, (int)ARRAY_LEN(bad));
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return run_suite(suite());
}
