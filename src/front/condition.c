/* What the finders of conditions share: to begin one, and to write for people. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "front/conditions_internal.h"

#define DAY (24 * HOUR)

struct condition *condition_begin(struct diagnosis *diagnosis, enum condition_level level,
                                  struct mono_time since)
{
    struct overview *overview = diagnosis->overview;

    if (diagnosis->upstream != NULL && diagnosis->upstream->covered && level == CONDITION_DOWN)
        level = CONDITION_WARNING;
    if (level != diagnosis->level)
        return NULL;
    if (overview->condition_count == CONDITIONS_MAX) {
        overview->conditions_left++;
        return NULL;
    }
    struct condition *condition = &overview->conditions[overview->condition_count++];
    *condition = (struct condition){
        .level = level,
        .since = since,
        .upstream = diagnosis->upstream != NULL ? diagnosis->upstream->name : NULL};
    return condition;
}

void condition_cut(char *out, size_t size, const char *text)
{
    size_t len = strlen(text);

    if (len < size) {
        memcpy(out, text, len + 1);
        return;
    }
    len = size - sizeof("...");
    while (((unsigned char)text[len] & 0xc0u) == 0x80u) /* within a character of UTF-8 */
        len--;
    memcpy(out, text, len);
    memcpy(out + len, "...", sizeof("..."));
}

void condition_put(char out[CONDITION_TEXT], const char *format, ...)
{
    char whole[4 * CONDITION_TEXT];
    va_list args;

    va_start(args, format);
    vsnprintf(whole, sizeof(whole), format, args);
    va_end(args);
    condition_cut(out, CONDITION_TEXT, whole);
}

const char *condition_time(const struct diagnosis *diagnosis, struct mono_time when,
                           char out[CONDITION_TIME])
{
    const struct overview *overview = diagnosis->overview;
    const struct wall_time wall = {overview->wall.ns + mono_diff(when, overview->now)};
    char text[CLOCK_TEXT];

    wall_format_seconds(wall, text); /* 2026-01-31T23:59:59Z */
    if (wall.ns / DAY == overview->wall.ns / DAY)
        snprintf(out, CONDITION_TIME, "%.8s UTC", text + 11);
    else
        snprintf(out, CONDITION_TIME, "%.10s %.8s UTC", text, text + 11);
    return out;
}

const char *condition_span(int64_t span, char out[CONDITION_SPAN])
{
    if (span < 10 * MILLISECOND)
        snprintf(out, CONDITION_SPAN, "%.1f ms", (double)span / (double)MILLISECOND);
    else if (span < 100 * MILLISECOND)
        snprintf(out, CONDITION_SPAN, "%.0f ms", (double)span / (double)MILLISECOND);
    else if (span < SECOND) /* two digits: more are not known */
        snprintf(out, CONDITION_SPAN, "%.0f0 ms", (double)span / (double)(10 * MILLISECOND));
    else
        snprintf(out, CONDITION_SPAN, "%.1f s", (double)span / (double)SECOND);
    return out;
}

struct mono_time condition_since(const struct diagnosis *diagnosis,
                                 bool (*has)(const struct diagnosis *diagnosis, size_t age))
{
    const struct history *history = diagnosis->overview->history;
    struct mono_time since = {0};
    size_t last = 0;

    for (size_t age = 0; age < history_count(history) && age <= last + CONDITIONS_RECENT; age++) {
        const struct history_sample *sample = history_at(history, age);

        if (diagnosis->upstream != NULL &&
            !mono_before(diagnosis->upstream->health.began, sample->at))
            break; /* of the upstream before a reload */
        if (!has(diagnosis, age))
            continue;
        since = mono_add(sample->at, -sample->length);
        last = age;
    }
    return since;
}
