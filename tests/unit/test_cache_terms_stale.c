/*
 * What is kept though it is stale, or though there is no such postcode; how long a stale answer may
 * be given; and who is left out of all this.
 */
#include "terms_fixture.h"

/* ---- of no use ---- */

static const struct {
    const struct config *config;
    const char *cache_control, *etag, *last_modified;
    bool has_validator, keeps;
} uses[] = {
    {&service, "max-age=60", NULL, NULL, false, true},
    {&service, "max-age=0", NULL, NULL, false, false},
    {&service, "max-age=2", NULL, NULL, false, false},
    {&service, NULL, NULL, NULL, false, false},
    {&service, "max-age=0", "\"a\"", NULL, false, true},
    {&service, "max-age=0", NULL, HOUR_EARLIER, false, true},
    {&service, "max-age=0", NULL, NULL, true, true},
    {&service, "no-cache, max-age=60", NULL, NULL, false, false},
    {&service, "no-cache, max-age=60", NULL, NULL, true, true},
    {&stale_service, "max-age=0", NULL, NULL, false, true},
    {&stale_service, NULL, NULL, NULL, false, true},
    {&stale_service, "max-age=0, must-revalidate", NULL, NULL, false, false},
    {&stale_service, "no-cache", NULL, NULL, false, false},
    {&stale_service, "max-age=0, stale-if-error=2, stale-while-revalidate=2", NULL, NULL, false,
     false},
    {&stale_service, "max-age=0, stale-if-error=3, stale-while-revalidate=2", NULL, NULL, false,
     true},
    {&stale_service, "max-age=0, stale-if-error=2, stale-while-revalidate=3", NULL, NULL, false,
     true},
};

START_TEST(use)
{
    const char *headers[CLIENT_HEADER_COUNT] = {[CLIENT_CACHE_CONTROL] = uses[_i].cache_control,
                                                [CLIENT_ETAG] = uses[_i].etag,
                                                [CLIENT_LAST_MODIFIED] = uses[_i].last_modified};
    struct terms_question asked = question(uses[_i].config, headers);
    struct answer_terms terms;

    asked.has_validator = uses[_i].has_validator;
    ck_assert_int_eq(terms_judge(&asked, &terms), uses[_i].keeps);
}
END_TEST

/* ---- unknown postcodes ---- */

static const struct {
    const struct config *config;
    const char *cache_control, *expires, *age;
    int64_t fresh;
} negatives[] = {
    {&shared, "public, max-age=60", NULL, NULL, -1},
    {&with_ttl, "public, max-age=60", NULL, NULL, -1},
    {&negative, NULL, NULL, NULL, 18},
    {&negative, "max-age=60", NULL, NULL, 18},
    {&negative, "max-age=10", NULL, NULL, 8},
    {&negative, "public, max-age=10, s-maxage=15", NULL, NULL, 13},
    {&negative, NULL, MINUTE_LATER, NULL, 18},
    {&negative, NULL, NOW, NULL, -1},
    {&negative, NULL, "0", NULL, -1},
    {&negative, "max-age=0", NULL, NULL, -1},
    {&negative, "max-age=x", NULL, NULL, -1},
    {&negative, "max-age=60", NULL, "5", 13},
    {&negative, "max-age=60", NULL, "18", -1},
    {&negative, "no-store", NULL, NULL, -1},
    {&negative, "no-store, must-understand", NULL, NULL, 18},
    {&negative, "no-cache", NULL, NULL, -1},
    {&negative, "private", NULL, NULL, -1},
    {&negative, "x=\"", NULL, NULL, -1},
    {&negative_capped, NULL, NULL, NULL, 18},
    {&negative_capped, "max-age=60", NULL, NULL, 18},
    {&negative_service, "private", NULL, NULL, 18},
    {&negative_service, "private, max-age=10", NULL, NULL, 8},
    {&negative_service, "s-maxage=10", NULL, NULL, 18},
    {&deaf, "no-store, private, max-age=0", "0", "5", 18},
};

START_TEST(unknown)
{
    const char *headers[CLIENT_HEADER_COUNT] = {[CLIENT_CACHE_CONTROL] =
                                                    negatives[_i].cache_control,
                                                [CLIENT_EXPIRES] = negatives[_i].expires,
                                                [CLIENT_AGE] = negatives[_i].age,
                                                [CLIENT_ETAG] = "\"a\""};
    struct terms_question asked = question(negatives[_i].config, headers);
    struct answer_terms terms;

    asked.unknown = true;
    ck_assert_int_eq(fresh_for(&asked), negatives[_i].fresh);
    if (negatives[_i].fresh < 0)
        return;
    ck_assert(terms_judge(&asked, &terms));
    ck_assert_int_eq(terms.stale_if_error, 0);
    ck_assert_int_eq(terms.stale_while_revalidate, 0);
}
END_TEST

START_TEST(unknown_that_varies)
{
    const char *headers[CLIENT_HEADER_COUNT] = {[CLIENT_VARY] = "*"};
    struct terms_question asked = question(&negative, headers);

    asked.unknown = true;
    ck_assert_int_eq(fresh_for(&asked), -1);
}
END_TEST

/* ---- windows ---- */

static const struct {
    const struct config *config;
    const char *cache_control;
    int64_t if_error, while_revalidate; /* seconds */
} windows[] = {
    {&stale, "public, max-age=60", 50, 60},
    {&stale_service, "max-age=60", 50, 60},
    {&stale_service, NULL, 50, 60},
    {&shared, "public, max-age=60, stale-if-error=9, stale-while-revalidate=9", 0, 0},
    /* The smaller of both. */
    {&stale, "public, max-age=60, stale-if-error=9", 9, 60},
    {&stale, "public, max-age=60, stale-while-revalidate=9", 50, 9},
    {&stale, "public, max-age=60, stale-if-error=900, stale-while-revalidate=61", 50, 60},
    {&stale, "public, max-age=60, stale-if-error=0, stale-while-revalidate=x", 0, 0},
    {&stale, "public, max-age=60, stale-if-error=9, stale-if-error=10", 0, 60},
    {&stale, "public, stale-if-error=9", 9, 60},
    /* Forbidden. */
    {&stale, "public, max-age=60, must-revalidate", 0, 0},
    {&stale, "public, max-age=60, must-revalidate, stale-if-error=9", 0, 0},
    {&stale, "public, max-age=60, no-cache", 0, 0},
    {&stale, "public, max-age=60, no-cache=\"a\"", 0, 0},
    {&stale, "public, max-age=60, proxy-revalidate", 0, 0},
    {&stale, "max-age=60, s-maxage=70", 0, 0},
    {&stale_service, "max-age=60, must-revalidate", 0, 0},
    {&stale_service, "max-age=60, no-cache", 0, 0},
    {&stale_service, "max-age=60, proxy-revalidate", 50, 60},
    {&stale_service, "max-age=60, s-maxage=70", 50, 60},
    {&deaf, "must-revalidate, no-cache, stale-if-error=1", 50, 60},
};

START_TEST(stale_windows)
{
    const char *headers[CLIENT_HEADER_COUNT] = {
        [CLIENT_CACHE_CONTROL] = windows[_i].cache_control, [CLIENT_ETAG] = "\"a\""};
    const struct terms_question asked = question(windows[_i].config, headers);
    struct answer_terms terms;

    ck_assert(terms_judge(&asked, &terms));
    ck_assert_int_eq(terms.stale_if_error, windows[_i].if_error * SECOND);
    ck_assert_int_eq(terms.stale_while_revalidate, windows[_i].while_revalidate * SECOND);
}
END_TEST

/* ---- callers ---- */

static const struct {
    const char *cache_control;
    bool bypasses;
} callers[] = {
    {NULL, false},
    {"", false},
    {"no-store", true},
    {"No-Store", true},
    {"max-age=0, no-store", true},
    {"no-cache", false},
    {"max-age=0", false},
    {"only-if-cached, min-fresh=9, max-stale", false},
    {"x=\"no-store\"", false},
    {"x=\"a, no-store", false},
    {"no-stored", false},
};

START_TEST(bypasses)
{
    ck_assert_int_eq(terms_caller_bypasses(callers[_i].cache_control), callers[_i].bypasses);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("cache_terms_stale");
    TCase *tc = tcase_create("cache_terms_stale");

    tcase_add_loop_test(tc, use, 0, (int)ARRAY_LEN(uses));
    tcase_add_loop_test(tc, unknown, 0, (int)ARRAY_LEN(negatives));
    tcase_add_test(tc, unknown_that_varies);
    tcase_add_loop_test(tc, stale_windows, 0, (int)ARRAY_LEN(windows));
    tcase_add_loop_test(tc, bypasses, 0, (int)ARRAY_LEN(callers));
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return run_suite(suite());
}
