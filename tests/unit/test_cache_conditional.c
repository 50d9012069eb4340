/* What a caller says that it has, against what is at hand. */
#include "cache/conditional.h"

#include <check.h>

#include "base/check.h"
#include "suite.h"

/* 2026-11-27 12:00:00 */
#define NOW ((struct wall_time){.ns = INT64_C(1795780800) * SECOND})

#define DAY_1 "Sun, 06 Nov 1994 08:49:37 GMT"
#define DAY_1_NEXT "Sun, 06 Nov 1994 08:49:38 GMT"
#define DAY_1_850 "Sunday, 06-Nov-94 08:49:37 GMT"
#define DAY_1_C "Sun Nov  6 08:49:37 1994"
#define FUTURE "Thu, 18 Aug 2050 02:01:18 GMT"

static const struct {
    const char *if_none_match, *if_modified_since, *etag, *last_modified;
    bool holds;
} cases[] = {
    {NULL, NULL, NULL, NULL, false},
    {NULL, NULL, "\"a\"", DAY_1, false},

    /* Entity tags, compared weakly. */
    {"\"a\"", NULL, "\"a\"", NULL, true},
    {"W/\"a\"", NULL, "\"a\"", NULL, true},
    {"\"a\"", NULL, "W/\"a\"", NULL, true},
    {"W/\"a\"", NULL, "W/\"a\"", NULL, true},
    {"\"a\"", NULL, "\"b\"", NULL, false},
    {"\"a\"", NULL, "\"A\"", NULL, false},
    {"\"a\"", NULL, "\"ab\"", NULL, false},
    {"\"ab\"", NULL, "\"a\"", NULL, false},
    {"\"a\"", NULL, NULL, NULL, false},
    {"\"\"", NULL, "\"\"", NULL, true},
    {"\"\"", NULL, "\"a\"", NULL, false},
    {"\"\xc3\xbc\"", NULL, "\"\xc3\xbc\"", NULL, true},
    {"w/\"a\"", NULL, "\"a\"", NULL, false},
    {"W/\"W/\"", NULL, "\"W/\"", NULL, true},

    /* Lists. */
    {"\"a\", \"b\", \"c\"", NULL, "\"a\"", NULL, true},
    {"\"a\", \"b\", \"c\"", NULL, "\"b\"", NULL, true},
    {"\"a\",\"b\",W/\"c\"", NULL, "\"c\"", NULL, true},
    {"\"a\", \"b\", \"c\"", NULL, "\"d\"", NULL, false},
    {"\"a\" \t,\t \"b\"", NULL, "\"b\"", NULL, true},
    {", ,\"a\",,", NULL, "\"a\"", NULL, true},
    {"", NULL, "\"a\"", NULL, false},
    {",", NULL, "\"a\"", NULL, false},
    {" ", NULL, "\"a\"", NULL, false},
    {"\"a,b\", \"c\"", NULL, "\"a,b\"", NULL, true},
    {"\"a,b\", \"c\"", NULL, "\"c\"", NULL, true},
    {"\"x, \"y\"", NULL, "\"y\"", NULL, false},
    {"\"a\\\", \"b\"", NULL, "\"b\"", NULL, true},
    {"\"x,y", NULL, "\"y", NULL, false},

    /* Any. */
    {"*", NULL, "\"a\"", NULL, true},
    {" * ", NULL, NULL, NULL, true},
    {"\"*\"", NULL, "\"a\"", NULL, false},
    {"*, \"b\"", NULL, "\"a\"", NULL, false},
    {"**", NULL, "\"a\"", NULL, false},

    /* A tag without quotes is as good as the upstream's own. */
    {"a", NULL, "a", NULL, true},
    {"b, a", NULL, "a", NULL, true},
    {"a ,b", NULL, "a", NULL, true},
    {"a", NULL, "\"a\"", NULL, false},
    {"\"a\"", NULL, "a", NULL, false},
    {"W/a", NULL, "a", NULL, false},
    {"a", NULL, "ab", NULL, false},
    {"ab", NULL, "a", NULL, false},
    {" ,", NULL, "", NULL, false},

    /* Tags come before dates, whatever they say. */
    {"\"a\"", DAY_1, "\"b\"", DAY_1, false},
    {"\"a\"", DAY_1, "\"a\"", DAY_1_NEXT, true},
    {"\"a\"", DAY_1, NULL, DAY_1, false},
    {"", DAY_1, NULL, DAY_1, false},
    {"*", DAY_1, NULL, DAY_1_NEXT, true},

    /* Dates. */
    {NULL, DAY_1, NULL, DAY_1, true},
    {NULL, DAY_1, "\"a\"", DAY_1, true},
    {NULL, DAY_1_NEXT, NULL, DAY_1, true},
    {NULL, DAY_1, NULL, DAY_1_NEXT, false},
    {NULL, DAY_1_850, NULL, DAY_1, true},
    {NULL, DAY_1_850, NULL, DAY_1_NEXT, false},
    {NULL, DAY_1_C, NULL, DAY_1, true},
    {NULL, DAY_1, NULL, DAY_1_850, true},
    {NULL, FUTURE, NULL, DAY_1, true},
    {NULL, DAY_1, NULL, NULL, false},
    {NULL, DAY_1, "\"a\"", NULL, false},
    {NULL, "yesterday", NULL, DAY_1, false},
    {NULL, "", NULL, DAY_1, false},
    {NULL, FUTURE, NULL, "yesterday", false},
    {NULL, "yesterday", NULL, "yesterday", false},
};

START_TEST(conditions)
{
    ck_assert_int_eq(conditional_holds(cases[_i].if_none_match, cases[_i].if_modified_since,
                                       cases[_i].etag, cases[_i].last_modified, NOW),
                     cases[_i].holds);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("cache_conditional");
    TCase *tc = tcase_create("cache_conditional");

    tcase_add_loop_test(tc, conditions, 0, (int)ARRAY_LEN(cases));
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return run_suite(suite());
}
