/*
 * Bytes of a key file are no string: they may hold NUL, and nothing behind them belongs to them.
 */
#include "jose/key_part.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"

bool key_part_is_space(char c)
{
    return text_is(c, TEXT_BLANK) || (c >= '\n' && c <= '\r');
}

struct key_part key_part_trim(struct key_part part)
{
    while (part.len > 0 && key_part_is_space(*part.at)) {
        part.at++;
        part.len--;
    }
    while (part.len > 0 && key_part_is_space(part.at[part.len - 1]))
        part.len--;
    return part;
}

struct key_part key_part_rest(struct key_part part, size_t skip)
{
    return (struct key_part){part.at + skip, part.len - skip};
}

struct key_part key_part_line(struct key_part *part)
{
    struct key_part line = {part->at, 0};

    while (line.len < part->len && part->at[line.len] != '\n' && part->at[line.len] != '\r')
        line.len++;
    *part = key_part_rest(*part, line.len < part->len ? line.len + 1 : line.len);
    return line;
}

bool key_part_starts(struct key_part part, const char *prefix)
{
    size_t len = strlen(prefix);

    return part.len >= len && memcmp(part.at, prefix, len) == 0;
}

bool key_part_starts_ci(struct key_part part, const char *prefix)
{
    size_t len = strlen(prefix);

    return part.len >= len && strncasecmp(part.at, prefix, len) == 0;
}

bool key_part_ends(struct key_part part, const char *suffix)
{
    size_t len = strlen(suffix);

    return part.len >= len && memcmp(part.at + part.len - len, suffix, len) == 0;
}

bool key_part_holds(struct key_part part, const char *text)
{
    return memmem(part.at, part.len, text, strlen(text)) != NULL;
}

/* Most bytes are not the first one: strncasecmp at each would take long. 0x20 tells the cases. */
bool key_part_holds_ci(struct key_part part, const char *text)
{
    for (size_t i = 0; i < part.len; i++) {
        if ((part.at[i] | 0x20) == (*text | 0x20) &&
            key_part_starts_ci(key_part_rest(part, i), text))
            return true;
    }
    return false;
}

size_t key_part_span(struct key_part part, uint32_t classes)
{
    size_t n = 0;

    while (n < part.len && text_is(part.at[n], classes))
        n++;
    return n;
}
