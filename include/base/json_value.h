/*
 * A value in a JSON text that json_scan.h has found to be valid: a reference to its bytes.
 *
 * Any thread. All that is here is borrowed from the text.
 */
#ifndef BASE_JSON_VALUE_H
#define BASE_JSON_VALUE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

enum json_value_type {
    JSON_VALUE_NULL,
    JSON_VALUE_FALSE,
    JSON_VALUE_TRUE,
    JSON_VALUE_NUMBER,
    JSON_VALUE_STRING,
    JSON_VALUE_ARRAY,
    JSON_VALUE_OBJECT,
};

struct json_value {
    enum json_value_type type;
    bool something;   /* not null, false, a number equal to 0, "", [] or {} */
    const char *text; /* its bytes, quotes and brackets included */
    size_t len;
};

/* The value that has these bytes: one value of a valid text, without white space around it. */
struct json_value json_value_of(const char *text, size_t len);

/*
 * Appends what a string stands for: its characters, escapes decoded, in UTF-8. It may hold NULs.
 * The result is that of buf_append.
 */
ERR_CHECKED enum err json_value_string(const struct json_value *value, struct buf *buf);

/* How many characters (code points) a string has. */
size_t json_value_string_len(const struct json_value *value);

/* The members of an object, or the elements of an array, in the order of the text. */
struct json_value_items {
    const char *at; /* private */
    const char *end;
    bool named;
};

struct json_value_item {
    struct json_value name; /* a string; not set for an element of an array */
    struct json_value value;
};

/* `value` is an object or an array. */
void json_value_items_init(struct json_value_items *items, const struct json_value *value);
/* False: there are no more. */
bool json_value_items_next(struct json_value_items *items, struct json_value_item *item);

/*
 * The opposite: appends a UTF-8 text as it stands inside of a JSON string (RFC 8259, section 7).
 * The buffer's error is that of buf_append.
 */
void json_value_escape(struct buf *out, const char *text, size_t len);

#endif
