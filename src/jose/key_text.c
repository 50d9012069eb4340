/*
 * A secret is one line or a few of base64 or hexadecimal, or bytes, and random. Anything else is
 * told by what random data cannot be by chance: by a name that public keys have (key_text_marks),
 * by its form (key_text_kind, key_text_place), by the key in it (key_text_pieces), or by its lines.
 * What is behind base64, hexadecimal, quotes or percent signs is looked at the same way, for a
 * public key stays public in any spelling.
 */
#include "jose/key_text.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/text.h"
#include "jose/base64url.h"
#include "jose/key_bytes.h"
#include "jose/key_text_parts.h"

#define DEPTH_MAX 3 /* base64 of a PEM text whose body is base64, and one more */
#define PERCENTS_MIN 4
#define TEXT_MIN 32 /* a secret has no less; fewer random bytes are text now and then */

/* Texts in wider characters. */

/* Whether three of four characters of `width` bytes are ASCII, their one byte at `place`. */
static bool is_wide(struct key_part text, size_t width, size_t place)
{
    size_t units = text.len / width;
    size_t ascii = 0;

    for (size_t i = 0; i < units; i++) {
        const char *unit = text.at + i * width;
        unsigned others = 0;
        for (size_t j = 0; j < width; j++)
            others |= j == place ? 0u : (unsigned char)unit[j];
        ascii +=
            others == 0 && (text_is(unit[place], TEXT_PRINTABLE) || key_part_is_space(unit[place]));
    }
    return units >= 8 && ascii >= units - units / 4;
}

static const char *wide(struct key_part text)
{
    static const char cure[] = "it is text in UTF-16 or UTF-32; saved as UTF-8, " KEY_NEEDED;

    return is_wide(text, 2, 0) || is_wide(text, 2, 1) || is_wide(text, 4, 0) || is_wide(text, 4, 3)
               ? cure
               : NULL;
}

/* Bytes. */

/* A newline may follow, or the last byte of DER itself may look like one: both are tried. */
static const char *binary(struct key_part text)
{
    struct key_part inner = key_part_trim(text);

    if (key_bytes_are_der(text.at, text.len) ||
        (inner.len != text.len && key_bytes_are_der(inner.at, inner.len)))
        return "it is a key or certificate in DER; " KEY_NO_SECRET;
    if (key_bytes_are_packed(text.at, text.len))
        return "it is a compressed file, an archive or a document; " KEY_NEEDED;
    return NULL;
}

/* Behind an encoding. */

static const char *look(struct key_part text, int depth);

static const char *look_decoded(unsigned char *bytes, size_t len, int depth)
{
    const char *what = look((struct key_part){(const char *)bytes, len}, depth - 1);

    wipe_free(bytes, len);
    return what;
}

/* White space, and what a text that went through a quoted string has for it: \n, \r, and \/. */
static size_t gap(struct key_part text)
{
    if (key_part_is_space(*text.at))
        return 1;
    if (text.len < 2 || *text.at != '\\')
        return 0;
    if (text.at[1] == '/')
        return 1;
    return text.at[1] == 'n' || text.at[1] == 'r' ? 2 : 0;
}

/*
 * The characters of base64 or base64url in base64url, without white space, up to padding. 0 where
 * there is anything else.
 */
static size_t flatten(struct key_part text, char *out)
{
    size_t len = 0;
    size_t skip = 0;
    bool padded = false;

    for (size_t i = 0; i<text.len; i += skip> 0 ? skip : 1) {
        char c = text.at[i];
        skip = gap(key_part_rest(text, i));
        if (skip > 0)
            continue;
        padded = padded || c == '=';
        if (!text_is(c, TEXT_ALNUM | TEXT_HYPHEN | TEXT_UNDERSCORE | TEXT_SLASH | TEXT_EQUALS) &&
            c != '+')
            return 0;
        if (!padded)
            out[len++] = (char)(c == '+' ? '-' : c == '/' ? '_' : c);
    }
    return len;
}

static const char *base64(struct key_part text, int depth)
{
    char *flat = mem_alloc(text.len + 1);
    size_t len = flatten(text, flat);
    struct octets octets = {0};
    const char *what = NULL;

    /* Bits left over, or a character lost at the end, do not matter here. */
    if (len > 0 && !base64url_decode(flat, len, &octets))
        (void)base64url_decode(flat, len - len % 4, &octets);
    if (octets.len > 0)
        what = look_decoded(octets.bytes, octets.len, depth);
    else
        octets_fini(&octets);
    wipe_free(flat, text.len + 1);
    return what;
}

/* With colons or without; 0x is allowed in front. */
static const char *hex(struct key_part text, int depth)
{
    unsigned char *bytes = mem_alloc(text.len + 1);
    size_t digits = 0;

    if (key_part_starts_ci(text, "0x"))
        text = key_part_rest(text, 2);
    memset(bytes, 0, text.len + 1);
    for (size_t i = 0; i < text.len; i++) {
        int value = text_hex_value(text.at[i]);
        if (value < 0 && text.at[i] != ':' && !key_part_is_space(text.at[i])) {
            wipe_free(bytes, text.len + 1);
            return NULL;
        }
        if (value >= 0) {
            bytes[digits / 2] = (unsigned char)(bytes[digits / 2] << 4 | value);
            digits++;
        }
    }
    return look_decoded(bytes, digits / 2, depth);
}

static const char *quoted(struct key_part text, int depth)
{
    if (text.len < 2 || (*text.at != '"' && *text.at != '\'') || text.at[text.len - 1] != *text.at)
        return NULL;
    return look((struct key_part){text.at + 1, text.len - 2}, depth - 1);
}

/* The value of NAME = VALUE or NAME: VALUE. */
static const char *named(struct key_part text, int depth)
{
    size_t name = key_part_span(text, TEXT_LABEL | TEXT_BLANK);

    if (name == 0 || name == text.len || (text.at[name] != '=' && text.at[name] != ':'))
        return NULL;
    return look(key_part_rest(text, name + 1), depth - 1);
}

/* What the %XX at the start of the text stands for; -1: there is none. */
static int triplet(struct key_part text)
{
    int high = text.len >= 3 && *text.at == '%' ? text_hex_value(text.at[1]) : -1;
    int low = high >= 0 ? text_hex_value(text.at[2]) : -1;

    return low >= 0 ? high * 16 + low : -1;
}

/* The text of %XX, where there are several: a password may have one or two. */
static const char *percents(struct key_part text, int depth)
{
    char *bytes = mem_alloc(text.len + 1);
    size_t room = text.len + 1;
    size_t len = 0;
    size_t found = 0;

    while (text.len > 0) {
        int value = triplet(text);
        bytes[len++] = value >= 0 ? (char)value : *text.at;
        found += value >= 0;
        text = key_part_rest(text, value >= 0 ? 3 : 1);
    }
    const char *what =
        found >= PERCENTS_MIN ? look((struct key_part){bytes, len}, depth - 1) : NULL;
    wipe_free(bytes, room);
    return what;
}

/* Several lines. */

static bool has_lines(struct key_part text)
{
    return memchr(text.at, '\n', text.len) != NULL || memchr(text.at, '\r', text.len) != NULL;
}

/* One line of several: a key may stand below a comment. */
static const char *lines(struct key_part text, int depth)
{
    const char *what = NULL;

    if (!has_lines(text))
        return NULL;
    while (what == NULL && text.len > 0)
        what = look(key_part_line(&text), depth - 1);
    return what;
}

/*
 * UTF-8 without control characters, or nine of ten bytes printable: other encodings, and rubbish.
 * Random bytes are no text: of 32, one in a hundred million is.
 */
static bool is_text(struct key_part text)
{
    size_t printable = 0;
    size_t controls = 0;

    for (size_t i = 0; i < text.len; i++) {
        bool is_space = key_part_is_space(text.at[i]);
        printable += text_is(text.at[i], TEXT_PRINTABLE) || is_space;
        controls += text_is(text.at[i], TEXT_CONTROL) && !is_space;
    }
    return (controls == 0 && text_is_utf8(text.at, text.len)) ||
           printable >= text.len - text.len / 10;
}

/* Base64, base64url, hexadecimal or a UUID, with white space around it. */
static bool is_encoded(struct key_part line)
{
    line = key_part_trim(line);
    for (size_t i = 0; i < line.len; i++) {
        if (!text_is(line.at[i], TEXT_LABEL | TEXT_SLASH | TEXT_EQUALS) && line.at[i] != '+')
            return false;
    }
    return true;
}

/*
 * What is left when nothing has a name. A secret is one line, or lines of base64 or hexadecimal; a
 * text of other lines was written by a person or printed by a program, and is no secret.
 */
static const char *several(struct key_part text)
{
    if (text.len < TEXT_MIN || !has_lines(text) || !is_text(text))
        return NULL;
    while (text.len > 0) {
        if (!is_encoded(key_part_line(&text)))
            return "it is text of several lines; " KEY_NEEDED;
    }
    return NULL;
}

static const char *look(struct key_part bytes, int depth)
{
    static const char *(*const looks[])(struct key_part text) = {
        key_text_kind,
        key_text_place,
        key_text_marks,
    };
    static const char *(*const behind[])(struct key_part text, int depth) = {
        quoted, base64, hex, percents, named, lines,
    };
    struct key_part text = key_part_trim(key_part_rest(bytes, key_text_bom(bytes.at, bytes.len)));
    const char *what = binary(bytes);

    if (what == NULL)
        what = wide(bytes);
    for (size_t i = 0; what == NULL && text.len > 0 && i < ARRAY_LEN(looks); i++)
        what = looks[i](text);
    for (size_t i = 0; what == NULL && text.len > 0 && depth > 0 && i < ARRAY_LEN(behind); i++)
        what = behind[i](text, depth);
    if (what == NULL)
        what = key_text_pieces(text);
    return what != NULL ? what : several(text);
}

size_t key_text_bom(const char *bytes, size_t len)
{
    return len >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

const char *key_text_mistaken(const char *bytes, size_t len)
{
    return look((struct key_part){bytes, len}, DEPTH_MAX);
}
