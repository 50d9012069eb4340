/*
 * Knobs that are numbers are doubles throughout: shares and lifetimes want fractions, the others
 * are whole numbers that a double holds exactly, and so one parser and one range check serve all.
 */
#include "knobs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const struct knob_info knob_info[KNOB_COUNT] = {
#define KNOB_ROW(id, name, value, min, max, initial, whole, help)                                  \
    [id] = {name, value, min, max, initial, whole, help},
    KNOB_TABLE(KNOB_ROW)
#undef KNOB_ROW
};

const struct text_info text_info[TEXT_COUNT] = {
#define TEXT_ROW(id, name, value, initial, help) [id] = {name, value, initial, help},
    TEXT_TABLE(TEXT_ROW)
#undef TEXT_ROW
};

void knobs_init(struct knobs *knobs)
{
    for (int i = 0; i < KNOB_COUNT; i++)
        knobs->value[i] = knob_info[i].initial;
    for (int i = 0; i < TEXT_COUNT; i++)
        knobs_set_text(knobs, (enum text_knob)i, text_info[i].initial);
}

enum knob knob_find(const char *name)
{
    int i = 0;
    while (i < KNOB_COUNT && strcmp(knob_info[i].name, name) != 0)
        i++;
    return (enum knob)i;
}

bool knobs_set(struct knobs *knobs, enum knob knob, const char *text)
{
    const struct knob_info *info = &knob_info[knob];
    if (text == NULL || *text == '\0')
        text = info->value_name == NULL ? "1" : "";
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end != '\0' || !(value >= info->min && value <= info->max))
        return false;
    if (info->whole && trunc(value) < value)
        return false;
    knobs->value[knob] = value;
    return true;
}

enum text_knob text_find(const char *name)
{
    int i = 0;
    while (i < TEXT_COUNT && strcmp(text_info[i].name, name) != 0)
        i++;
    return (enum text_knob)i;
}

bool knobs_set_text(struct knobs *knobs, enum text_knob knob, const char *text)
{
    size_t len = text != NULL ? strlen(text) : 0;
    if (len >= TEXT_MAX)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < ' ' || text[i] > '~')
            return false;
    }
    if (len > 0)
        memcpy(knobs->text[knob], text, len);
    knobs->text[knob][len] = '\0';
    return true;
}

bool knobs_on(const struct knobs *knobs, enum knob knob)
{
    return knobs->value[knob] > 0;
}

long long knobs_ns(const struct knobs *knobs, enum knob knob)
{
    return (long long)(knobs->value[knob] * 1e6);
}
