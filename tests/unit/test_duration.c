/* base/duration.h */
#include "base/duration.h"

#include <check.h>

#include "base/check.h"
#include "base/clock.h"
#include "suite.h"

START_TEST(test_duration_format)
{
    static const struct {
        int64_t ns;
        const char *text;
    } cases[] = {
        {0, "0s"},
        {500 * MILLISECOND, "500ms"},
        {30 * SECOND, "30s"},
        {90 * SECOND, "90s"},
        {5 * MINUTE, "5m"},
        {60 * MINUTE, "1h"},
        {90 * MINUTE, "90m"},
        {12 * HOUR, "12h"},
        {SECOND + MILLISECOND, "1001ms"},
        {SECOND + 999, "1s"},
        {999, "0s"},
        {-30 * SECOND, "-30s"},
        {INT64_MAX, "9223372036854ms"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char out[DURATION_TEXT];

        duration_format(cases[i].ns, out);
        ck_assert_str_eq(out, cases[i].text);
    }
}
END_TEST

START_TEST(test_duration_format_rounded)
{
    static const struct {
        int64_t ns;
        const char *text;
    } cases[] = {
        {0, "0s"},
        {1500 * MILLISECOND, "1500ms"},
        {10 * SECOND - MILLISECOND, "9999ms"},
        {10 * SECOND + 123 * MILLISECOND, "10s"},
        {57123 * MILLISECOND, "57s"},
        {HOUR + MILLISECOND, "1h"},
        {-20 * SECOND - 5 * MILLISECOND, "-20005ms"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char out[DURATION_TEXT];

        duration_format_rounded(cases[i].ns, out);
        ck_assert_str_eq(out, cases[i].text);
    }
}
END_TEST

START_TEST(test_duration_format_parts)
{
    static const struct {
        int64_t ns;
        const char *text;
    } cases[] = {
        {-SECOND, "under 1ms"},
        {0, "under 1ms"},
        {MILLISECOND - 1, "under 1ms"},
        {MILLISECOND, "1ms"},
        {420 * MILLISECOND + 999, "420ms"},
        {1500 * MILLISECOND, "1500ms"},
        {7 * SECOND + 999, "7s"},
        {10 * SECOND - MILLISECOND, "9999ms"},
        {10 * SECOND + 999 * MILLISECOND, "10s"},
        {270 * SECOND, "4m30s"},
        {59 * MINUTE + 59 * SECOND, "59m59s"},
        {HOUR, "1h"},
        {HOUR + SECOND, "1h1s"},
        {30 * HOUR + MINUTE, "30h1m"},
        {INT64_MAX, "2562047h47m16s"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char out[DURATION_TEXT];

        ck_assert_ptr_eq(duration_format_parts(cases[i].ns, out), out);
        ck_assert_str_eq(out, cases[i].text);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("duration");
    TCase *tcase = tcase_create("duration");

    tcase_add_test(tcase, test_duration_format);
    tcase_add_test(tcase, test_duration_format_rounded);
    tcase_add_test(tcase, test_duration_format_parts);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
