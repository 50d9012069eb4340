/*
 * One pass undoes all kinds at once, for it is not known which one a server used. A text that meets
 * two kinds by chance is undone wrongly then; whoever looks for a text in the result looks for it
 * before, too.
 */
#include "token/unescape.h"

#include <stdint.h>
#include <string.h>

#include "base/check.h"
#include "base/text.h"

/* One escape: its length, and what it stands for. */
struct escape {
    size_t len; /* 0: there is none */
    uint32_t code;
    bool byte; /* the code is a byte, not a character */
};

/* The number of so many digits at least and at most; 0: there is none. */
static size_t read_number(const char *text, size_t len, int base, size_t least, size_t most,
                          uint32_t *number)
{
    size_t i = 0;

    *number = 0;
    for (; i < len && i < most; i++) {
        int digit = text_hex_value(text[i]);
        if (digit < 0 || digit >= base)
            break;
        *number = *number * (uint32_t)base + (uint32_t)digit;
    }
    return i >= least ? i : 0;
}

static struct escape percent(const char *text, size_t len)
{
    struct escape escape = {.byte = true};

    if (read_number(text + 1, len - 1, 16, 2, 2, &escape.code) > 0)
        escape.len = 3;
    return escape;
}

static struct escape backslash(const char *text, size_t len)
{
    struct escape escape = {.len = 0};

    if (len > 1 && strchr("\"\\/", text[1]) != NULL && text[1] != '\0')
        return (struct escape){.len = 2, .code = (unsigned char)text[1]};
    if (len > 1 && text[1] == 'u' && read_number(text + 2, len - 2, 16, 4, 4, &escape.code) > 0)
        escape.len = 6;
    return escape;
}

static struct escape entity(const char *text, size_t len)
{
    static const struct {
        const char *name;
        char c;
    } names[] = {{"&quot;", '"'}, {"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&apos;", '\''}};
    struct escape escape = {.len = 0};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        size_t name = strlen(names[i].name);
        if (len >= name && memcmp(text, names[i].name, name) == 0)
            return (struct escape){.len = name, .code = (unsigned char)names[i].c};
    }
    if (len < 4 || text[1] != '#')
        return escape;
    const bool hex = text[2] == 'x' || text[2] == 'X';
    const size_t start = hex ? 3 : 2;
    size_t digits = read_number(text + start, len - start, hex ? 16 : 10, 1, 5, &escape.code);
    if (digits > 0 && start + digits < len && text[start + digits] == ';')
        escape.len = start + digits + 1;
    return escape;
}

static struct escape escape_at(const char *text, size_t len)
{
    switch (*text) {
    case '%':
        return percent(text, len);
    case '\\':
        return backslash(text, len);
    case '&':
        return entity(text, len);
    default:
        return (struct escape){.len = 0};
    }
}

/* As UTF-8, which is never longer than the escape. Characters over U+FFFF are left in halves. */
static size_t put(char *to, const struct escape *escape)
{
    const uint32_t code = escape->code;

    if (escape->byte || code < 0x80) {
        to[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        to[0] = (char)(0xc0 | code >> 6);
        to[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    to[0] = (char)(0xe0 | (code >> 12 & 0xf));
    to[1] = (char)(0x80 | (code >> 6 & 0x3f));
    to[2] = (char)(0x80 | (code & 0x3f));
    return 3;
}

bool unescape(char *text, size_t *from, size_t *len)
{
    size_t to = 0;
    bool any = false;

    for (size_t i = 0; i < *len;) {
        const struct escape escape = escape_at(text + i, *len - i);
        const size_t origin = from != NULL ? from[i] : 0;
        size_t put_len = 1;

        if (escape.len > 0)
            put_len = put(text + to, &escape);
        else
            text[to] = text[i];
        i += escape.len > 0 ? escape.len : 1;
        any = any || escape.len > 0;
        for (; put_len > 0; put_len--, to++) {
            if (from != NULL)
                from[to] = origin;
        }
    }
    *len = to;
    return any;
}
