/*
 * What is known of a value is read from its bytes when somebody asks. The text is valid, so these
 * functions check nothing: a value ends where the bytes say.
 */
#include "base/json_value.h"

#include <string.h>

#include "base/check.h"
#include "base/json_string.h"
#include "base/json_text.h"

static bool is_zero(const char *number, size_t len)
{
    for (size_t i = 0; i < len && number[i] != 'e' && number[i] != 'E'; i++)
        if (number[i] >= '1' && number[i] <= '9')
            return false;
    return true;
}

/* An object or an array without anything in it. */
static bool is_bare(const char *text, size_t len)
{
    size_t at = 1;

    while (json_text_is_space(text[at]))
        at++;
    return at == len - 1;
}

struct json_value json_value_of(const char *text, size_t len)
{
    struct json_value value = {.type = JSON_VALUE_NUMBER, .text = text, .len = len};

    switch (text[0]) {
    case 'n':
        value.type = JSON_VALUE_NULL;
        break;
    case 'f':
        value.type = JSON_VALUE_FALSE;
        break;
    case 't':
        value.type = JSON_VALUE_TRUE;
        value.something = true;
        break;
    case '"':
        value.type = JSON_VALUE_STRING;
        value.something = len > 2;
        break;
    case '[':
        value.type = JSON_VALUE_ARRAY;
        value.something = !is_bare(text, len);
        break;
    case '{':
        value.type = JSON_VALUE_OBJECT;
        value.something = !is_bare(text, len);
        break;
    default:
        value.something = !is_zero(text, len);
        break;
    }
    return value;
}

static struct json_string string_of(const struct json_value *value)
{
    MUST(value->type == JSON_VALUE_STRING);
    return (struct json_string){.text = value->text + 1, .len = value->len - 2, .escaped = true};
}

enum err json_value_string(const struct json_value *value, struct buf *buf)
{
    const struct json_string string = string_of(value);
    struct json_string_reader reader;

    json_string_read(&reader, &string);
    for (int c = json_string_byte(&reader); c >= 0; c = json_string_byte(&reader))
        if (buf_putc(buf, (char)c) != ERR_OK)
            break;
    return buf->err;
}

size_t json_value_string_len(const struct json_value *value)
{
    const struct json_string string = string_of(value);
    struct json_string_reader reader;
    size_t len = 0;

    json_string_read(&reader, &string);
    for (int c = json_string_byte(&reader); c >= 0; c = json_string_byte(&reader))
        len += (c & 0xc0) != 0x80; /* not a byte that continues a character */
    return len;
}

/* ---- what is in an object or an array ---- */

/* `at` is on the opening quote; the result is behind the closing one. */
static const char *string_end(const char *at)
{
    for (at++; *at != '"'; at++)
        at += *at == '\\';
    return at + 1;
}

static const char *container_end(const char *at)
{
    size_t depth = 0;

    do {
        if (*at == '"') {
            at = string_end(at);
            continue;
        }
        depth += (*at == '{' || *at == '[');
        depth -= (*at == '}' || *at == ']');
        at++;
    } while (depth > 0);
    return at;
}

/* The value at *at, which is left behind it. A number or a word ends where the next sign is. */
static struct json_value read_value(const char **at)
{
    const char *begin = *at;

    if (*begin == '"')
        *at = string_end(begin);
    else if (*begin == '{' || *begin == '[')
        *at = container_end(begin);
    else
        while (strchr(",]}", **at) == NULL && !json_text_is_space(**at))
            ++*at;
    return json_value_of(begin, (size_t)(*at - begin));
}

/* Behind white space, and behind the comma or the colon that is in the way. */
static void skip_sign(struct json_value_items *items)
{
    while (json_text_is_space(*items->at) || *items->at == ',' || *items->at == ':')
        items->at++;
}

void json_value_items_init(struct json_value_items *items, const struct json_value *value)
{
    MUST(value->type == JSON_VALUE_OBJECT || value->type == JSON_VALUE_ARRAY);
    *items = (struct json_value_items){
        .at = value->text + 1,
        .end = value->text + value->len - 1,
        .named = value->type == JSON_VALUE_OBJECT,
    };
}

bool json_value_items_next(struct json_value_items *items, struct json_value_item *item)
{
    skip_sign(items);
    if (items->at == items->end)
        return false;
    if (items->named) {
        item->name = read_value(&items->at);
        skip_sign(items);
    }
    item->value = read_value(&items->at);
    return true;
}

void json_value_escape(struct buf *out, const char *text, size_t len)
{
    static const char hex[] = "0123456789ABCDEF";

    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        char escape[] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};

        if (c < 0x20) {
            buf_append(out, escape, sizeof(escape));
        } else {
            if (c == '"' || c == '\\')
                buf_putc(out, '\\');
            buf_putc(out, text[i]);
        }
    }
}
