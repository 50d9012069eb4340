/*
 * Postcodes are checked by what they may hold, not by what they must not: after one decoding, and
 * after pasted characters are folded, only letters, digits, space and hyphen of ASCII are left. So
 * there is nothing that could be a slash, a dot, a question mark or a percent sign to somebody who
 * decodes again. What goes upstream is encoded afresh from that, and never the caller's bytes.
 */
#include "lookup/postcode.h"

#include <string.h>

#include "base/check.h"
#include "base/text.h"
#include "lookup/postcode_fold.h"

/* Longer segments are no postcode, whatever they decode to: 16 characters, and space to trim. */
#define RAW_MAX 1024

/* How each reason begins. */
#define RULE "A postcode is 1 to 16 letters, digits, spaces and hyphens; "

#define MASK "***"
#define MASKED_CHARACTERS 3

/* What a postcode may hold. */
#define POSTCODE_CLASSES (TEXT_ALNUM | TEXT_SPACE | TEXT_HYPHEN)

/* The byte that a triplet at `text` stands for, or -1 where there is none. */
static int triplet(const char *text, size_t len)
{
    if (len < 3 || text[0] != '%')
        return -1;
    int high = text_hex_value(text[1]);
    int low = text_hex_value(text[2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/* Decodes once, up to the first broken triplet; false when there is one. */
static bool decode(const char *raw, size_t len, char *out, size_t *out_len)
{
    *out_len = 0;
    for (size_t i = 0; i < len; i++) {
        int c = (unsigned char)raw[i];
        if (raw[i] == '%') {
            c = triplet(raw + i, len - i);
            i += 2;
        }
        if (c < 0)
            return false;
        out[(*out_len)++] = (char)c;
    }
    return true;
}

/* What is kept of the characters so far. */
struct reading {
    char text[RAW_MAX];
    size_t len;
    size_t position; /* of the present character, from 1 */
    bool begun;      /* something but space was kept */
    /* The first character since then that may only follow the last one. */
    size_t edge_position; /* 0: none */
    uint32_t edge;
};

static void explain_character(uint32_t code, size_t position, const char *why,
                              struct reason *reason)
{
    char shown[] = " (\"?\")";

    shown[3] = (char)code;
    bool printable = code < 0x80 && text_is((char)code, TEXT_PRINTABLE);
    reason_set(reason, RULE "character %zu is U+%04X%s, which is %s", position, code,
               printable ? shown : "", why);
}

static bool keep(struct reading *reading, char c, struct reason *reason)
{
    if (c != ' ' && reading->edge_position != 0) {
        explain_character(reading->edge, reading->edge_position, "allowed at the ends only",
                          reason);
        return false;
    }
    reading->begun |= c != ' ';
    reading->text[reading->len++] = c;
    return true;
}

static bool read_character(struct reading *reading, uint32_t code, bool normalise,
                           struct reason *reason)
{
    char c = (char)code;
    bool plain = code < 0x80 && text_is(c, POSTCODE_CLASSES);
    enum postcode_fold fold = plain ? FOLD_TO : normalise ? postcode_fold(code, &c) : FOLD_NONE;

    if (fold == FOLD_TO)
        return keep(reading, c, reason);
    if (fold == FOLD_NONE) {
        explain_character(code, reading->position,
                          code == '+' ? "not a space: write %20" : "not allowed", reason);
        return false;
    }
    if (fold == FOLD_EDGE && reading->begun && reading->edge_position == 0) {
        reading->edge_position = reading->position;
        reading->edge = code;
    }
    return true;
}

static bool read_characters(struct reading *reading, const char *text, size_t len, bool normalise,
                            struct reason *reason)
{
    while (len > 0) {
        uint32_t code;
        size_t n = text_utf8_next(text, len, &code);
        reading->position++;
        if (n == 0) {
            reason_set(reason, RULE "character %zu is the byte 0x%02X, which is not UTF-8",
                       reading->position, (unsigned char)*text);
            return false;
        }
        if (!read_character(reading, code, normalise, reason))
            return false;
        text += n;
        len -= n;
    }
    return true;
}

static bool read_segment(struct reading *reading, const char *raw, size_t len, bool normalise,
                         struct reason *reason)
{
    char bytes[RAW_MAX];
    size_t bytes_len;

    if (len > RAW_MAX) {
        reason_set(reason, RULE "this one has more than %d bytes", RAW_MAX);
        return false;
    }
    bool whole = decode(raw, len, bytes, &bytes_len);
    if (!read_characters(reading, bytes, bytes_len, normalise, reason))
        return false;
    if (!whole)
        reason_set(reason,
                   "A postcode is percent-encoded; the %% at character %zu is not followed by two "
                   "hexadecimal digits",
                   reading->position + 1);
    return whole;
}

/* In place: outer space off, inner runs to one, letters to upper case. Gives the new length. */
static size_t normalised(char *text, size_t len)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (c == ' ' && (n == 0 || text[n - 1] == ' '))
            continue;
        text[n++] = text_is(c, TEXT_LOWER) ? (char)(c - 'a' + 'A') : c;
    }
    return n > 0 && text[n - 1] == ' ' ? n - 1 : n;
}

/* Space is the only one of our characters that a path cannot hold (RFC 3986, section 3.3). */
static void encode(const char *text, size_t len, char *out)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] == ' ') {
            memcpy(out, "%20", 3);
            out += 3;
        } else {
            *out++ = text[i];
        }
    }
    *out = '\0';
}

enum err postcode_parse(const char *raw, size_t len, bool normalise, struct postcode *out,
                        struct reason *reason)
{
    struct reading reading = {.len = 0};

    if (!read_segment(&reading, raw, len, normalise, reason))
        return ERR_INVALID;
    if (!reading.begun) {
        reason_set(reason, RULE "this one is %s", len == 0 ? "empty" : "blank");
        return ERR_INVALID;
    }
    size_t text_len = normalise ? normalised(reading.text, reading.len) : reading.len;
    if (text_len > POSTCODE_MAX) {
        reason_set(reason, RULE "this one has %zu", text_len);
        return ERR_INVALID;
    }
    memcpy(out->text, reading.text, text_len);
    out->text[text_len] = '\0';
    encode(out->text, text_len, out->encoded);
    return ERR_OK;
}

bool query_is_valid(const char *query, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (!text_is(query[i], TEXT_QUERY) && triplet(query + i, len - i) < 0)
            return false;
    }
    return true;
}

static void log_whole(const char *raw, size_t len, char *out, size_t size)
{
    static const char more[] = "...";
    bool cut = len >= size;
    size_t n = cut ? size - sizeof(more) : len;

    memcpy(out, raw, n);
    memcpy(out + n, cut ? more : "", cut ? sizeof(more) : 1);
}

static void log_outward(const char *raw, size_t len, char *out, size_t size)
{
    struct postcode postcode = {.text = ""};
    struct reason unused;
    char shown[sizeof(postcode.encoded)] = "";

    /* Normalised whatever goes upstream: a space at the end must not stand for a character. */
    if (postcode_parse(raw, len, true, &postcode, &unused) == ERR_OK) {
        size_t n = strlen(postcode.text);
        encode(postcode.text, n > MASKED_CHARACTERS ? n - MASKED_CHARACTERS : 0, shown);
    }
    size_t n = strlen(shown);
    if (n + sizeof(MASK) > size)
        n = 0;
    memcpy(out, shown, n);
    memcpy(out + n, MASK, sizeof(MASK));
}

void postcode_for_log(const char *raw, size_t len, enum config_postcodes policy, char *out,
                      size_t size)
{
    MUST(size >= sizeof(MASK));
    if (policy == POSTCODES_FULL || len == 0)
        log_whole(raw, len, out, size);
    else if (policy == POSTCODES_OUTWARD)
        log_outward(raw, len, out, size);
    else
        memcpy(out, MASK, sizeof(MASK));
}
