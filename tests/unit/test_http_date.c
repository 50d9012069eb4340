/* The three forms of an HTTP-date, and what only looks like one. */
#include "base/http_date.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/check.h"
#include "suite.h"

/* 2026-11-27 12:00:00 */
#define NOW ((struct wall_time){.ns = INT64_C(1795780800) * SECOND})

static const struct {
    const char *text;
    int64_t seconds;
} good[] = {
    {"Sun, 06 Nov 1994 08:49:37 GMT", 784111777},
    {"Sunday, 06-Nov-94 08:49:37 GMT", 784111777},
    {"Sun Nov  6 08:49:37 1994", 784111777},
    {"Sun Nov 16 08:49:37 1994", 784975777},
    {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
    {"Wed, 31 Dec 1969 23:59:59 GMT", -1},
    {"Tue, 29 Feb 2000 00:00:00 GMT", 951782400},
    {"Thu, 29 Feb 2024 23:59:59 GMT", 1709251199},
    {"Fri, 01 Mar 2024 00:00:00 GMT", 1709251200},
    {"Sat, 31 Dec 2016 23:59:60 GMT", 1483228800},
    {"Tue, 19 Jan 2038 03:14:08 GMT", INT64_C(1) << 31},
    /* Any case (RFC 9111, section 4.2). */
    {"THU, 18 aug 2050 02:01:18 gMt", 2544400878},
    {"tHURSDAY, 18-AUG-50 02:01:18 gmt", 2544400878},
    {"THU AUG 18 02:01:18 2050", 2544400878},
    /* The day of the week is another one. */
    {"Mon, 06 Nov 1994 08:49:37 GMT", 784111777},
    {"Thu Aug  8 02:01:18 2050", 2543536878},
    /* Two digits: fifty years ahead, to the second, and no more. */
    {"Friday, 27-Nov-76 12:00:00 GMT", 3373704000},
    {"Friday, 27-Nov-76 12:00:01 GMT", 217944001},
    {"Friday, 28-Nov-76 12:00:00 GMT", 218030400},
    {"Friday, 01-Jan-77 00:00:00 GMT", 220924800},
    {"Friday, 01-Jan-00 00:00:00 GMT", 946684800},
    {"Friday, 31-Dec-99 23:59:59 GMT", 946684799},
    {"Friday, 27-Nov-25 12:00:00 GMT", 1764244800},
};

START_TEST(dates)
{
    struct wall_time wall = {.ns = -7};

    ck_assert(http_date_parse(good[_i].text, NOW, &wall));
    ck_assert_int_eq(wall.ns, good[_i].seconds * SECOND);
}
END_TEST

/* Two digits at the turn of a century: seconds of 2099-06-01 and of 2000-01-01. */
static const struct {
    const char *text;
    int64_t now, seconds;
} turns[] = {
    {"Friday, 01-Jan-05 00:00:00 GMT", 4083955200, 4260211200},
    {"Friday, 01-Jan-50 00:00:00 GMT", 4083955200, 2524608000},
    {"Friday, 31-Dec-99 00:00:00 GMT", 946684800, 946598400},
    {"Friday, 01-Jan-00 00:00:00 GMT", 946684800, 946684800},
    {"Friday, 01-Jan-50 00:00:00 GMT", 946684800, 2524608000},
    {"Friday, 02-Jan-50 00:00:00 GMT", 946684800, -631065600},
};

START_TEST(turn_of_century)
{
    const struct wall_time now = {.ns = turns[_i].now * SECOND};
    struct wall_time wall;

    ck_assert(http_date_parse(turns[_i].text, now, &wall));
    ck_assert_int_eq(wall.ns, turns[_i].seconds * SECOND);
}
END_TEST

static const char *const bad[] = {
    "",
    "0",
    "-1",
    "now",
    "Sun",
    "Sun,",
    "Sunday",
    "Sunday, ",
    "Sun, 06 Nov 1994",
    "Sun, 06 Nov 1994 08:49:37",
    "Sun, 06 Nov 1994 08:49:37 ",
    "Sun, 06 Nov 1994 08:49:37 UTC",
    "Sun, 06 Nov 1994 08:49:37 AEST",
    "Sun, 06 Nov 1994 08:49:37 +0000",
    "Sun, 06 Nov 1994 08:49:37 GMT ",
    " Sun, 06 Nov 1994 08:49:37 GMT",
    "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:38 GMT",
    "Sun 06 Nov 1994 08:49:37 GMT",
    "Sun,06 Nov 1994 08:49:37 GMT",
    "Sun,  06 Nov 1994 08:49:37 GMT",
    "Sun, 6 Nov 1994 08:49:37 GMT",
    "Sun,  6 Nov 1994 08:49:37 GMT",
    "Sun, 06 Nov 94 08:49:37 GMT",
    "Sun, 06-Nov-1994 08:49:37 GMT",
    "Sun, 06-Nov-94 08:49:37 GMT",
    "Sunday, 06-Nov-1994 08:49:37 GMT",
    "Sunday, 06 Nov 1994 08:49:37 GMT",
    "Sund, 06 Nov 1994 08:49:37 GMT",
    "Xxx, 06 Nov 1994 08:49:37 GMT",
    "Sun, 06 November 1994 08:49:37 GMT",
    "Sun, 06 Xxx 1994 08:49:37 GMT",
    "Sun, 06 Nov 1994 8:49:37 GMT",
    "Sun, 06 Nov 1994 08.49.37 GMT",
    "Sun, 06 Nov 1994 08:49 GMT",
    "Sun, 06 Nov 1994 24:00:00 GMT",
    "Sun, 06 Nov 1994 08:60:00 GMT",
    "Sun, 06 Nov 1994 08:49:61 GMT",
    "Sun, 06 Nov 1994 08:49:-1 GMT",
    "Sun, 00 Nov 1994 08:49:37 GMT",
    "Sun, 31 Nov 1994 08:49:37 GMT",
    "Sun, 32 Dec 1994 08:49:37 GMT",
    "Sun, 29 Feb 2023 08:49:37 GMT",
    "Sun, 29 Feb 2100 08:49:37 GMT",
    "Sun Nov 6 08:49:37 1994",
    "Sun Nov 06 08:49:37 94",
    "Sun Nov  6 08:49:37 1994 GMT",
    "Sun, Nov  6 08:49:37 1994",
    "Sunday Nov  6 08:49:37 1994",
    "2026-11-27T12:00:00Z",
};

START_TEST(no_dates)
{
    struct wall_time wall = {.ns = -7};

    ck_assert(!http_date_parse(bad[_i], NOW, &wall));
    ck_assert_int_eq(wall.ns, -7);
}
END_TEST

/* Each beginning of a date is none, and the byte behind it is not read. */
START_TEST(cut_short)
{
    static const char *const whole[] = {"Sun, 06 Nov 1994 08:49:37 GMT",
                                        "Sunday, 06-Nov-94 08:49:37 GMT",
                                        "Sun Nov  6 08:49:37 1994"};

    for (size_t len = 0; len < strlen(whole[_i]); len++) {
        struct wall_time wall;
        char *cut = strndup(whole[_i], len);

        ck_assert(!http_date_parse(cut, NOW, &wall));
        free(cut);
    }
}
END_TEST

/* What 64 bits of nanoseconds cannot hold is still a date: as late, or as early, as can be. */
START_TEST(far_away)
{
    struct wall_time wall;

    ck_assert(http_date_parse("Fri, 31 Dec 9999 23:59:59 GMT", NOW, &wall));
    ck_assert_int_eq(wall.ns, INT64_MAX);
    ck_assert(http_date_parse("Sat, 01 Jan 0000 00:00:00 GMT", NOW, &wall));
    ck_assert_int_eq(wall.ns, INT64_MIN);
}
END_TEST

/* Each day of four centuries and more, against the C library. */
START_TEST(calendar)
{
    for (int64_t day = -140000; day < 100000; day++) {
        const time_t seconds = day * 86400 + day % 86400;
        struct wall_time wall;
        struct tm tm;
        char text[64];

        gmtime_r(&seconds, &tm);
        strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm);
        if (seconds < INT64_MIN / SECOND || tm.tm_year < -300)
            continue;
        ck_assert_msg(http_date_parse(text, NOW, &wall), "%s", text);
        ck_assert_int_eq(wall.ns, seconds * SECOND);
    }
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("http_date");
    TCase *tc = tcase_create("http_date");

    tcase_add_loop_test(tc, dates, 0, (int)ARRAY_LEN(good));
    tcase_add_loop_test(tc, turn_of_century, 0, (int)ARRAY_LEN(turns));
    tcase_add_loop_test(tc, no_dates, 0, (int)ARRAY_LEN(bad));
    tcase_add_loop_test(tc, cut_short, 0, 3);
    tcase_add_test(tc, far_away);
    tcase_add_test(tc, calendar);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return run_suite(suite());
}
