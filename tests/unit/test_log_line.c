/* base/log_line.h and base/log_ring.h: what a line looks like, and where it waits to be written. */
#include "base/log_line.h"

#include <check.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/log_ring.h"
#include "base/text.h"
#include "suite.h"

/* Lines are made in false time. */
#define NOW ((struct wall_time){.ns = INT64_C(1769903999) * SECOND + 123 * MILLISECOND})
#define STAMP "2026-01-31T23:59:59.123Z"

static const struct log_style text_style = {.format = LOG_FORMAT_TEXT};
static const struct log_style journal_style = {.format = LOG_FORMAT_TEXT, .journal = true};
static const struct log_style json_style = {.format = LOG_FORMAT_JSON, .journal = true};

/* The line as a C string; it holds one newline, at its end. */
static const char *make(struct log_style style, enum log_level level, const char *guid,
                        const char *message, const struct log_field *fields, size_t count)
{
    static struct log_line line;
    static char text[LOG_LINE_MAX + 1];

    log_line_make(&line, style, NOW, level, guid, message, fields, count);
    ck_assert_uint_le(line.len, LOG_LINE_MAX);
    memcpy(text, line.data, line.len);
    text[line.len] = '\0';
    ck_assert_uint_eq(strlen(text), line.len);
    ck_assert_ptr_eq(strchr(text, '\n'), text + line.len - 1);
    ck_assert(text_is_utf8(text, line.len));
    return text;
}

START_TEST(test_text_lines)
{
    static const struct log_field fields[] = {
        {.name = "path", .kind = LOG_FIELD_TEXT, .text = "/api/v1"},
        {.name = "left_out", .kind = LOG_FIELD_TEXT, .text = NULL},
        {.name = "status", .kind = LOG_FIELD_INT, .number = -200},
        {.name = "waited", .kind = LOG_FIELD_BOOL, .number = 1},
        {.name = "retried", .kind = LOG_FIELD_BOOL, .number = 0},
        {.name = "ms", .kind = LOG_FIELD_MS, .number = 12 * MILLISECOND + 34999},
        {.name = "minus", .kind = LOG_FIELD_MS, .number = -5000},
        {.name = "least", .kind = LOG_FIELD_MS, .number = INT64_MIN},
        {.name = "user", .kind = LOG_FIELD_TEXT, .text = "a b"},
        {.name = "empty", .kind = LOG_FIELD_TEXT, .text = ""},
    };

    ck_assert_str_eq(make(text_style, LOG_LEVEL_INFO, "g-1", "hello", NULL, 0),
                     STAMP " info GUID: g-1 - hello\n");
    ck_assert_str_eq(make(text_style, LOG_LEVEL_DEBUG, NULL, "hello", NULL, 0),
                     STAMP " debug hello\n");
    ck_assert_str_eq(make(text_style, LOG_LEVEL_NOTICE, "", "", NULL, 0), STAMP " notice \n");
    ck_assert_str_eq(make(text_style, LOG_LEVEL_WARNING, NULL, "m", fields, ARRAY_LEN(fields)),
                     STAMP " warning m path=/api/v1 status=-200 waited=true retried=false "
                           "ms=12.034 minus=-0.005 least=-9223372036854.775 user=\"a b\" "
                           "empty=\"\"\n");
}
END_TEST

START_TEST(test_journal_priorities)
{
    static const char *const expected[] = {
        [LOG_LEVEL_DEBUG] = "<7>m\n",   [LOG_LEVEL_INFO] = "<6>m\n",  [LOG_LEVEL_NOTICE] = "<5>m\n",
        [LOG_LEVEL_WARNING] = "<4>m\n", [LOG_LEVEL_ERROR] = "<3>m\n",
    };

    for (size_t i = 0; i < ARRAY_LEN(expected); i++)
        ck_assert_str_eq(make(journal_style, (enum log_level)i, NULL, "m", NULL, 0), expected[i]);
    ck_assert_str_eq(make(journal_style, LOG_LEVEL_INFO, "g", "m", NULL, 0), "<6>GUID: g - m\n");
}
END_TEST

START_TEST(test_json_lines)
{
    static const struct log_field fields[] = {
        {.name = "path", .kind = LOG_FIELD_TEXT, .text = "/a"},
        {.name = "left_out", .kind = LOG_FIELD_TEXT, .text = NULL},
        {.name = "status", .kind = LOG_FIELD_INT, .number = 200},
        {.name = "waited", .kind = LOG_FIELD_BOOL, .number = 1},
        {.name = "ms", .kind = LOG_FIELD_MS, .number = 1500 * MICROSECOND},
    };

    ck_assert_str_eq(make(json_style, LOG_LEVEL_ERROR, NULL, "hello", NULL, 0),
                     "{\"time\":\"" STAMP "\",\"level\":\"error\",\"message\":\"hello\"}\n");
    ck_assert_str_eq(make(json_style, LOG_LEVEL_INFO, "g-1", "m", fields, ARRAY_LEN(fields)),
                     "{\"time\":\"" STAMP
                     "\",\"level\":\"info\",\"guid\":\"g-1\",\"message\":\"m\","
                     "\"path\":\"/a\",\"status\":200,\"waited\":true,\"ms\":1.500}\n");
}
END_TEST

/* What comes from outside, as a message in text, as a field in text, and in JSON. */
static const struct {
    const char *raw;
    const char *message, *field, *json;
} escapes[] = {
    {"plain", "plain", "plain", "plain"},
    {"two words", "two words", "\"two words\"", "two words"},
    {"a=b", "a=b", "\"a=b\"", "a=b"},
    {"caf\xc3\xa9", "caf\xc3\xa9", "\"caf\xc3\xa9\"", "caf\xc3\xa9"},
    {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80", "\"\xf0\x9f\x98\x80\"", "\xf0\x9f\x98\x80"},
    {"a\r\nb", "a\\r\\nb", "\"a\\r\\nb\"", "a\\r\\nb"},
    {"a\tb", "a\\tb", "\"a\\tb\"", "a\\tb"},
    {"\x01\x1f", "\\x01\\x1f", "\"\\x01\\x1f\"", "\\u0001\\u001f"},
    {"\x1b[2J", "\\x1b[2J", "\"\\x1b[2J\"", "\\u001b[2J"},
    {"\x7f", "\\x7f", "\"\\x7f\"", "\\u007f"},
    {"say \"hi\"", "say \"hi\"", "\"say \\\"hi\\\"\"", "say \\\"hi\\\""},
    {"\"", "\"", "\"\\\"\"", "\\\""},
    {"a\\nb", "a\\\\nb", "\"a\\\\nb\"", "a\\\\nb"},
    {"\\", "\\\\", "\"\\\\\"", "\\\\"},
    {"\xc2\x85", "\\u0085", "\"\\u0085\"", "\\u0085"},     /* NEL */
    {"\xc2\x9b", "\\u009b", "\"\\u009b\"", "\\u009b"},     /* CSI */
    {"\xe2\x80\xa8", "\\u2028", "\"\\u2028\"", "\\u2028"}, /* line separator */
    {"\xe2\x80\xa9", "\\u2029", "\"\\u2029\"", "\\u2029"}, /* paragraph separator */
    {"\xe2\x80\xae", "\\u202e", "\"\\u202e\"", "\\u202e"}, /* right to left */
    {"\xef\xbb\xbf", "\\ufeff", "\"\\ufeff\"", "\\ufeff"},
    {"\xff", "\\xff", "\"\\xff\"", "\\ufffd"},
    {"\xc0\x8a", "\\xc0\\x8a", "\"\\xc0\\x8a\"", "\\ufffd\\ufffd"}, /* overlong LF */
    {"\xed\xa0\x80", "\\xed\\xa0\\x80", "\"\\xed\\xa0\\x80\"", "\\ufffd\\ufffd\\ufffd"},
    {"ok\xe2\x82", "ok\\xe2\\x82", "\"ok\\xe2\\x82\"", "ok\\ufffd\\ufffd"},
};

START_TEST(test_escaping)
{
    for (size_t i = 0; i < ARRAY_LEN(escapes); i++) {
        struct log_field field = LOG_TEXT("f", escapes[i].raw);
        char expected[256];

        snprintf(expected, sizeof(expected), "<6>GUID: %s - %s f=%s\n", escapes[i].message,
                 escapes[i].message, escapes[i].field);
        ck_assert_str_eq(
            make(journal_style, LOG_LEVEL_INFO, escapes[i].raw, escapes[i].raw, &field, 1),
            expected);
        snprintf(expected, sizeof(expected),
                 "{\"time\":\"" STAMP "\",\"level\":\"info\",\"guid\":\"%s\",\"message\":\"%s\","
                 "\"f\":\"%s\"}\n",
                 escapes[i].json, escapes[i].json, escapes[i].json);
        ck_assert_str_eq(
            make(json_style, LOG_LEVEL_INFO, escapes[i].raw, escapes[i].raw, &field, 1), expected);
    }
}
END_TEST

/* Each byte there is, on its own and between letters: one line, and JSON that parses. */
START_TEST(test_escaping_of_every_byte)
{
    for (int c = 1; c < 256; c++) {
        char raw[] = {'a', (char)c, 'b', (char)c, '\0'};
        struct log_field fields[] = {LOG_TEXT("f", raw), LOG_TEXT("g", raw + 3)};

        make(text_style, LOG_LEVEL_INFO, raw, raw, fields, 2);
        const char *line = make(json_style, LOG_LEVEL_INFO, raw, raw, fields, 2);
        json_t *json = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
        ck_assert_msg(json != NULL, "byte %02x: %s", (unsigned)c, line);
        ck_assert_uint_eq(json_object_size(json), 6);
        if (c < 0x80)
            ck_assert_str_eq(json_string_value(json_object_get(json, "f")), raw);
        json_decref(json);
    }
}
END_TEST

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);

    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

START_TEST(test_long_text_is_cut)
{
    static const char *const units[] = {"x", "\n", "\xff", "\"", "\xc3\xa9", "\xf0\x9f\x98\x80"};

    for (size_t u = 0; u < ARRAY_LEN(units); u++) {
        size_t unit = strlen(units[u]);
        static char raw[40001];

        for (size_t i = 0; i < 10000; i++)
            memcpy(raw + i * unit, units[u], unit);
        raw[10000 * unit] = '\0';
        struct log_field fields[] = {LOG_TEXT("f", raw), LOG_INT("status", 200)};

        const char *line = make(journal_style, LOG_LEVEL_INFO, raw, raw, fields, 2);
        ck_assert_ptr_nonnull(strstr(line, "[cut] - "));
        ck_assert(ends_with(line, "[cut]\" status=200\n"));
        ck_assert_uint_gt(strlen(line), LOG_MESSAGE_MAX + LOG_VALUE_MAX);

        line = make(json_style, LOG_LEVEL_INFO, raw, raw, fields, 2);
        ck_assert(ends_with(line, "[cut]\",\"status\":200}\n"));
        json_t *json = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
        ck_assert_ptr_nonnull(json);
        json_decref(json);
    }
}
END_TEST

START_TEST(test_fields_that_do_not_fit_are_left_out)
{
    char value[LOG_VALUE_MAX];
    struct log_field fields[10];
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"};

    memset(value, 'v', sizeof(value) - 1);
    value[sizeof(value) - 1] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        fields[i] = LOG_TEXT(names[i], value);
    /* Each length of the message puts the line's end at another place. */
    for (size_t len = 0; len < 1100; len++) {
        char message[1101];

        memset(message, 'm', len);
        message[len] = '\0';
        ck_assert(
            ends_with(make(text_style, LOG_LEVEL_INFO, NULL, message, fields, 10), " [cut]\n"));
        const char *line = make(json_style, LOG_LEVEL_INFO, NULL, message, fields, 10);
        ck_assert(ends_with(line, ",\"cut\":true}\n"));
        json_t *json = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
        ck_assert_ptr_nonnull(json);
        ck_assert_str_eq(json_string_value(json_object_get(json, "a")), value);
        json_decref(json);
    }
}
END_TEST

/* Records for the journal */

/*
 * The record's datagram as a C string: each line of it is NAME=VALUE. The line that stderr gets
 * instead of the record must be the line in the format text.
 */
static const char *make_record(bool journal, enum log_level level, const char *guid,
                               const char *message, const struct log_field *fields, size_t count)
{
    static struct log_line line;
    struct log_style style = {.format = LOG_FORMAT_JOURNAL, .journal = journal};

    log_line_make(&line, style, NOW, level, guid, message, fields, count);
    ck_assert_uint_le(line.len, LOG_RECORD_MAX);
    ck_assert_int_eq(line.data[0], LOG_RECORD_START);
    ck_assert_uint_eq(strlen(line.data), line.len - 1);
    ck_assert_ptr_null(strchr(line.data + 1, LOG_RECORD_START));
    char *body = strchr(line.data, LOG_RECORD_BODY) + 1;
    ck_assert_ptr_null(strchr(body, LOG_RECORD_BODY));
    ck_assert_int_eq(strncmp(body, LOG_RECORD_MESSAGE, strlen(LOG_RECORD_MESSAGE)), 0);
    ck_assert_int_eq(line.data[line.len - 2], '\n');

    const char *text =
        make(journal ? journal_style : text_style, level, guid, message, fields, count);
    size_t prefix = (size_t)(body - 1 - (line.data + 1));
    ck_assert_int_eq(memcmp(text, line.data + 1, prefix), 0);
    const char *told = body + strlen(LOG_RECORD_MESSAGE);
    ck_assert_int_eq(memcmp(text + prefix, told, strcspn(told, "\n") + 1), 0);
    ck_assert_uint_eq(strlen(text), prefix + strcspn(told, "\n") + 1);
    return body;
}

#define OURS "SYSLOG_FACILITY=3\nSYSLOG_IDENTIFIER=postcoded\n"

START_TEST(test_journal_records)
{
    static const struct log_field fields[] = {
        LOG_TEXT("client", "[::1]:80"), LOG_INT("status", 200),
        LOG_TEXT("code", "ok"),         LOG_TEXT("reason", NULL),
        LOG_TEXT("user", "a \"b\" c"),  LOG_TEXT("upstream", "location"),
        LOG_TEXT("cache", "joined"),    LOG_TEXT("flight", "g-2"),
        LOG_TEXT("empty", ""),          LOG_MS("duration_ms", 12 * MILLISECOND + 34999),
        LOG_MS("upstream_ms", 0),       LOG_MS("for_ms", -5000),
        LOG_MS("least", INT64_MIN),     LOG_BOOL("waited_for_token", true),
        LOG_INT("retries", -1),
    };

    ck_assert_str_eq(
        make_record(false, LOG_LEVEL_INFO, "g-1", "request", fields, ARRAY_LEN(fields)),
        "MESSAGE=GUID: g-1 - request client=[::1]:80 status=200 code=ok user=\"a \\\"b\\\" c\" "
        "upstream=location cache=joined flight=g-2 empty=\"\" duration_ms=12.034 upstream_ms=0.000 "
        "for_ms=-0.005 "
        "least=-9223372036854.775 waited_for_token=true retries=-1\n"
        "PRIORITY=6\n" OURS "GUID=g-1\nPOSTCODED_CLIENT=[::1]:80\nSTATUS=200\nCODE=ok\n"
        "POSTCODED_USER=a \"b\" c\nUPSTREAM=location\nCACHE=joined\nFLIGHT=g-2\n"
        "POSTCODED_EMPTY=\nDURATION_USEC=12034\n"
        "POSTCODED_UPSTREAM_USEC=0\nPOSTCODED_FOR_USEC=-5\n"
        "POSTCODED_LEAST_USEC=-9223372036854775\nPOSTCODED_WAITED_FOR_TOKEN=true\n"
        "POSTCODED_RETRIES=-1\n");
    ck_assert_str_eq(make_record(true, LOG_LEVEL_ERROR, NULL, "m", NULL, 0),
                     "MESSAGE=m\nPRIORITY=3\n" OURS);
    ck_assert_str_eq(make_record(true, LOG_LEVEL_DEBUG, "", "", NULL, 0),
                     "MESSAGE=\nPRIORITY=7\n" OURS);
}
END_TEST

static size_t count_lines(const char *text)
{
    size_t lines = 0;

    for (; *text != '\0'; text++)
        lines += *text == '\n';
    return lines;
}

/* Nothing from outside ends a value: a record has as many lines as it has fields. */
START_TEST(test_journal_records_are_escaped)
{
    for (size_t i = 0; i < ARRAY_LEN(escapes); i++) {
        struct log_field field = LOG_TEXT("f", escapes[i].raw);
        char expected[256];

        snprintf(expected, sizeof(expected), "\nGUID=%s\nPOSTCODED_F=%s\n", escapes[i].message,
                 escapes[i].message);
        const char *body =
            make_record(true, LOG_LEVEL_INFO, escapes[i].raw, escapes[i].raw, &field, 1);
        ck_assert_ptr_nonnull(strstr(body, expected));
        ck_assert_uint_eq(count_lines(body), 6);
    }
    for (int c = 1; c < 256; c++) {
        char raw[] = {(char)c, 'b', (char)c, '\0'};
        struct log_field field = LOG_TEXT("f", raw);

        ck_assert_uint_eq(count_lines(make_record(true, LOG_LEVEL_INFO, raw, raw, &field, 1)), 6);
    }
}
END_TEST

/* However long the text is, the fields behind it are there. */
START_TEST(test_journal_records_are_bounded)
{
    static char raw[40001];
    struct log_field fields[6]; /* more of such values do not fit */

    memset(raw, 'x', sizeof(raw) - 1);
    for (size_t i = 0; i + 1 < ARRAY_LEN(fields); i++)
        fields[i] = LOG_TEXT("f", raw);
    fields[ARRAY_LEN(fields) - 1] = LOG_INT("status", 200);
    for (size_t len = 0; len < 5000; len += 7) {
        const char *body = make_record(false, LOG_LEVEL_INFO, raw, raw + sizeof(raw) - 1 - len,
                                       fields, ARRAY_LEN(fields));
        ck_assert(ends_with(body, "[cut]\nSTATUS=200\n"));
        ck_assert_uint_eq(count_lines(body), 5 + ARRAY_LEN(fields));
    }
}
END_TEST

/* The ring */

START_TEST(test_ring)
{
    struct log_ring *ring = log_ring_new();
    struct iovec pieces[2];
    char line[1000], back[1000];
    uint64_t put = 0, taken = 0;

    ck_assert_int_eq(log_ring_peek(ring, pieces), 0);
    for (int round = 0; round < 2000; round++) {
        size_t len = 1 + (size_t)(round * 37) % (sizeof(line) - 1);

        for (size_t i = 0; i < len; i++)
            line[i] = (char)((put + i) % 251);
        if (!log_ring_put(ring, line, len)) {
            /* Full: half of it is taken, byte by byte right. */
            int count = log_ring_peek(ring, pieces);
            size_t there = pieces[0].iov_len + (count > 1 ? pieces[1].iov_len : 0);

            ck_assert(log_ring_is_high(ring));
            ck_assert_uint_eq(there, put - taken);
            ck_assert_uint_gt(there + len, LOG_RING_SIZE);
            for (size_t i = 0; i < there; i++) {
                const char *at = i < pieces[0].iov_len
                                     ? (const char *)pieces[0].iov_base + i
                                     : (const char *)pieces[1].iov_base + i - pieces[0].iov_len;

                back[0] = *at;
                ck_assert_int_eq(back[0], (char)((taken + i) % 251));
            }
            log_ring_drop(ring, there / 2);
            taken += there / 2;
        } else {
            put += len;
        }
    }
    ck_assert_uint_gt(put, 3 * LOG_RING_SIZE);
    log_ring_close(ring);
    ck_assert(!log_ring_is_spent(ring));
    log_ring_drop(ring, put - taken);
    ck_assert(log_ring_is_spent(ring));
    log_ring_unref(ring);
}
END_TEST

START_TEST(test_ring_is_full_to_the_last_byte)
{
    struct log_ring *ring = log_ring_new();
    struct iovec pieces[2];
    static char line[LOG_RING_SIZE + 1];

    ck_assert(!log_ring_put(ring, line, LOG_RING_SIZE + 1));
    ck_assert(log_ring_put(ring, line, LOG_RING_SIZE - 1));
    ck_assert(!log_ring_put(ring, "ab", 2));
    ck_assert(log_ring_put(ring, "a", 1));
    ck_assert(!log_ring_put(ring, "b", 1));
    log_ring_drop(ring, 1);
    ck_assert(log_ring_put(ring, "b", 1));
    ck_assert_int_eq(log_ring_peek(ring, pieces), 2);
    ck_assert_uint_eq(pieces[0].iov_len, LOG_RING_SIZE - 1);
    ck_assert_uint_eq(pieces[1].iov_len, 1);
    ck_assert_int_eq(*(const char *)pieces[1].iov_base, 'b');
    log_ring_unref(ring);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("log_line");
    TCase *tcase = tcase_create("log_line");

    tcase_set_timeout(tcase, 30);
    tcase_add_test(tcase, test_text_lines);
    tcase_add_test(tcase, test_journal_priorities);
    tcase_add_test(tcase, test_json_lines);
    tcase_add_test(tcase, test_escaping);
    tcase_add_test(tcase, test_escaping_of_every_byte);
    tcase_add_test(tcase, test_long_text_is_cut);
    tcase_add_test(tcase, test_fields_that_do_not_fit_are_left_out);
    tcase_add_test(tcase, test_journal_records);
    tcase_add_test(tcase, test_journal_records_are_escaped);
    tcase_add_test(tcase, test_journal_records_are_bounded);
    tcase_add_test(tcase, test_ring);
    tcase_add_test(tcase, test_ring_is_full_to_the_last_byte);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
