/*
 * What a log line looks like, and the one place where text from outside is made harmless.
 *
 * Escaped are: control characters (C0, DEL, C1), the line and paragraph separators and the marks
 * that turn the direction of writing around (a terminal or a viewer obeys them), a backslash, bytes
 * that are not UTF-8, and, where quotes delimit, a quote. In text a byte that is not UTF-8 becomes
 * \xNN; JSON has no such escape, and there it becomes U+FFFD.
 *
 * Lines are bounded at three places: the message, each value, the line. A long path thus cannot
 * push the status out of an access line. Text is cut between two characters, fields are left out
 * whole, and TAIL bytes are kept back for what closes the line, so JSON stays JSON.
 */
#include "base/log_line.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/text.h"

#define CUT_MARK "[cut]"
/* For the longest end of a line: mark, quote, `,"cut":true`, brace, newline. */
#define TAIL 32

static const struct {
    const char *name;
    int priority; /* of syslog, which the journal takes */
} levels[] = {
    [LOG_LEVEL_DEBUG] = {"debug", 7},   [LOG_LEVEL_INFO] = {"info", 6},
    [LOG_LEVEL_NOTICE] = {"notice", 5}, [LOG_LEVEL_WARNING] = {"warning", 4},
    [LOG_LEVEL_ERROR] = {"error", 3},
};

/* False, and nothing written, when the line would pass `limit`. */
static bool put(struct log_line *line, size_t limit, const char *data, size_t len)
{
    if (len > limit || line->len > limit - len)
        return false;
    memcpy(line->data + line->len, data, len);
    line->len += len;
    return true;
}

static bool put_text(struct log_line *line, const char *text)
{
    return put(line, line->max - TAIL, text, strlen(text));
}

/* What closes a text or the line: TAIL was kept back for it. */
static void put_end(struct log_line *line, const char *end)
{
    put(line, line->max, end, strlen(end));
}

/* A number with at least `digits` digits. By hand: an access line has many, and printf is slow. */
static bool put_decimal(struct log_line *line, uint64_t n, int digits)
{
    char text[20];
    size_t at = sizeof(text);

    while (n > 0 || digits > 0) {
        text[--at] = (char)('0' + n % 10);
        n /= 10;
        digits--;
    }
    return put(line, line->max - TAIL, text + at, sizeof(text) - at);
}

/* The size of a number whose sign has been written. */
static uint64_t size_of(int64_t n)
{
    return n < 0 ? -(uint64_t)n : (uint64_t)n;
}

static bool put_sign(struct log_line *line, int64_t n)
{
    return n >= 0 || put_text(line, "-");
}

static bool in_range(uint32_t c, uint32_t first, uint32_t last)
{
    return c >= first && c <= last;
}

/* May a character stand in a line as it is? Quote and backslash are not decided here. */
static bool is_harmless(uint32_t c)
{
    return c >= 0x20 && !in_range(c, 0x7f, 0x9f) &&
           !in_range(c, 0x200b, 0x200f) && /* of no width, and direction marks */
           !in_range(c, 0x2028, 0x202e) && /* separators, embedded directions */
           !in_range(c, 0x2060, 0x206f) && /* of no width, isolated directions */
           c != 0x061c && c != 0xfeff;
}

/* The escape of a character that may not stand as it is. */
static int escape(char out[16], uint32_t c, bool json)
{
    const char *short_form = c == '\n' ? "\\n" : c == '\r' ? "\\r" : c == '\t' ? "\\t" : NULL;

    if (c == '"' || c == '\\')
        return snprintf(out, 16, "\\%c", (char)c);
    if (short_form != NULL)
        return snprintf(out, 16, "%s", short_form);
    if (c < 0x80 && !json)
        return snprintf(out, 16, "\\x%02x", (unsigned)c);
    return snprintf(out, 16, "\\u%04x", (unsigned)c);
}

/* The same for a byte that is not UTF-8. */
static int escape_byte(char out[16], unsigned char byte, bool json)
{
    return json ? snprintf(out, 16, "\\ufffd") : snprintf(out, 16, "\\x%02x", byte);
}

/* How long the plain ASCII is that `text` begins with; most text is nothing else. */
static size_t plain_run(const char *text, size_t left)
{
    size_t n = 0;

    while (n < left && text_is(text[n], TEXT_PRINTABLE & TEXT_NOT(TEXT_QUOTE | TEXT_BACKSLASH)))
        n++;
    return n;
}

/* A character of a text and what is written for it. */
struct piece {
    size_t taken; /* bytes of the text */
    const char *data;
    size_t len;
    char escaped[16];
};

/* `quoted`: a quote is escaped too. */
static void take_piece(struct piece *piece, const char *text, size_t left, bool quoted, bool json)
{
    uint32_t c;
    int len;

    piece->taken = text_utf8_next(text, left, &c);
    if (piece->taken > 0 && is_harmless(c) && c != '\\' && !(quoted && c == '"')) {
        piece->data = text;
        piece->len = piece->taken;
        return;
    }
    if (piece->taken > 0) {
        len = escape(piece->escaped, c, json);
    } else {
        len = escape_byte(piece->escaped, (unsigned char)text[0], json);
        piece->taken = 1;
    }
    piece->data = piece->escaped;
    piece->len = (size_t)len;
}

/* Text from outside, at most `max` bytes of it once escaped; the mark where it was cut. */
static void put_escaped(struct log_line *line, const char *text, size_t max, bool quoted, bool json)
{
    size_t limit = line->len + max;
    size_t left = strlen(text);

    if (limit > line->max - TAIL)
        limit = line->max - TAIL;
    while (left > 0) {
        size_t room = limit > line->len ? limit - line->len : 0;
        size_t plain = plain_run(text, left < room ? left : room);
        struct piece piece = {.taken = plain, .data = text, .len = plain};

        if (plain == 0)
            take_piece(&piece, text, left, quoted, json);
        if (!put(line, limit, piece.data, piece.len)) {
            put_end(line, CUT_MARK);
            return;
        }
        text += piece.taken;
        left -= piece.taken;
    }
}

/* Can a value stand without quotes in a text line, and be read back? */
static bool is_bare(const char *text)
{
    size_t len = strlen(text);

    return len > 0 &&
           text_is_all(text, len,
                       TEXT_VISIBLE & TEXT_NOT(TEXT_QUOTE | TEXT_BACKSLASH | TEXT_EQUALS));
}

static bool put_value_text(struct log_line *line, const char *text, bool json)
{
    if (!json && strlen(text) <= LOG_VALUE_MAX && is_bare(text))
        return put_text(line, text);
    if (!put_text(line, "\""))
        return false;
    put_escaped(line, text, LOG_VALUE_MAX, true, json);
    put_end(line, "\"");
    return true;
}

static bool put_value(struct log_line *line, const struct log_field *field, bool json)
{
    int64_t n = field->number;
    int64_t us = n / MICROSECOND;

    switch (field->kind) {
    case LOG_FIELD_INT:
        return put_sign(line, n) && put_decimal(line, size_of(n), 1);
    case LOG_FIELD_BOOL:
        return put_text(line, n != 0 ? "true" : "false");
    case LOG_FIELD_MS:
        return put_sign(line, us) && put_decimal(line, size_of(us) / 1000, 1) &&
               put_text(line, ".") && put_decimal(line, size_of(us) % 1000, 3);
    default:
        return put_value_text(line, field->text, json);
    }
}

static bool put_field(struct log_line *line, const struct log_field *field, bool json)
{
    if (field->kind == LOG_FIELD_TEXT && field->text == NULL)
        return true;
    return put_text(line, json ? ",\"" : " ") && put_text(line, field->name) &&
           put_text(line, json ? "\":" : "=") && put_value(line, field, json);
}

/* False when one did not fit; it and those after it are then left out. */
static bool put_fields(struct log_line *line, const struct log_field *fields, size_t count,
                       bool json)
{
    for (size_t i = 0; i < count; i++) {
        size_t before = line->len;

        if (!put_field(line, &fields[i], json)) {
            line->len = before;
            return false;
        }
    }
    return true;
}

static void make_json(struct log_line *line, const char *time, enum log_level level,
                      const char *guid, const char *message, const struct log_field *fields,
                      size_t count)
{
    put_text(line, "{\"time\":\"");
    put_text(line, time);
    put_text(line, "\",\"level\":\"");
    put_text(line, levels[level].name);
    if (guid != NULL) {
        put_text(line, "\",\"guid\":\"");
        put_escaped(line, guid, LOG_VALUE_MAX, true, true);
    }
    put_text(line, "\",\"message\":\"");
    put_escaped(line, message, LOG_MESSAGE_MAX, true, true);
    put_end(line, "\"");
    put_end(line, put_fields(line, fields, count, true) ? "}\n" : ",\"cut\":true}\n");
}

/* What precedes the text on stderr. */
static void put_prefix(struct log_line *line, bool journal, const char *time, enum log_level level)
{
    if (journal) {
        put_text(line, "<");
        put_decimal(line, (uint64_t)levels[level].priority, 1);
        put_text(line, ">");
    } else {
        put_text(line, time);
        put_text(line, " ");
        put_text(line, levels[level].name);
        put_text(line, " ");
    }
}

static void put_message(struct log_line *line, const char *guid, const char *message,
                        const struct log_field *fields, size_t count)
{
    if (guid != NULL) {
        put_text(line, "GUID: ");
        put_escaped(line, guid, LOG_VALUE_MAX, false, false);
        put_text(line, " - ");
    }
    put_escaped(line, message, LOG_MESSAGE_MAX, false, false);
    put_end(line, put_fields(line, fields, count, false) ? "\n" : " " CUT_MARK "\n");
}

/* ---- the journal's fields ---- */

/*
 * The journal's name of a field. One that is not here gets POSTCODED_ in front, so that no field of
 * ours can be taken for one that systemd or another service defines: user is POSTCODED_USER. A
 * number of milliseconds becomes one of microseconds, and its name ends in _USEC instead of _ms.
 */
static const struct {
    const char *name, *journal;
} journal_names[] = {
    {"cache", "CACHE="},       {"code", "CODE="}, {"duration_ms", "DURATION_USEC="},
    {"flight", "FLIGHT="},     {"guid", "GUID="}, {"status", "STATUS="},
    {"upstream", "UPSTREAM="},
};

/* POSTCODED_ and the name in upper case, in one go: an access line has many. */
static bool put_own_name(struct log_line *line, const char *name, size_t len)
{
    static const char own[] = "POSTCODED_";
    size_t own_len = sizeof(own) - 1;
    char *to = line->data + line->len;

    if (line->len + own_len + len > line->max - TAIL)
        return false;
    memcpy(to, own, own_len);
    for (size_t i = 0; i < len; i++)
        to[own_len + i] = (char)(name[i] >= 'a' && name[i] <= 'z' ? name[i] - 'a' + 'A' : name[i]);
    line->len += own_len + len;
    return true;
}

static bool put_journal_name(struct log_line *line, const struct log_field *field)
{
    const char *name = field->name;
    size_t len = strlen(name);

    for (size_t i = 0; i < ARRAY_LEN(journal_names); i++) {
        if (name[0] == journal_names[i].name[0] && strcmp(name, journal_names[i].name) == 0)
            return put_text(line, journal_names[i].journal);
    }
    if (field->kind != LOG_FIELD_MS)
        return put_own_name(line, name, len) && put_text(line, "=");
    if (len > 3 && memcmp(name + len - 3, "_ms", 3) == 0)
        len -= 3;
    return put_own_name(line, name, len) && put_text(line, "_USEC=");
}

/* No quotes: the newline that ends a value cannot occur in it. */
static bool put_journal_value(struct log_line *line, const struct log_field *field)
{
    int64_t us = field->number / MICROSECOND;

    switch (field->kind) {
    case LOG_FIELD_MS:
        return put_sign(line, us) && put_decimal(line, size_of(us), 1);
    case LOG_FIELD_TEXT:
        put_escaped(line, field->text, LOG_VALUE_MAX, false, false);
        return true;
    default:
        return put_value(line, field, false);
    }
}

/* One that does not fit is left out. */
static void put_journal_field(struct log_line *line, const struct log_field *field)
{
    size_t before = line->len;

    if (field->kind == LOG_FIELD_TEXT && field->text == NULL)
        return;
    if (!put_journal_name(line, field) || !put_journal_value(line, field) || !put_text(line, "\n"))
        line->len = before;
}

static void make_record(struct log_line *line, bool journal, const char *time, enum log_level level,
                        const char *guid, const char *message, const struct log_field *fields,
                        size_t count)
{
    static const char start = LOG_RECORD_START, body = LOG_RECORD_BODY, end = LOG_RECORD_END;

    /* The text is as long as it would be as a line. */
    line->max = LOG_LINE_MAX + sizeof(start) + sizeof(body) + strlen(LOG_RECORD_MESSAGE);
    put(line, line->max, &start, sizeof(start));
    put_prefix(line, journal, time, level);
    put(line, line->max, &body, sizeof(body));
    put_text(line, LOG_RECORD_MESSAGE);
    put_message(line, guid, message, fields, count);
    line->max = LOG_RECORD_MAX;
    put_text(line, "PRIORITY=");
    put_decimal(line, (uint64_t)levels[level].priority, 1);
    put_text(line, "\nSYSLOG_FACILITY=3\nSYSLOG_IDENTIFIER=postcoded\n"); /* 3: daemon */
    if (guid != NULL)
        put_journal_field(line, &LOG_TEXT("guid", guid));
    for (size_t i = 0; i < count; i++)
        put_journal_field(line, &fields[i]);
    put(line, line->max, &end, sizeof(end));
}

void log_line_make(struct log_line *line, struct log_style style, struct wall_time now,
                   enum log_level level, const char *guid, const char *message,
                   const struct log_field *fields, size_t count)
{
    char time[CLOCK_TEXT];

    line->len = 0;
    line->max = LOG_LINE_MAX;
    if (guid != NULL && guid[0] == '\0')
        guid = NULL;
    wall_format(now, time);
    switch (style.format) {
    case LOG_FORMAT_JSON:
        make_json(line, time, level, guid, message, fields, count);
        break;
    case LOG_FORMAT_JOURNAL:
        make_record(line, style.journal, time, level, guid, message, fields, count);
        break;
    default:
        put_prefix(line, style.journal, time, level);
        put_message(line, guid, message, fields, count);
        break;
    }
}
