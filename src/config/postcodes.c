/*
 * How postcodes begin, as people write it: BT*, bt and "B T" are the same. What is kept is what a
 * postcode is compared with, letters and digits in upper case. There are no patterns: a `*` stands
 * for the rest of a postcode, and so at the end alone.
 */
#include "config/postcodes.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"

/* One entry of the list, taken over; what is left of it is what is compared. */
static bool judge(const struct input *in, const char *written, size_t len, size_t kept)
{
    if (len == 0 && *written == '*')
        return input_wrong(in, "a * alone stands for all postcodes; leave postcodes out for that");
    if (len == 0)
        return input_wrong(in, "has an empty entry; remove the comma");
    if (memchr(written, '*', len) != NULL)
        return input_wrong(in, "\"%s\" has a * that is not at its end; write a beginning, as BT*",
                           written);
    if (!text_is_all(written, len, TEXT_ALNUM | TEXT_SPACE | TEXT_HYPHEN) || kept == 0)
        return input_wrong(in,
                           "\"%s\" begins no postcode, which is made of letters and digits; write "
                           "one such as BT*",
                           written);
    if (kept > CONFIG_POSTCODES_MAX)
        return input_wrong(in, "\"%s\" begins no postcode, which has at most %d letters and digits",
                           written, CONFIG_POSTCODES_MAX);
    return true;
}

/* In place; the length that is left. */
static size_t compact(char *text, size_t len)
{
    size_t kept = 0;

    for (size_t i = 0; i < len; i++) {
        const char c = text[i];
        if (text_is(c, TEXT_ALNUM))
            text[kept++] = text_is(c, TEXT_LOWER) ? (char)(c - 'a' + 'A') : c;
    }
    text[kept] = '\0';
    return kept;
}

/* Puts an entry in the list; false with a fault made. */
static bool take(const struct input *in, char *item, struct config_list *out, struct buf *shown)
{
    size_t len = strlen(item);
    char *written = mem_strdup(item);

    if (len > 0 && item[len - 1] == '*')
        len--;
    const bool good = judge(in, written, len, compact(item, len));
    mem_free(written);
    out->items = mem_grow(out->items, out->count, sizeof(*out->items));
    out->items[out->count++] = item;
    if (good)
        buf_printf(shown, "%s%s*", out->count > 1 ? ", " : "", item);
    return good;
}

bool postcodes_parse(const struct input *in, void *field, struct buf *shown)
{
    struct config_list *out = field;
    const char *rest = in->text;
    char *item;

    if ((int64_t)strlen(in->text) > in->key->max)
        return input_out_of_range(in);
    while ((item = input_next_item(&rest)) != NULL) {
        if (!take(in, item, out, shown))
            return false;
    }
    out->items = mem_grow(out->items, out->count, sizeof(*out->items));
    out->items[out->count] = NULL;
    return true;
}
