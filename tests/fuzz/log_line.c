/* A log line made of a GUID, a message and two values from outside: none can end it or forge one.
 */
#include "fuzz.h"

#include <jansson.h>

#include "base/log_line.h"
#include "base/text.h"

static void check_line(const struct log_line *line)
{
    MUST(line->len >= 1 && line->len <= LOG_LINE_MAX && line->data[line->len - 1] == '\n');
    MUST(text_is_utf8(line->data, line->len));
    for (size_t i = 0; i + 1 < line->len; i++)
        MUST((unsigned char)line->data[i] >= 0x20 && line->data[i] != 0x7f);
}

static void check_json(const struct log_line *line)
{
    json_error_t error;
    json_t *object = json_loadb(line->data, line->len, JSON_REJECT_DUPLICATES, &error);
    MUST(json_is_object(object));
    MUST(strcmp(json_string_value(json_object_get(object, "level")), "warning") == 0);
    json_decref(object);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct piece rest = {(const char *)data, size};
    char *guid = piece_text(piece_until(&rest, '\n'));
    char *message = piece_text(piece_until(&rest, '\n'));
    char *path = piece_text(piece_until(&rest, '\n'));
    char *user = piece_text(rest);
    const struct log_field fields[] = {LOG_TEXT("path", path), LOG_INT("bytes", -5),
                                       LOG_TEXT("user", user), LOG_BOOL("waited", true),
                                       LOG_MS("duration", 1234567)};
    struct log_line line;
    for (int style = 0; style < 4; style++) {
        struct log_style how = {.format = style & 1 ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT,
                                .journal = (style & 2) != 0};
        log_line_make(&line, how, (struct wall_time){.ns = 1700000000 * SECOND}, LOG_LEVEL_WARNING,
                      guid, message, fields, ARRAY_LEN(fields));
        check_line(&line);
        if (how.format == LOG_FORMAT_JSON)
            check_json(&line);
    }
    free(guid);
    free(message);
    free(path);
    free(user);
    return 0;
}
