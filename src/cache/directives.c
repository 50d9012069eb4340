/*
 * A directive is a token, alone or with an argument that is a token or a quoted string; both forms
 * are read for every directive, as RFC 9111, section 5.2, asks. Commas separate directives, but not
 * within quotes.
 *
 * Restricting directives count with any argument and in a part that is no directive ("no-store;
 * x"), permitting ones only as they are defined. So a mistake never makes an answer more storable.
 */
#include "cache/directives.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "base/check.h"
#include "base/text.h"

/* RFC 9111, section 1.2.2: what is larger is this. */
#define SECONDS_MOST (INT64_C(1) << 31)

/* One part of the list, without space around it. */
struct part {
    const char *name;
    size_t name_len;
    const char *argument; /* without its quotes; NULL: none */
    size_t argument_len;
    bool faulty; /* it is no directive; the name is what it begins with */
};

static const struct flag {
    const char *name;
    size_t offset;
    bool permits;
} flags[] = {
    {"no-store", offsetof(struct directives, no_store), false},
    {"no-cache", offsetof(struct directives, no_cache), false},
    {"private", offsetof(struct directives, is_private), false},
    {"public", offsetof(struct directives, is_public), true},
    {"must-revalidate", offsetof(struct directives, must_revalidate), false},
    {"proxy-revalidate", offsetof(struct directives, proxy_revalidate), false},
    {"must-understand", offsetof(struct directives, must_understand), true},
};

static const struct duration {
    const char *name;
    size_t offset;
} durations[] = {
    {"max-age", offsetof(struct directives, max_age)},
    {"s-maxage", offsetof(struct directives, s_maxage)},
    {"stale-if-error", offsetof(struct directives, stale_if_error)},
    {"stale-while-revalidate", offsetof(struct directives, stale_while_revalidate)},
};

/* The length of the quoted string that a text begins with, its quotes included; 0: none. */
static size_t quoted_len(const char *text, size_t len)
{
    if (len == 0 || *text != '"')
        return 0;
    for (size_t i = 1; i < len; i++) {
        if (text[i] == '"')
            return i + 1;
        if (text[i] == '\\')
            i++;
    }
    return 0;
}

static void take_argument(struct part *part, const char *text, size_t len)
{
    const size_t quoted = quoted_len(text, len);

    part->argument = quoted > 0 ? text + 1 : text;
    part->argument_len = quoted > 0 ? quoted - 2 : len;
    part->faulty = quoted > 0 ? quoted != len : !text_is_token(text, len);
}

static struct part part_of(const char *text, size_t len)
{
    struct part part = {.name = text};

    while (part.name_len < len && text_is(text[part.name_len], TEXT_TCHAR))
        part.name_len++;
    if (part.name_len < len && text[part.name_len] == '=')
        take_argument(&part, text + part.name_len + 1, len - part.name_len - 1);
    else
        part.faulty = part.name_len < len;
    part.faulty |= part.name_len == 0;
    return part;
}

static bool is_named(const struct part *part, const char *name)
{
    return strlen(name) == part->name_len && strncasecmp(name, part->name, part->name_len) == 0;
}

/* DIRECTIVE_NONE: it cannot be read. A backslash in a quoted string stands for the character behind
 * it. */
static int64_t seconds_of(const struct part *part)
{
    const bool quoted = part->argument != NULL && part->argument[-1] == '"';
    int64_t seconds = 0;
    size_t digits = 0;

    if (part->faulty || part->argument == NULL)
        return DIRECTIVE_NONE;
    for (size_t i = 0; i < part->argument_len; i++) {
        if (quoted && part->argument[i] == '\\')
            i++;
        const char c = part->argument[i];

        if (!text_is(c, TEXT_DIGIT))
            return DIRECTIVE_NONE;
        digits++;
        seconds = seconds * 10 + (c - '0');
        if (seconds > SECONDS_MOST)
            seconds = SECONDS_MOST;
    }
    return digits > 0 ? seconds : DIRECTIVE_NONE;
}

static void note_flag(struct directives *out, const struct part *part)
{
    for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
        const struct flag *flag = &flags[i];
        const bool as_defined = !part->faulty && part->argument == NULL;

        if (is_named(part, flag->name) && (as_defined || !flag->permits))
            *(bool *)((char *)out + flag->offset) = true;
    }
}

static void note_duration(struct directives *out, const struct part *part)
{
    for (size_t i = 0; i < ARRAY_LEN(durations); i++) {
        if (!is_named(part, durations[i].name))
            continue;
        int64_t *value = (int64_t *)(void *)((char *)out + durations[i].offset);
        const int64_t seconds = seconds_of(part);

        out->garbled = out->garbled || seconds == DIRECTIVE_NONE;
        *value = seconds != DIRECTIVE_NONE && (*value == DIRECTIVE_NONE || *value == seconds)
                     ? seconds
                     : 0;
    }
}

void directives_parse(const char *value, struct directives *out)
{
    *out = (struct directives){.max_age = DIRECTIVE_NONE,
                               .s_maxage = DIRECTIVE_NONE,
                               .stale_if_error = DIRECTIVE_NONE,
                               .stale_while_revalidate = DIRECTIVE_NONE};
    for (const char *text = value, *end; text != NULL; text = *end != '\0' ? end + 1 : NULL) {
        const char *trimmed = text;

        end = text_element_end(text);
        size_t len = (size_t)(end - text);
        text_trim(&trimmed, &len);
        if (len == 0)
            continue;
        const struct part part = part_of(trimmed, len);
        out->faulty |= part.faulty;
        note_flag(out, &part);
        note_duration(out, &part);
    }
}
