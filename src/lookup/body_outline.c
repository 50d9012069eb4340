/*
 * The shape of a body, for the operator who has to write a pointer into it. It goes to a terminal,
 * and perhaps from there into a report: names, types and lengths, never a value. A body may have
 * any names, so they are escaped and cut.
 */
#include "lookup/body.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/check.h"
#include "base/json_scan.h"
#include "base/json_value.h"
#include "base/text.h"

/* Members that are shown, and bytes of a name; with BODY_OUTLINE_MAX in mind. */
#define MEMBERS_SHOWN 16
#define NAME_SHOWN 40

/* ---- what is no JSON ---- */

static bool begins_with(const char *body, size_t len, const char *text)
{
    return len >= strlen(text) && strncasecmp(body, text, strlen(text)) == 0;
}

static bool is_html(const char *body, size_t len)
{
    while (len > 0 && strchr(" \t\r\n", *body) != NULL && *body != '\0') {
        body++;
        len--;
    }
    return begins_with(body, len, "<!doctype html") || begins_with(body, len, "<html");
}

/* ---- its values ---- */

static size_t count_items(const struct json_value *value)
{
    struct json_value_items items;
    struct json_value_item item;
    size_t count = 0;

    json_value_items_init(&items, value);
    while (json_value_items_next(&items, &item))
        count++;
    return count;
}

/* `a` and `an` are "" or the article. */
static void put_type(struct buf *out, const struct json_value *value, const char *a, const char *an)
{
    switch (value->type) {
    case JSON_VALUE_NULL:
        buf_puts(out, "null");
        break;
    case JSON_VALUE_FALSE:
    case JSON_VALUE_TRUE: /* which of them is a value */
        buf_printf(out, "%sboolean", a);
        break;
    case JSON_VALUE_NUMBER:
        buf_printf(out, "%snumber", a);
        break;
    case JSON_VALUE_STRING:
        buf_printf(out, "%sstring of %zu", a, json_value_string_len(value));
        break;
    case JSON_VALUE_ARRAY:
        buf_printf(out, "%sarray of %zu", an, count_items(value));
        break;
    case JSON_VALUE_OBJECT:
        buf_printf(out, "%sobject", an);
        break;
    }
}

/* ---- its names ---- */

static void put_character(struct buf *out, uint32_t code)
{
    if (code >= 0x20 && code < 0x7f)
        buf_putc(out, (char)code);
    else if (code < 0x10000)
        buf_printf(out, "\\u%04x", code);
    else
        buf_printf(out, "\\u{%x}", code);
}

static void put_name(struct buf *out, const struct json_value *name)
{
    struct buf decoded;
    const char *at;
    size_t left, begin = out->len;

    buf_init(&decoded, name->len);
    ERR_IGNORED(json_value_string(name, &decoded)); /* without memory it is cut */
    at = buf_text(&decoded);
    left = decoded.len;
    while (left > 0 && out->err == ERR_OK) {
        uint32_t code;
        size_t len = text_utf8_next(at, left, &code);

        if (len == 0 || out->len - begin >= NAME_SHOWN)
            break;
        put_character(out, code);
        at += len;
        left -= len;
    }
    if (left > 0)
        buf_puts(out, "...");
    buf_fini(&decoded);
}

static void put_members(struct buf *out, const struct json_value *object)
{
    struct json_value_items items;
    struct json_value_item item;
    size_t count = 0;

    json_value_items_init(&items, object);
    while (json_value_items_next(&items, &item)) {
        if (count++ >= MEMBERS_SHOWN)
            continue;
        if (count > 1)
            buf_puts(out, ", ");
        put_name(out, &item.name);
        buf_puts(out, " (");
        put_type(out, &item.value, "", "");
        buf_puts(out, ")");
    }
    if (count > MEMBERS_SHOWN)
        buf_printf(out, ", and %zu more", count - MEMBERS_SHOWN);
    if (count == 0)
        buf_puts(out, "an empty object");
}

void body_outline(const char *body, size_t len, struct buf *out)
{
    static const struct json_pointer whole = {.text = ""};
    const struct json_pointer *const pointers[] = {&whole};
    struct json_scan_result result;
    struct reason reason;

    if (json_scan(body, len, pointers, ARRAY_LEN(pointers), &result, &reason) != ERR_OK)
        buf_puts(out, is_html(body, len) ? "an HTML page" : reason.text);
    else if (result.value.type == JSON_VALUE_OBJECT)
        put_members(out, &result.value);
    else
        put_type(out, &result.value, "a ", "an ");
}
