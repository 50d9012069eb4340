/*
 * Reading clocks and writing times down. The calendar is worked out here and not by gmtime_r: that
 * one takes a lock of the C library's, and every worker would meet there with every log line. For
 * the same lines' sake the digits are put by hand.
 */
#include "base/clock.h"

#include <string.h>
#include <time.h>

#include "base/check.h"

#define SECONDS_A_DAY 86400

static int64_t read_clock(clockid_t id)
{
    struct timespec ts;

    MUST(clock_gettime(id, &ts) == 0);
    return (int64_t)ts.tv_sec * SECOND + ts.tv_nsec;
}

struct mono_time mono_now(void)
{
    return (struct mono_time){.ns = read_clock(CLOCK_BOOTTIME)};
}

struct wall_time wall_now(void)
{
    return (struct wall_time){.ns = read_clock(CLOCK_REALTIME)};
}

struct mono_time mono_add(struct mono_time t, int64_t duration)
{
    int64_t sum;

    if (t.ns == MONO_NEVER.ns)
        return t;
    if (__builtin_add_overflow(t.ns, duration, &sum))
        return duration > 0 ? MONO_NEVER : (struct mono_time){.ns = INT64_MIN};
    return (struct mono_time){.ns = sum};
}

int64_t mono_diff(struct mono_time later, struct mono_time earlier)
{
    int64_t diff;

    if (__builtin_sub_overflow(later.ns, earlier.ns, &diff))
        return later.ns > earlier.ns ? INT64_MAX : INT64_MIN;
    return diff;
}

bool mono_before(struct mono_time a, struct mono_time b)
{
    return a.ns < b.ns;
}

struct mono_time mono_min(struct mono_time a, struct mono_time b)
{
    return a.ns < b.ns ? a : b;
}

struct date {
    int64_t year;
    unsigned month, day;
};

/*
 * Days since 1970-01-01 to a date of the Gregorian calendar. Years are taken to begin in March, so
 * that the leap day is a year's last; 400 such years, an era, always have 146,097 days.
 */
static struct date date_of(int64_t days)
{
    days += 719468; /* from 0000-03-01 */
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t in_era = days - era * 146097;
    int64_t year = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    int64_t in_year = in_era - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * in_year + 2) / 153; /* 0 is March */

    return (struct date){
        .year = year + era * 400 + (month >= 10 ? 1 : 0),
        .month = (unsigned)(month < 10 ? month + 3 : month - 9),
        .day = (unsigned)(in_year - (153 * month + 2) / 5 + 1),
    };
}

/* Division that rounds down, as a time before 1970 needs it; the rest is never negative. */
static int64_t div_down(int64_t a, int64_t b, int64_t *rest)
{
    *rest = a % b;
    if (*rest >= 0)
        return a / b;
    *rest += b;
    return a / b - 1;
}

/* Exactly `digits` digits, and what follows them; where to go on. */
static char *put_digits(char *out, int64_t n, int digits, char after)
{
    for (int i = digits - 1; i >= 0; i--) {
        out[i] = (char)('0' + n % 10);
        n /= 10;
    }
    out[digits] = after;
    return out + digits + 1;
}

void wall_format(struct wall_time t, char out[CLOCK_TEXT])
{
    int64_t ns, second;
    int64_t seconds = div_down(t.ns, SECOND, &ns);
    struct date date = date_of(div_down(seconds, SECONDS_A_DAY, &second));

    out = put_digits(out, date.year, 4, '-');
    out = put_digits(out, date.month, 2, '-');
    out = put_digits(out, date.day, 2, 'T');
    out = put_digits(out, second / 3600, 2, ':');
    out = put_digits(out, second / 60 % 60, 2, ':');
    out = put_digits(out, second % 60, 2, '.');
    out = put_digits(out, ns / MILLISECOND, 3, 'Z');
    *out = '\0';
}

void wall_format_seconds(struct wall_time t, char out[CLOCK_TEXT])
{
    wall_format(t, out);
    memcpy(out + sizeof("2026-01-31T23:59:59") - 1, "Z", sizeof("Z"));
}
