/*
 * Digits are read one by one, for strptime takes signs, blanks and short numbers in their place.
 * timegm does the calendar; what it has to correct was no day.
 */
#include "base/moment.h"

#include <time.h>

#include "base/text.h"

/* What is left of the text. */
struct cursor {
    const char *at;
    const char *end;
};

static bool take(struct cursor *cursor, const char *any)
{
    for (; cursor->at < cursor->end && *any != '\0'; any++) {
        if (*cursor->at == *any) {
            cursor->at++;
            return true;
        }
    }
    return false;
}

/* Exactly `digits` of them. */
static bool number(struct cursor *cursor, unsigned digits, int *out)
{
    *out = 0;
    for (; digits > 0; digits--) {
        if (cursor->at == cursor->end || !text_is(*cursor->at, TEXT_DIGIT))
            return false;
        *out = *out * 10 + (*cursor->at++ - '0');
    }
    return true;
}

/* 2026-09-22, or the same without hyphens. */
static bool date(struct cursor *cursor, struct tm *tm)
{
    if (!number(cursor, 4, &tm->tm_year))
        return false;
    const bool extended = take(cursor, "-");
    if (!number(cursor, 2, &tm->tm_mon) || (extended && !take(cursor, "-")) ||
        !number(cursor, 2, &tm->tm_mday))
        return false;
    tm->tm_year -= 1900;
    tm->tm_mon -= 1;
    return true;
}

/* .5 or ,5, of any length, or nothing. */
static bool fraction(struct cursor *cursor)
{
    int digit;

    if (!take(cursor, ".,"))
        return true;
    if (!number(cursor, 1, &digit))
        return false;
    while (number(cursor, 1, &digit))
        continue;
    return true;
}

/* 11:13:20, 11:13, or the same without colons. */
static bool clock_time(struct cursor *cursor, struct tm *tm)
{
    if (!number(cursor, 2, &tm->tm_hour))
        return false;
    const bool extended = take(cursor, ":");
    if (!number(cursor, 2, &tm->tm_min))
        return false;
    if (extended ? !take(cursor, ":")
                 : cursor->at == cursor->end || !text_is(*cursor->at, TEXT_DIGIT))
        return true;
    return number(cursor, 2, &tm->tm_sec) && fraction(cursor);
}

/* Seconds east of UTC. */
static bool offset(struct cursor *cursor, int64_t *seconds)
{
    int hours, minutes = 0;

    *seconds = 0;
    if (cursor->at == cursor->end || take(cursor, "Zz"))
        return true;
    bool west = *cursor->at == '-';
    if (!take(cursor, "+-") || !number(cursor, 2, &hours))
        return false;
    if (cursor->at < cursor->end && (take(cursor, ":"), !number(cursor, 2, &minutes)))
        return false;
    if (hours > 23 || minutes > 59)
        return false;
    *seconds = (hours * 60 + minutes) * INT64_C(60) * (west ? -1 : 1);
    return true;
}

bool moment_parse(const char *text, size_t len, int64_t *unix_seconds)
{
    struct cursor cursor = {text, text + len};
    struct tm tm = {0};
    int64_t east;

    if (!date(&cursor, &tm) || !take(&cursor, "Tt ") || !clock_time(&cursor, &tm) ||
        !offset(&cursor, &east) || cursor.at != cursor.end)
        return false;
    const struct tm given = tm;
    tm.tm_sec = 0; /* 60 is a leap second, and belongs to the next minute here */
    time_t minute = timegm(&tm);
    if (tm.tm_mon != given.tm_mon || tm.tm_mday != given.tm_mday || tm.tm_hour != given.tm_hour ||
        tm.tm_min != given.tm_min || given.tm_sec > 60)
        return false;
    *unix_seconds = minute + given.tm_sec - east;
    return true;
}
