/*
 * Letters count in any case, as RFC 9111, section 4.2, asks of a cache. The day of the week has to
 * be one, but need not be that of the date: it is redundant, and no reader could know which of the
 * two is wrong. The calendar is worked out here, because timegm takes a lock of the C library's.
 */
#include "base/http_date.h"

#include <string.h>
#include <strings.h>

#include "base/check.h"
#include "base/text.h"

#define DAY_SECONDS INT64_C(86400)

static const char *const days[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                   "Friday", "Saturday", "Sunday"};
static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

struct date {
    int year, month, day; /* month: 0 is January */
    int hour, minute, second;
};

static bool take(const char **at, const char *text)
{
    const size_t len = strlen(text);

    if (strncasecmp(*at, text, len) != 0)
        return false;
    *at += len;
    return true;
}

static bool take_digits(const char **at, int count, int *out)
{
    *out = 0;
    for (; count > 0; count--) {
        if (!text_is(**at, TEXT_DIGIT))
            return false;
        *out = *out * 10 + (*(*at)++ - '0');
    }
    return true;
}

static bool take_month(const char **at, int *out)
{
    for (size_t i = 0; i < ARRAY_LEN(months); i++) {
        if (take(at, months[i])) {
            *out = (int)i;
            return true;
        }
    }
    return false;
}

/* The whole name where it stands, or its first three letters. */
static bool take_day_name(const char **at, bool *whole)
{
    for (size_t i = 0; i < ARRAY_LEN(days); i++) {
        if (strncasecmp(*at, days[i], 3) != 0)
            continue;
        *whole = take(at, days[i]);
        if (!*whole)
            *at += 3;
        return true;
    }
    return false;
}

static bool take_time(const char **at, struct date *date)
{
    return take_digits(at, 2, &date->hour) && take(at, ":") && take_digits(at, 2, &date->minute) &&
           take(at, ":") && take_digits(at, 2, &date->second);
}

/* 06 Nov 1994 08:49:37 GMT, behind "Sun, ". */
static bool take_fixdate(const char *at, struct date *date)
{
    return take_digits(&at, 2, &date->day) && take(&at, " ") && take_month(&at, &date->month) &&
           take(&at, " ") && take_digits(&at, 4, &date->year) && take(&at, " ") &&
           take_time(&at, date) && take(&at, " GMT") && *at == '\0';
}

/* 06-Nov-94 08:49:37 GMT, behind "Sunday, ". */
static bool take_rfc850(const char *at, struct date *date)
{
    return take_digits(&at, 2, &date->day) && take(&at, "-") && take_month(&at, &date->month) &&
           take(&at, "-") && take_digits(&at, 2, &date->year) && take(&at, " ") &&
           take_time(&at, date) && take(&at, " GMT") && *at == '\0';
}

/* Nov  6 08:49:37 1994, behind "Sun ". */
static bool take_asctime(const char *at, struct date *date)
{
    if (!take_month(&at, &date->month) || !take(&at, " "))
        return false;
    return take_digits(&at, take(&at, " ") ? 1 : 2, &date->day) && take(&at, " ") &&
           take_time(&at, date) && take(&at, " ") && take_digits(&at, 4, &date->year) &&
           *at == '\0';
}

static bool is_leap(int year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* 60 is a leap second. */
static bool is_possible(const struct date *date)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const int last = lengths[date->month] + (date->month == 1 && is_leap(date->year));

    return date->day >= 1 && date->day <= last && date->hour <= 23 && date->minute <= 59 &&
           date->second <= 60;
}

/* Days from 1970-01-01. A year is taken to begin in March, so that its leap day is the last. */
static int64_t days_of(const struct date *date)
{
    const int64_t year = date->year - (date->month < 2);
    const int64_t month = (date->month + 10) % 12; /* 0 is March */
    const int64_t leaps = year / 4 - year / 100 + year / 400;

    return 365 * year + leaps + (153 * month + 2) / 5 + date->day - 1 - 719468;
}

static int64_t seconds_of(const struct date *date)
{
    return days_of(date) * DAY_SECONDS + date->hour * 3600 + date->minute * 60 + date->second;
}

static bool is_far_ahead(struct date date, int64_t seconds)
{
    date.year -= 50;
    return seconds_of(&date) > seconds;
}

/* Of the years that end so the latest that is not more than 50 years ahead. */
static void complete_year(struct date *date, struct wall_time now)
{
    const int64_t seconds = now.ns / SECOND;
    const int64_t year = 1970 + seconds / (DAY_SECONDS * 146097 / 400);

    date->year += (int)(year - year % 100) + 100;
    while (is_far_ahead(*date, seconds))
        date->year -= 100;
}

/* What does not fit is the nearest that does: a year of 9999 is valid. */
static struct wall_time wall_of(int64_t seconds)
{
    struct wall_time wall;

    if (__builtin_mul_overflow(seconds, SECOND, &wall.ns))
        wall.ns = seconds > 0 ? INT64_MAX : INT64_MIN;
    return wall;
}

bool http_date_parse(const char *text, struct wall_time now, struct wall_time *out)
{
    const char *at = text;
    struct date date;
    bool whole;

    if (!take_day_name(&at, &whole))
        return false;
    if (whole) {
        if (!take(&at, ", ") || !take_rfc850(at, &date))
            return false;
        complete_year(&date, now);
    } else if (take(&at, ", ") ? !take_fixdate(at, &date)
                               : !take(&at, " ") || !take_asctime(at, &date)) {
        return false;
    }
    if (!is_possible(&date))
        return false;
    *out = wall_of(seconds_of(&date));
    return true;
}
