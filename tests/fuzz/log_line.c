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

/* A record for the journal: marks only at its ends, and a line for each field. */
static void check_record(const struct log_line *line, size_t fields)
{
    size_t lines = 0;
    size_t bodies = 0;

    MUST(line->len >= 3 && line->len <= LOG_RECORD_MAX);
    MUST(line->data[0] == LOG_RECORD_START && line->data[line->len - 1] == LOG_RECORD_END);
    MUST(line->data[line->len - 2] == '\n' && text_is_utf8(line->data, line->len - 1));
    for (size_t i = 1; i + 1 < line->len; i++) {
        lines += line->data[i] == '\n';
        bodies += line->data[i] == LOG_RECORD_BODY;
        MUST((unsigned char)line->data[i] >= 0x20 || line->data[i] == '\n' ||
             line->data[i] == LOG_RECORD_BODY);
    }
    MUST(lines == fields && bodies == 1);
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
    log_line_make(&line, (struct log_style){.format = LOG_FORMAT_JOURNAL},
                  (struct wall_time){.ns = 1700000000 * SECOND}, LOG_LEVEL_WARNING, guid, message,
                  fields, ARRAY_LEN(fields));
    check_record(&line, (*guid != '\0' ? 5 : 4) + ARRAY_LEN(fields));
    free(guid);
    free(message);
    free(path);
    free(user);
    return 0;
}
