/*
 * A form is short and read a few times, so nothing is kept: each question walks the text anew.
 */
#include "form.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"

struct pair {
    const char *name;
    size_t name_len;
    const char *value;
    size_t value_len;
};

/* The pair at *cursor, which moves past it; false at the end. Empty pairs ("&&") are passed over.
 */
static bool next_pair(const char **cursor, struct pair *pair)
{
    const char *at = *cursor + strspn(*cursor, "&");
    size_t len = strcspn(at, "&");
    if (len == 0)
        return false;
    const char *equals = memchr(at, '=', len);
    pair->name = at;
    pair->name_len = equals != NULL ? (size_t)(equals - at) : len;
    pair->value = equals != NULL ? equals + 1 : at + len;
    pair->value_len = (size_t)(at + len - pair->value);
    *cursor = at + len;
    return true;
}

static int hex(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c != '\0' ? strchr(digits, tolower((unsigned char)c)) : NULL;
    return at != NULL ? (int)(at - digits) : -1;
}

char *form_decode(const char *text, size_t len)
{
    char *out = must_calloc(1, len + 1);
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        char c = text[i] == '+' ? ' ' : text[i];
        if (c == '%') {
            int high = i + 2 < len ? hex(text[i + 1]) : -1;
            int low = i + 2 < len ? hex(text[i + 2]) : -1;
            if (high < 0 || low < 0 || high + low == 0)
                goto broken;
            c = (char)(high << 4 | low);
            i += 2;
        }
        out[n++] = c;
    }
    return out;
broken:
    free(out);
    return NULL;
}

static bool name_is(const struct pair *pair, const char *name)
{
    char *decoded = form_decode(pair->name, pair->name_len);
    bool same = decoded != NULL && strcmp(decoded, name) == 0;
    free(decoded);
    return same;
}

static size_t count(const char *form, const char *name)
{
    struct pair pair;
    size_t n = 0;
    while (next_pair(&form, &pair))
        n += name_is(&pair, name);
    return n;
}

bool form_is_valid(const char *form)
{
    struct pair pair;
    const char *cursor = form;
    bool valid = true;
    while (valid && next_pair(&cursor, &pair)) {
        char *name = form_decode(pair.name, pair.name_len);
        char *value = form_decode(pair.value, pair.value_len);
        valid = name != NULL && value != NULL && count(form, name) == 1;
        free(name);
        free(value);
    }
    return valid;
}

bool form_has(const char *form, const char *name)
{
    return count(form, name) > 0;
}

char *form_get(const char *form, const char *name)
{
    struct pair pair;
    while (next_pair(&form, &pair)) {
        if (name_is(&pair, name))
            return form_decode(pair.value, pair.value_len);
    }
    return NULL;
}
