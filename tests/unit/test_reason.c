/* base/reason.h */
#include "base/reason.h"

#include <check.h>
#include <string.h>

#include "base/check.h"
#include "suite.h"

START_TEST(test_reason_is_formatted)
{
    struct reason reason;

    memset(&reason, 'x', sizeof(reason));
    reason_set(&reason, "%s: %d", "key", 7);
    ck_assert_str_eq(reason.text, "key: 7");
    ck_assert_int_eq(reason.text[strlen("key: 7") + 1], 'x'); /* nothing is cleared behind it */
    reason_set(&reason, "%s", "");
    ck_assert_str_eq(reason.text, "");
}
END_TEST

/* `before` bytes of ASCII, and then `end`; the text that remains has `kept` bytes of it. */
START_TEST(test_reason_is_cut_between_characters)
{
    static const struct {
        size_t before;
        const char *end;
        size_t kept;
    } cases[] = {
        {REASON_MAX - 2, "z", 1},
        {REASON_MAX - 2, "zz", 1},
        {REASON_MAX - 2, "\xc3\xa9", 0},
        {REASON_MAX - 3, "\xc3\xa9", 2},
        {REASON_MAX - 3, "\xc3\xa9z", 2},
        {REASON_MAX - 3, "\xe2\x82\xac", 0},
        {REASON_MAX - 4, "\xe2\x82\xac", 3},
        {REASON_MAX - 2, "\xf0\x9f\x93\xae", 0},
        {REASON_MAX - 3, "\xf0\x9f\x93\xae", 0},
        {REASON_MAX - 4, "\xf0\x9f\x93\xae", 0},
        {REASON_MAX - 5, "\xf0\x9f\x93\xaez", 4},
        {REASON_MAX - 6, "\x80\x80\x80\x80\x80\x80", 5}, /* no UTF-8 at all */
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char before[REASON_MAX] = "";
        struct reason reason;

        memset(before, 'a', cases[i].before);
        reason_set(&reason, "%s%s", before, cases[i].end);
        ck_assert_uint_eq(strlen(reason.text), cases[i].before + cases[i].kept);
        ck_assert(memcmp(reason.text + cases[i].before, cases[i].end, cases[i].kept) == 0);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("reason");
    TCase *tcase = tcase_create("reason");

    tcase_add_test(tcase, test_reason_is_formatted);
    tcase_add_test(tcase, test_reason_is_cut_between_characters);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
