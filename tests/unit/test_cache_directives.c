/* Cache-Control in all its forms, and what of it counts where it is wrong. */
#include "cache/directives.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "suite.h"

/* ---- flags ---- */

/* Letters of the flags that are set. */
static const char *letters(const struct directives *directives)
{
    static char text[9];
    char *at = text;

    if (directives->faulty)
        *at++ = 'f';
    if (directives->no_store)
        *at++ = 's';
    if (directives->no_cache)
        *at++ = 'c';
    if (directives->is_private)
        *at++ = 'p';
    if (directives->is_public)
        *at++ = 'P';
    if (directives->must_revalidate)
        *at++ = 'm';
    if (directives->proxy_revalidate)
        *at++ = 'x';
    if (directives->must_understand)
        *at++ = 'u';
    *at = '\0';
    return text;
}

static const struct {
    const char *value;
    const char *letters;
} flag_cases[] = {
    {NULL, ""},
    {"", ""},
    {" \t ", ""},
    {",", ""},
    {", ,\t,", ""},
    {"no-store", "s"},
    {"no-cache", "c"},
    {"private", "p"},
    {"public", "P"},
    {"must-revalidate", "m"},
    {"proxy-revalidate", "x"},
    {"must-understand", "u"},
    {"nO-StOrE", "s"},
    {"PUBLIC,Private", "pP"},
    {"no-store,no-cache,private,public,must-revalidate,proxy-revalidate,must-understand",
     "scpPmxu"},
    {"\t no-store \t,\t public ", "sP"},
    {",,no-store,,public,,", "sP"},
    {"no-store, no-store", "s"},
    /* Others are passed over, with any argument. */
    {"immutable", ""},
    {"no-stores, xno-store, no-stor, o-store", ""},
    {"no_store, nostore", ""},
    {"x=no-store", ""},
    {"x=\"no-store\"", ""},
    {"x=\"a, no-store, b\", public", "P"},
    {"x=\"a\\\", no-store\", public", "P"},
    {"x=\"\\\\\", no-store", "s"},
    {"x=\"\", public", "P"},
    {"community=\"UCI\", public", "P"},
    /* With names, these two count whole. */
    {"private=\"set-cookie\"", "p"},
    {"no-cache=\"set-cookie, no-store\"", "c"},
    {"private=set-cookie", "p"},
    {"no-cache=\"\"", "c"},
    /* An argument where there should be none restricts, and permits nothing. */
    {"no-store=1", "s"},
    {"must-revalidate=1", "m"},
    {"public=1", ""},
    {"must-understand=1, no-store", "s"},
    /* No directives. */
    {"no-store;", "fs"},
    {"no-cache; no-store", "fc"},
    {"private; max-age=3", "fp"},
    {"public; max-age=3", "f"},
    {"public max-age=3", "f"},
    {"no-store foo", "fs"},
    {"no-store =x", "fs"},
    {"no-store= x", "fs"},
    {"public =x", "f"},
    {"x=", "f"},
    {"x=a b", "f"},
    {"x=\"a\"b", "f"},
    {"x=a\"b\"", "f"},
    {"=x", "f"},
    {"\"no-store\"", "f"},
    {"@", "f"},
    {"x=\"", "f"},
    {"x=\"open, no-store", "f"},
    {"x=\"open\\\", no-store", "f"},
    {"x=\"open\\", "f"},
    {"public, x=\"open, private", "fP"},
    {"no-st\xf6re", "f"},
};

START_TEST(flags)
{
    struct directives directives;

    memset(&directives, 0xff, sizeof(directives));
    directives_parse(flag_cases[_i].value, &directives);
    ck_assert_str_eq(letters(&directives), flag_cases[_i].letters);
}
END_TEST

/* ---- durations ---- */

#define MOST (INT64_C(1) << 31)

/* What stands behind a name with its "=", and what it means. */
static const struct {
    const char *argument;
    int64_t seconds;
} arguments[] = {
    {"=0", 0},
    {"=1", 1},
    {"=3600", 3600},
    {"=003600", 3600},
    {"=2147483647", MOST - 1},
    {"=2147483648", MOST},
    {"=2147483649", MOST},
    {"=99999999999", MOST},
    {"=99999999999999999999999999999999", MOST},
    {"=\"3600\"", 3600},
    {"=\"36\\00\"", 3600},
    /* What cannot be read is stale (section 4.2.1). */
    {"", 0},
    {"=", 0},
    {"=\"\"", 0},
    {"=-1", 0},
    {"=+1", 0},
    {"=-3600", 0},
    {"=3600.0", 0},
    {"=3600.5", 0},
    {"=a3600", 0},
    {"=3600a", 0},
    {"=1h", 0},
    {"=0x10", 0},
    {"='3600'", 0},
    {"=\"3600", 0},
    {"=3600\"", 0},
    {"=\" 3600\"", 0},
    {"=\"36\\\\00\"", 0},
    {"=\"3600\"0", 0},
    {" =3600", 0},
    {"= 3600", 0},
    {"=36 00", 0},
    {"=3600;public", 0},
};

static const char *const names[] = {"max-age", "s-maxage", "stale-if-error",
                                    "stale-while-revalidate", "STALE-while-REVALIDATE"};

static int64_t duration_of(const struct directives *directives, size_t name)
{
    const int64_t durations[] = {directives->max_age, directives->s_maxage,
                                 directives->stale_if_error, directives->stale_while_revalidate,
                                 directives->stale_while_revalidate};

    return durations[name];
}

START_TEST(durations)
{
    for (size_t name = 0; name < ARRAY_LEN(names); name++) {
        struct directives directives;
        char value[100];

        snprintf(value, sizeof(value), "x, %s%s", names[name], arguments[_i].argument);
        directives_parse(value, &directives);
        ck_assert_int_eq(duration_of(&directives, name), arguments[_i].seconds);
        for (size_t other = 0; other < 4; other++)
            if (other != name && !(name == 4 && other == 3))
                ck_assert_int_eq(duration_of(&directives, other), DIRECTIVE_NONE);
    }
}
END_TEST

static const struct {
    const char *value;
    int64_t max_age, s_maxage;
} pairs[] = {
    {NULL, DIRECTIVE_NONE, DIRECTIVE_NONE},
    {"public", DIRECTIVE_NONE, DIRECTIVE_NONE},
    {"max-age=1, s-maxage=2", 1, 2},
    {"s-maxage=2,max-age=1", 1, 2},
    {"max-ages=1, xmax-age=1, max-ag=1, maxage=1", DIRECTIVE_NONE, DIRECTIVE_NONE},
    /* Two that agree are one; two that do not are none. */
    {"max-age=60, max-age=60", 60, DIRECTIVE_NONE},
    {"max-age=60, MAX-AGE=\"060\"", 60, DIRECTIVE_NONE},
    {"max-age=60, max-age=90", 0, DIRECTIVE_NONE},
    {"max-age=90, max-age=60", 0, DIRECTIVE_NONE},
    {"max-age=60, max-age=x", 0, DIRECTIVE_NONE},
    {"max-age=x, max-age=60", 0, DIRECTIVE_NONE},
    {"max-age=60, max-age=90, max-age=90", 0, DIRECTIVE_NONE},
    {"max-age=60, s-maxage=1, max-age=61", 0, 1},
    {"x=\"max-age=3600\", max-age=1", 1, DIRECTIVE_NONE},
    {"max-age=1, x=\"max-age=3600\"", 1, DIRECTIVE_NONE},
    {"x=\"max-age=3600\", max-age=\"1\"", 1, DIRECTIVE_NONE},
    {"x=\"a, max-age=3600\"", DIRECTIVE_NONE, DIRECTIVE_NONE},
};

START_TEST(several)
{
    struct directives directives;

    directives_parse(pairs[_i].value, &directives);
    ck_assert_int_eq(directives.max_age, pairs[_i].max_age);
    ck_assert_int_eq(directives.s_maxage, pairs[_i].s_maxage);
    ck_assert_int_eq(directives.stale_if_error, DIRECTIVE_NONE);
    ck_assert_int_eq(directives.stale_while_revalidate, DIRECTIVE_NONE);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("cache_directives");
    TCase *tc = tcase_create("cache_directives");

    tcase_add_loop_test(tc, flags, 0, (int)ARRAY_LEN(flag_cases));
    tcase_add_loop_test(tc, durations, 0, (int)ARRAY_LEN(arguments));
    tcase_add_loop_test(tc, several, 0, (int)ARRAY_LEN(pairs));
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return run_suite(suite());
}
