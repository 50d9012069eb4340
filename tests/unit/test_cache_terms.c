/* Whether a response may be kept, how long it is fresh, and how old it is. */
#include "cache/vary.h"
#include "terms_fixture.h"

/* ---- storing ---- */

/* With a validator, so that what is stale at once is kept too. */
static const struct {
    const struct config *config;
    const char *cache_control;
    const char *vary;
    bool keeps;
} storing[] = {
    /* A shared cache needs leave, for credentials were sent. */
    {&shared, NULL, NULL, false},
    {&shared, "max-age=60", NULL, false},
    {&shared, "public, max-age=60", NULL, true},
    {&shared, "s-maxage=60", NULL, true},
    {&shared, "s-maxage=x, max-age=60", NULL, false},
    {&shared, "s-maxage", NULL, false},
    {&shared, "max-age=60, must-revalidate", NULL, true},
    {&shared, "max-age=60, proxy-revalidate", NULL, false},
    {&shared, "private, max-age=60", NULL, false},
    {&shared, "public, private, max-age=60", NULL, false},
    {&shared, "public, private=\"a\", max-age=60", NULL, false},
    {&shared, "public, no-store, max-age=60", NULL, false},
    {&shared, "public, no-cache, max-age=60", NULL, true},
    {&shared, "public, no-store, must-understand, max-age=60", NULL, true},
    {&shared, "must-understand, no-store, max-age=60", NULL, false},
    {&shared, "private, no-store, must-understand, public", NULL, false},
    {&shared, "public; max-age=60", NULL, false},
    {&shared, "public, max-age=60, x=\"", NULL, false},
    {&shared, "public, max-age=60 no-store", NULL, false},
    {&shared, "public, max-age=x", NULL, true},

    /* That of one client needs none. */
    {&service, NULL, NULL, true},
    {&service, "max-age=60", NULL, true},
    {&service, "private, max-age=60", NULL, true},
    {&service, "private=\"a\", max-age=60", NULL, true},
    {&service, "no-store, max-age=60", NULL, false},
    {&service, "no-store, must-understand, max-age=60", NULL, true},
    {&service, "no-cache", NULL, true},
    {&service, "max-age=60, x=\"", NULL, false},

    /* ttl is leave, but not against no-store and private. */
    {&with_ttl, NULL, NULL, true},
    {&with_ttl, "max-age=60", NULL, true},
    {&with_ttl, "private", NULL, false},
    {&with_ttl, "no-store", NULL, false},
    {&with_ttl, "no-store, must-understand", NULL, true},
    {&with_ttl, NULL, "*", false},
    {&with_ttl, "x=\"", NULL, false},

    /* Without a look at it. */
    {&deaf, NULL, NULL, true},
    {&deaf, "private, no-store, no-cache, max-age=0", "*", true},
    {&deaf, "x=\"", "X-GUID", true},

    /* Vary. */
    {&service, "max-age=60", "", true},
    {&service, "max-age=60", "Accept", true},
    {&service, "max-age=60", "Accept, Accept-Encoding ,User-Agent,,Origin", true},
    {&service, "max-age=60", "*", false},
    {&service, "max-age=60", "*, *", false},
    {&service, "max-age=60", ", *", false},
    {&service, "max-age=60", "*, Accept", false},
    {&service, "max-age=60", "Accept,*", false},
    {&service, "max-age=60", "Accept, x-guid", false},
    {&service, "max-age=60", "TraceParent", false},
    {&service, "max-age=60", "tracestate", false},
    {&service, "max-age=60", "X-GUID-2, X-GUI, trace", true},
    {&service, "max-age=60", "If-None-Match", false},
    {&service, "max-age=60", "if-modified-since", false},
    {&service, "max-age=60", "Accept Encoding", false},
    {&service, "max-age=60", "\"Accept\"", false},
    {&service, "max-age=60", "**", true},
};

START_TEST(stores)
{
    const char *headers[CLIENT_HEADER_COUNT] = {[CLIENT_CACHE_CONTROL] = storing[_i].cache_control,
                                                [CLIENT_VARY] = storing[_i].vary,
                                                [CLIENT_ETAG] = "\"a\""};
    const struct terms_question asked = question(storing[_i].config, headers);
    struct answer_terms terms;

    ck_assert_int_eq(terms_judge(&asked, &terms), storing[_i].keeps);
}
END_TEST

/* Without the tracker's header nothing is sent under a name of ours. */
START_TEST(vary_without_tracker)
{
    const struct config config = {.cache_honour = true};

    ck_assert(vary_is_satisfied("X-GUID", &config));
    ck_assert(vary_is_satisfied(NULL, &config));
    ck_assert(!vary_is_satisfied("X-GUID, *", &config));
}
END_TEST

START_TEST(unreadable)
{
    static const char *const headers[CLIENT_HEADER_COUNT] = {
        [CLIENT_CACHE_CONTROL] = "public, max-age=60", [CLIENT_ETAG] = "\"a\""};
    static const struct config *const heeding[] = {&shared, &service, &with_ttl};
    struct terms_question asked;

    for (size_t i = 0; i < ARRAY_LEN(heeding); i++) {
        asked = question(heeding[i], headers);
        ck_assert_int_gt(fresh_for(&asked), 0);
        asked.unreadable = true;
        ck_assert_int_eq(fresh_for(&asked), -1);
    }
    asked = question(&deaf, headers);
    asked.unreadable = true;
    ck_assert_int_eq(fresh_for(&asked), 30);
}
END_TEST

/* ---- lifetime and age ---- */

#define MOST (INT64_C(1) << 31)

/* A delay of 2 s counts as age, where no other says more. */
static const struct {
    const struct config *config;
    const char *cache_control, *expires, *date, *age;
    int64_t fresh; /* seconds, from when it was received; 0: none, -1: not kept */
} lifetimes[] = {
    {&service, "max-age=60", NULL, NULL, NULL, 58},
    {&service, "max-age=60", NULL, NOW, NULL, 58},
    {&service, "max-age=0", NULL, NOW, NULL, 0},
    {&service, "max-age=2", NULL, NOW, NULL, 0},
    {&service, "max-age=3", NULL, NOW, NULL, 1},
    {&service, "max-age=-3600", NULL, NOW, NULL, 0},
    {&service, "max-age=60, max-age=90", NULL, NOW, NULL, 0},
    {&service, "max-age=60, no-cache", NULL, NOW, NULL, 0},
    {&service, NULL, NULL, NOW, NULL, 0},
    {&service, "public", NULL, NOW, NULL, 0},

    /* s-maxage is for shared caches, and there comes first. */
    {&service, "max-age=60, s-maxage=600", NULL, NOW, NULL, 58},
    {&service, "s-maxage=600", NULL, NOW, NULL, 0},
    {&service, "s-maxage=600", MINUTE_LATER, NOW, NULL, 58},
    {&shared, "max-age=60, s-maxage=600", NULL, NOW, NULL, 598},
    {&shared, "max-age=600, s-maxage=60", NULL, NOW, NULL, 58},
    {&shared, "s-maxage=0, max-age=600, public", NULL, NOW, NULL, 0},
    {&shared, "s-maxage=x, max-age=600, public", NULL, NOW, NULL, 0},
    {&shared, "public, max-age=60", NULL, NOW, NULL, 58},
    {&shared, "public, max-age=0, s-maxage=60", HOUR_EARLIER, NOW, NULL, 58},

    /* Expires, where there is no max-age. */
    {&service, NULL, HOUR_LATER, NOW, NULL, 3598},
    {&service, NULL, HOUR_LATER, NULL, NULL, 3598},
    {&service, NULL, HOUR_LATER, "foo", NULL, 3598},
    {&service, NULL, MINUTE_LATER, MINUTE_EARLIER, NULL, 60},
    {&service, NULL, HOUR_LATER, MINUTE_LATER, NULL, 3538},
    {&service, NULL, NOW, NOW, NULL, 0},
    {&service, NULL, HOUR_EARLIER, NOW, NULL, 0},
    {&service, NULL, MINUTE_LATER, HOUR_LATER, NULL, 0},
    {&service, NULL, "0", NOW, NULL, 0},
    {&service, NULL, "-1", NOW, NULL, 0},
    {&service, NULL, "Fri, 27 Nov 2026 13:00:00 UTC", NOW, NULL, 0},
    {&service, NULL, "Friday, 27-Nov-26 13:00:00 GMT", NOW, NULL, 3598},
    {&service, NULL, "Fri Nov 27 13:00:00 2026", NOW, NULL, 3598},
    {&service, NULL, "fri, 27 NOV 2026 13:00:00 gmt", NOW, NULL, 3598},
    {&service, "max-age=60", "0", NOW, NULL, 58},
    {&service, "max-age=60", HOUR_EARLIER, NOW, NULL, 58},
    {&service, "max-age=0", HOUR_LATER, NOW, NULL, 0},
    {&service, "max-age=x", HOUR_LATER, NOW, NULL, 0},
    {&service, "no-cache", HOUR_LATER, NOW, NULL, 0},
    {&shared, "public", HOUR_LATER, NOW, NULL, 3598},
    {&shared, NULL, HOUR_LATER, NOW, NULL, -1},

    /* The most, by the operator's word. */
    {&service, "max-age=86400", NULL, NOW, NULL, 86398},
    {&service, "max-age=86401", NULL, NOW, NULL, 86398},
    {&service, "max-age=99999999999999999999", NULL, NOW, NULL, 86398},
    {&service, NULL, "Fri, 31 Dec 9999 23:59:59 GMT", NOW, NULL, 86398},
    {&service, NULL, "Fri, 31 Dec 9999 23:59:59 GMT", "Sat, 01 Jan 0000 00:00:00 GMT", NULL, 0},
    {&service, NULL, "Sat, 01 Jan 0000 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", NULL, 0},
    {&service, "max-age=60", NULL, "Sat, 01 Jan 0000 00:00:00 GMT", NULL, 0},
    {&service, "max-age=60", NULL, "Fri, 31 Dec 9999 23:59:59 GMT", NULL, 58},

    /* Age, and the delay with it. */
    {&service, "max-age=60", NULL, NOW, "0", 58},
    {&service, "max-age=60", NULL, NOW, "20", 38},
    {&service, "max-age=60", NULL, NOW, "58", 0},
    {&service, "max-age=60", NULL, NOW, "7200", 0},
    {&service, "max-age=60", NULL, NOW, "020", 38},
    {&service, "max-age=60", NULL, NOW, "2147483649", 0},
    {&service, "max-age=60", NULL, NOW, "99999999999999999999", 0},
    /* The first of a list. */
    {&service, "max-age=60", NULL, NOW, "20, 40", 38},
    {&service, "max-age=60", NULL, NOW, "20 ,0", 38},
    {&service, "max-age=60", NULL, NOW, "0,7200", 58},
    {&service, "max-age=60", NULL, NOW, "7200,0", 0},
    {&service, "max-age=60", NULL, NOW, "20, abc", 38},
    /* What is no number is as good as none. */
    {&service, "max-age=60", NULL, NOW, "abc", 58},
    {&service, "max-age=60", NULL, NOW, "-7200", 58},
    {&service, "max-age=60", NULL, NOW, "+20", 58},
    {&service, "max-age=60", NULL, NOW, "7200.0", 58},
    {&service, "max-age=60", NULL, NOW, "7200;a=b", 58},
    {&service, "max-age=60", NULL, NOW, "7200 1", 58},
    {&service, "max-age=60", NULL, NOW, ", 7200", 58},
    {&service, "max-age=60", NULL, NOW, "abc, 7200", 58},

    /* By its date, where that is older. */
    {&service, "max-age=3600", NULL, MINUTE_EARLIER, NULL, 3540},
    {&service, "max-age=3600", NULL, MINUTE_EARLIER, "30", 3540},
    {&service, "max-age=3600", NULL, MINUTE_EARLIER, "59", 3539},
    {&service, "max-age=3600", NULL, HOUR_EARLIER, NULL, 0},
    {&service, "max-age=3600", NULL, MINUTE_LATER, NULL, 3598},
    {&service, NULL, MINUTE_LATER, MINUTE_EARLIER, "150", 0},
    {&service, NULL, HOUR_LATER, MINUTE_LATER, "3538", 0},

    /* ttl counts from now on, and is no matter of ttl_max. */
    {&with_ttl, NULL, NULL, NOW, NULL, 30},
    {&with_ttl, "max-age=0", NULL, NOW, NULL, 30},
    {&with_ttl, "max-age=3600", NULL, NOW, NULL, 30},
    {&with_ttl, "max-age=3600", NULL, HOUR_EARLIER, "7200", 30},
    {&with_ttl, "must-revalidate", "0", NOW, NULL, 30},
    {&with_ttl, "no-cache", NULL, NOW, NULL, 0},
    {&deaf, "no-cache, no-store, max-age=0", "0", HOUR_EARLIER, "7200", 30},
};

START_TEST(freshness)
{
    const char *headers[CLIENT_HEADER_COUNT] = {[CLIENT_CACHE_CONTROL] =
                                                    lifetimes[_i].cache_control,
                                                [CLIENT_EXPIRES] = lifetimes[_i].expires,
                                                [CLIENT_DATE] = lifetimes[_i].date,
                                                [CLIENT_AGE] = lifetimes[_i].age,
                                                [CLIENT_LAST_MODIFIED] = HOUR_EARLIER};
    const struct terms_question asked = question(lifetimes[_i].config, headers);

    ck_assert_int_eq(fresh_for(&asked), lifetimes[_i].fresh);
}
END_TEST

/* Calls take different times; the lifetimes of what they bring are few. */
START_TEST(ttl_is_what_many_have)
{
    static const char *const headers[CLIENT_HEADER_COUNT] = {NULL};
    struct terms_question asked = question(&with_ttl, headers);
    struct answer_terms terms;

    for (int64_t ms = 1; ms < 100; ms++) {
        asked.sent = mono_add(asked.received, -ms * MILLISECOND);
        ck_assert(terms_judge(&asked, &terms));
        ck_assert_int_eq(terms.lifetime, with_ttl.cache_ttl);
        ck_assert_int_eq(mono_diff(asked.received, terms.born), ms * MILLISECOND);
    }
}
END_TEST

/* Whatever makes it fresh, its age is told as it is. */
static const struct {
    const struct config *config;
    const char *date, *age;
    int64_t seconds;
} ages[] = {
    {&service, NULL, NULL, 2},
    {&service, NOW, "20", 22},
    {&service, MINUTE_EARLIER, "20", 60},
    {&service, MINUTE_EARLIER, "7200", 7202},
    {&service, NULL, "3000000000", MOST + 2},
    {&with_ttl, MINUTE_EARLIER, "20", 60},
    {&deaf, MINUTE_EARLIER, "20", 2},
};

START_TEST(age)
{
    const char *headers[CLIENT_HEADER_COUNT] = {[CLIENT_CACHE_CONTROL] = "public, max-age=60",
                                                [CLIENT_DATE] = ages[_i].date,
                                                [CLIENT_AGE] = ages[_i].age,
                                                [CLIENT_ETAG] = "\"a\""};
    const struct terms_question asked = question(ages[_i].config, headers);
    struct answer_terms terms;

    ck_assert(terms_judge(&asked, &terms));
    ck_assert_int_eq(mono_diff(asked.received, terms.born), ages[_i].seconds * SECOND);
}
END_TEST

/* A larger ttl than ttl_max is the operator's own word. */
START_TEST(ttl_above_ttl_max)
{
    const char *headers[CLIENT_HEADER_COUNT] = {NULL};
    struct config config = with_ttl;

    config.cache_ttl = 7 * 24 * HOUR;
    const struct terms_question asked = question(&config, headers);
    ck_assert_int_eq(fresh_for(&asked), config.cache_ttl / SECOND);
}
END_TEST

/* A clock that went back between sending and receiving makes nothing younger. */
START_TEST(sent_after_received)
{
    const char *headers[CLIENT_HEADER_COUNT] = {
        [CLIENT_CACHE_CONTROL] = "max-age=60", [CLIENT_AGE] = "20"};
    struct terms_question asked = question(&service, headers);

    asked.sent = mono_add(asked.received, HOUR);
    ck_assert_int_eq(fresh_for(&asked), 40);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("cache_terms");
    TCase *tc = tcase_create("cache_terms");

    tcase_add_loop_test(tc, stores, 0, (int)ARRAY_LEN(storing));
    tcase_add_test(tc, vary_without_tracker);
    tcase_add_test(tc, unreadable);
    tcase_add_loop_test(tc, freshness, 0, (int)ARRAY_LEN(lifetimes));
    tcase_add_loop_test(tc, age, 0, (int)ARRAY_LEN(ages));
    tcase_add_test(tc, ttl_above_ttl_max);
    tcase_add_test(tc, ttl_is_what_many_have);
    tcase_add_test(tc, sent_after_received);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return run_suite(suite());
}
