/*
 * A string is decoded byte by byte where it is needed, and most strings never are: the scanner has
 * checked the escapes, and their meaning matters for names and for the few values that are used.
 */
#include "base/json_string.h"

#include <stdint.h>
#include <string.h>

#include "base/text.h"

void json_string_read(struct json_string_reader *reader, const struct json_string *string)
{
    *reader = (struct json_string_reader){
        .at = string->text,
        .end = string->text + string->len,
        .escaped = string->escaped,
    };
}

/* The four digits of a \u escape. */
static uint32_t unit(struct json_string_reader *reader)
{
    uint32_t unit = 0;

    for (int i = 0; i < 4; i++)
        unit = unit << 4 | (uint32_t)text_hex_value(*reader->at++);
    return unit;
}

static void encode(struct json_string_reader *reader, uint32_t code)
{
    unsigned char *bytes = reader->bytes;

    reader->len = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = reader->len - 1; i > 0; i--) {
        bytes[i] = (unsigned char)(0x80 | (code & 0x3f));
        code >>= 6;
    }
    static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    bytes[0] = (unsigned char)(lead[reader->len] | code);
}

/* Behind a backslash. */
static void decode(struct json_string_reader *reader)
{
    static const char letters[] = "bfnrt";
    static const char meanings[] = "\b\f\n\r\t";
    char c = *reader->at++;
    const char *letter = strchr(letters, c);
    uint32_t code = (unsigned char)(letter != NULL ? meanings[letter - letters] : c);

    if (c == 'u') {
        code = unit(reader);
        if (code >= 0xd800 && code <= 0xdbff) {
            reader->at += 2; /* the \u of the second half */
            code = 0x10000 + ((code - 0xd800) << 10) + (unit(reader) - 0xdc00);
        }
    }
    encode(reader, code);
    reader->next = 0;
}

int json_string_byte(struct json_string_reader *reader)
{
    if (reader->next < reader->len)
        return reader->bytes[reader->next++];
    if (reader->at == reader->end)
        return -1;
    char c = *reader->at++;
    if (c != '\\' || !reader->escaped)
        return (unsigned char)c;
    decode(reader);
    return reader->bytes[reader->next++];
}

static int compare_plain(const struct json_string *a, const struct json_string *b)
{
    size_t len = a->len < b->len ? a->len : b->len;
    int order = memcmp(a->text, b->text, len);

    return order != 0 ? order : (a->len > b->len) - (a->len < b->len);
}

int json_string_compare(const struct json_string *a, const struct json_string *b)
{
    struct json_string_reader of_a, of_b;
    int from_a, from_b;

    if (!a->escaped && !b->escaped)
        return compare_plain(a, b);
    json_string_read(&of_a, a);
    json_string_read(&of_b, b);
    do {
        from_a = json_string_byte(&of_a);
        from_b = json_string_byte(&of_b);
    } while (from_a == from_b && from_a >= 0);
    return from_a - from_b;
}
