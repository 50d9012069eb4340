/*
 * Postcodes are checked by what they may hold, not by what they must not: after one decoding only
 * letters, digits, space and hyphen are left, so there is nothing that could be a slash, a dot, a
 * question mark or a percent sign to somebody who decodes again. What goes upstream is encoded
 * afresh from that, and never the caller's bytes.
 */
#include "lookup/postcode.h"

#include <string.h>

#include "base/check.h"
#include "base/text.h"

/* Longer segments are no postcode, whatever they decode to: 16 characters, and space to trim. */
#define RAW_MAX 1024

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

/* Decodes once; false for a broken triplet or a character that no postcode has. */
static bool decode(const char *raw, size_t len, char *out, size_t *out_len)
{
    *out_len = 0;
    for (size_t i = 0; i < len; i++) {
        int c = (unsigned char)raw[i];
        if (raw[i] == '%') {
            c = triplet(raw + i, len - i);
            i += 2;
        }
        if (c < 0 || !text_is((char)c, POSTCODE_CLASSES))
            return false;
        out[(*out_len)++] = (char)c;
    }
    return true;
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

enum err postcode_parse(const char *raw, size_t len, bool normalise, struct postcode *out)
{
    char kept[RAW_MAX];
    char normal[RAW_MAX];
    size_t kept_len;

    if (len == 0 || len > RAW_MAX || !decode(raw, len, kept, &kept_len))
        return ERR_INVALID;
    memcpy(normal, kept, kept_len);
    size_t normal_len = normalised(normal, kept_len);
    const char *text = normalise ? normal : kept;
    size_t text_len = normalise ? normal_len : kept_len;
    if (normal_len == 0 || text_len > POSTCODE_MAX)
        return ERR_INVALID;
    memcpy(out->text, text, text_len);
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
    struct postcode postcode;
    char shown[sizeof(postcode.encoded)] = "";

    /* Normalised whatever goes upstream: a space at the end must not stand for a character. */
    if (postcode_parse(raw, len, true, &postcode) == ERR_OK) {
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
