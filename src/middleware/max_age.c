/*
 * The first max-age counts; other directives are passed over, with their values. A value may stand
 * in quotes, though it should not (RFC 9111, section 5.2).
 */
#include "middleware/max_age.h"

#include <string.h>

#include "base/clock.h"
#include "base/text.h"

/* A century, far from an overflow. */
#define SECONDS_MOST (INT64_C(100) * 365 * 24 * 3600)

/* Digits alone, up to `end`; negative: they are none. */
static int64_t seconds_of(const char *text, const char *end)
{
    int64_t seconds = 0;

    if (text == end)
        return -1;
    for (; text < end; text++) {
        if (!text_is(*text, TEXT_DIGIT))
            return -1;
        seconds = seconds * 10 + (*text - '0');
        if (seconds > SECONDS_MOST)
            seconds = SECONDS_MOST;
    }
    return seconds;
}

static int64_t value_of(const char *text, size_t len)
{
    const char *end = text + len;

    if (len >= 2 && *text == '"' && end[-1] == '"') {
        text++;
        end--;
    }
    int64_t seconds = seconds_of(text, end);
    return seconds < 0 ? -1 : seconds * SECOND;
}

int64_t max_age_of(const char *cache_control)
{
    static const char name[] = "max-age=";

    if (cache_control == NULL)
        return -1;
    for (const char *text = cache_control, *end; *text != '\0';
         text = *end != '\0' ? end + 1 : end) {
        end = text_element_end(text);
        size_t len = (size_t)(end - text);
        const char *directive = text;
        text_trim(&directive, &len);
        if (len >= strlen(name) && text_starts_ci(directive, name))
            return value_of(directive + strlen(name), len - strlen(name));
    }
    return -1;
}
