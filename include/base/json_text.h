/*
 * The bytes of a JSON text while it is scanned, and those values that hold no others: strings,
 * numbers and words. Private to json_scan.c and json_value.c.
 *
 * A function that reads takes the place where it begins and returns the place behind what it has
 * read; NULL: the text is not valid there, and `fault` and `fault_at` are set. Any thread.
 */
#ifndef BASE_JSON_TEXT_H
#define BASE_JSON_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#define JSON_TEXT_INVALID "not valid JSON: "

struct json_text {
    const char *end;
    bool escaped;         /* a string had a backslash; the caller clears it */
    bool nul;             /* a string had a \u0000; likewise */
    const char *fault;    /* what is wrong, in words */
    const char *fault_at; /* the byte that is wrong, or the end */
};

/* Sets the fault; the end of the text is one of its own. Always NULL. */
const char *json_text_fail(struct json_text *text, const char *at, const char *fault);
/* The same outside of a string, where a NUL, too, is a fault of its own. */
const char *json_text_unexpected(struct json_text *text, const char *at, const char *fault);

static inline bool json_text_has(const struct json_text *text, const char *at, char wanted)
{
    return at < text->end && *at == wanted;
}

static inline bool json_text_is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* Never NULL. */
static inline const char *json_text_skip_space(const struct json_text *text, const char *at)
{
    while (at < text->end && (unsigned char)*at <= ' ' && json_text_is_space(*at))
        at++;
    return at;
}

/* `at` is behind the opening quote. */
const char *json_text_string(struct json_text *text, const char *at);
/* Of any length: nobody computes with it here. */
const char *json_text_number(struct json_text *text, const char *at);
/* true, false or null. */
const char *json_text_word(struct json_text *text, const char *at, const char *word);

#endif
