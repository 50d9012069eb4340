/*
 * The daemon writes durations for three readers, and all three take their units from one table:
 * the configuration needs a text that parses to the same number; a log line needs one number and
 * one unit; the report of --probe is read by a person and uses several units.
 */
#include "base/duration.h"

#include <stdbool.h>
#include <stdio.h>

#include "base/check.h"
#include "base/clock.h"

/* The largest first. */
static const struct {
    int64_t ns;
    const char *name;
} units[] = {{HOUR, "h"}, {MINUTE, "m"}, {SECOND, "s"}, {MILLISECOND, "ms"}};

/* From here on a fraction of a second is not worth reading. */
#define ROUNDED_FROM (10 * SECOND)

static int64_t rounded(int64_t duration)
{
    return duration >= ROUNDED_FROM ? duration - duration % SECOND : duration;
}

void duration_format(int64_t duration, char out[DURATION_TEXT])
{
    int64_t whole = duration - duration % MILLISECOND;
    size_t i = 0;

    while (whole % units[i].ns != 0)
        i++;
    if (whole == 0)
        i = 2; /* nothing is "0s" */
    snprintf(out, DURATION_TEXT, "%lld%s", (long long)(whole / units[i].ns), units[i].name);
}

void duration_format_rounded(int64_t duration, char out[DURATION_TEXT])
{
    duration_format(rounded(duration), out);
}

/* Below ten seconds, "1500ms" rather than "1s500ms". */
static bool is_in_milliseconds(int64_t duration)
{
    return duration < ROUNDED_FROM && duration / MILLISECOND % 1000 != 0;
}

const char *duration_format_parts(int64_t duration, char out[DURATION_TEXT])
{
    int64_t left = rounded(duration);
    size_t len = 0;

    if (duration < MILLISECOND) {
        snprintf(out, DURATION_TEXT, "under 1ms");
        return out;
    }
    for (size_t i = is_in_milliseconds(duration) ? ARRAY_LEN(units) - 1 : 0; i < ARRAY_LEN(units);
         left %= units[i++].ns)
        if (left >= units[i].ns)
            len += (size_t)snprintf(out + len, DURATION_TEXT - len, "%lld%s",
                                    (long long)(left / units[i].ns), units[i].name);
    return out;
}
