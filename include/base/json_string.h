/*
 * The characters of a JSON string that is known to be valid: what its bytes stand for, escapes
 * decoded. Private to json_names.c and json_scan.c.
 *
 * `text` is what is between the quotes. Any thread.
 */
#ifndef BASE_JSON_STRING_H
#define BASE_JSON_STRING_H

#include <stdbool.h>
#include <stddef.h>

struct json_string {
    const char *text;
    size_t len;
    bool escaped; /* its backslashes begin escapes; else all bytes stand for themselves */
};

/* Reads the decoded bytes one after the other. */
struct json_string_reader {
    const char *at;
    const char *end;
    bool escaped;
    unsigned char bytes[4]; /* of the present character */
    size_t len;
    size_t next;
};

void json_string_read(struct json_string_reader *reader, const struct json_string *string);
/* The next byte in UTF-8; -1 at the end. */
int json_string_byte(struct json_string_reader *reader);

/* As memcmp and strcmp do, by the decoded bytes. */
int json_string_compare(const struct json_string *a, const struct json_string *b);

#endif
