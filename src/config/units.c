/*
 * One reader for a number with a unit; the kinds differ in their table of units. There are no
 * fractions and no sums (1m30s): one way to write a value is enough.
 */
#include "config/units.h"

#include <stddef.h>
#include <string.h>

#include "base/check.h"
#include "base/duration.h"
#include "base/text.h"

struct unit {
    const char *name;
    int64_t factor;
};

static const struct unit durations[] = {
    {"h", INT64_C(3600000000000)},
    {"m", INT64_C(60000000000)},
    {"s", INT64_C(1000000000)},
    {"ms", INT64_C(1000000)},
};

/* Of the first of these: h, m and s. */
#define RATE_UNITS 3

/* The largest first: what formatting tries. */
static const struct unit sizes[] = {
    {"M", INT64_C(1024) * 1024},
    {"K", 1024},
    {"", 1},
};

static bool parse(const char *text, const struct unit *units, size_t count, int64_t *out)
{
    size_t digits = text_span(text, TEXT_DIGIT);
    uint64_t number;

    if (!text_parse_u64(text, digits, &number))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(text + digits, units[i].name) != 0)
            continue;
        if (number > (uint64_t)(INT64_MAX / units[i].factor))
            return false;
        *out = (int64_t)number * units[i].factor;
        return true;
    }
    return false;
}

bool units_parse_duration(const char *text, int64_t *ns)
{
    return parse(text, durations, ARRAY_LEN(durations), ns);
}

bool units_parse_size(const char *text, int64_t *bytes)
{
    return parse(text, sizes, ARRAY_LEN(sizes), bytes);
}

bool units_parse_count(const char *text, int64_t *count)
{
    static const struct unit none = {"", 1};

    return parse(text, &none, 1, count);
}

bool units_parse_rate(const char *text, int64_t *count, int64_t *per)
{
    const size_t digits = text_span(text, TEXT_DIGIT);
    const char *slash = text + digits + text_span(text + digits, TEXT_BLANK);
    uint64_t number;

    if (!text_parse_u64(text, digits, &number) || number > INT64_MAX || *slash != '/')
        return false;
    const char *unit = slash + 1 + text_span(slash + 1, TEXT_BLANK);
    for (size_t i = 0; i < RATE_UNITS; i++) {
        if (strcmp(unit, durations[i].name) != 0)
            continue;
        *count = (int64_t)number;
        *per = durations[i].factor;
        return true;
    }
    return false;
}

bool units_parse_mode(const char *text, int64_t *mode)
{
    size_t len = strlen(text);

    if (len == 0 || len > 5 || strspn(text, "01234567") != len)
        return false;
    *mode = 0;
    for (size_t i = 0; i < len; i++)
        *mode = *mode * 8 + (text[i] - '0');
    return true;
}

void units_format_duration(int64_t ns, struct buf *out)
{
    char text[DURATION_TEXT];

    duration_format(ns, text);
    buf_puts(out, text);
}

void units_format_size(int64_t bytes, struct buf *out)
{
    size_t i = 0;

    /* 0, not 0M: the last unit is none, and suits every number. */
    while (sizes[i].factor > 1 && (bytes == 0 || bytes % sizes[i].factor != 0))
        i++;
    buf_printf(out, "%lld%s", (long long)(bytes / sizes[i].factor), sizes[i].name);
}

void units_format_rate(int64_t count, int64_t per, struct buf *out)
{
    size_t i = 0;

    while (i < RATE_UNITS - 1 && durations[i].factor != per)
        i++;
    buf_printf(out, "%lld/%s", (long long)count, durations[i].name);
}

void units_format_mode(int64_t mode, struct buf *out)
{
    buf_printf(out, "%04llo", (unsigned long long)mode);
}
