/*
 * A public key is copied out of a program, a page, a DNS record or a dump, and what stands around
 * it comes along. There are too many of these to name, so the key itself is looked for: its first
 * line is enough, for the identifier of the algorithm stands there.
 */
#include "jose/key_text_parts.h"

#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/text.h"
#include "jose/base64url.h"
#include "jose/key_bytes.h"

#define RUN_MIN 20 /* characters of base64: no identifier is in fewer */
#define NUMBERS_MIN 32
#define PAIRS_MIN 16

/* Bytes. */

static bool is_key(const unsigned char *bytes, size_t len)
{
    return key_bytes_are_der((const char *)bytes, len) ||
           key_bytes_are_ssh((const char *)bytes, len) ||
           key_bytes_are_packed((const char *)bytes, len);
}

/* Base64. */

static bool is_base64(char c)
{
    return text_is(c, TEXT_LABEL | TEXT_SLASH) || c == '+';
}

/* Characters of base64 or base64url; those behind the last four may be missing. */
static bool run_is_key(struct key_part run)
{
    size_t whole = run.len - run.len % 4;
    char *flat = mem_alloc(whole + 1);
    struct octets octets;

    for (size_t i = 0; i < whole; i++)
        flat[i] = (char)(run.at[i] == '+' ? '-' : run.at[i] == '/' ? '_' : run.at[i]);
    bool is = base64url_decode(flat, whole, &octets) && is_key(octets.bytes, octets.len);
    octets_fini(&octets);
    wipe_free(flat, whole + 1);
    return is;
}

static bool has_base64(struct key_part text)
{
    while (text.len > 0) {
        struct key_part run = {text.at, 0};
        while (run.len < text.len && is_base64(text.at[run.len]))
            run.len++;
        if (run.len >= RUN_MIN && run_is_key(run))
            return true;
        text = key_part_rest(text, run.len < text.len ? run.len + 1 : run.len);
    }
    return false;
}

/* Hexadecimal. */

/* Digits that stand alone or in pairs and more, without 0x; what is between them is left out. */
static size_t take_digits(struct key_part text, unsigned char *digits)
{
    size_t count = 0;

    for (size_t i = 0; i < text.len; i++) {
        int value = text_hex_value(text.at[i]);
        if (value >= 0 && !(i + 1 < text.len && text.at[i] == '0' && text.at[i + 1] == 'x'))
            digits[count++] = (unsigned char)value;
    }
    return count;
}

/* Offsets and letters of words may come to an odd number of digits, so both halves are tried. */
static bool has_hex(struct key_part text)
{
    unsigned char *digits = mem_alloc(text.len + 1);
    unsigned char *bytes = mem_alloc(text.len + 1);
    size_t count = take_digits(text, digits);
    bool is = false;

    for (size_t odd = 0; odd < 2 && !is && count > odd; odd++) {
        size_t pairs = (count - odd) / 2;
        for (size_t i = 0; i < pairs; i++)
            bytes[i] = (unsigned char)(digits[odd + 2 * i] << 4 | digits[odd + 2 * i + 1]);
        is = is_key(bytes, pairs);
    }
    wipe_free(digits, text.len + 1);
    wipe_free(bytes, text.len + 1);
    return is;
}

/* Numbers. */

/* Takes the digits of one number; -1: it is no byte. */
static int take_number(struct key_part *text, unsigned base)
{
    unsigned value = 0;

    while (text->len > 0 && text_is(*text->at, TEXT_DIGIT)) {
        unsigned digit = (unsigned)(*text->at - '0');
        value = value > 255 || digit >= base ? 256 : value * base + digit;
        *text = key_part_rest(*text, 1);
    }
    return value > 255 ? -1 : (int)value;
}

/*
 * Every number of the text that is a byte: 48, 130 or 48, -126 or \060\202. Base64 and passwords
 * have numbers, too, and small ones come to any bytes soon: a list has more of them than letters.
 */
static bool has_numbers(struct key_part text, unsigned base)
{
    unsigned char *bytes = mem_alloc(text.len + 1);
    size_t room = text.len + 1;
    size_t count = 0;
    size_t letters = 0;
    bool minus = false;

    while (text.len > 0) {
        if (!text_is(*text.at, TEXT_DIGIT)) {
            minus = *text.at == '-';
            letters += text_is(*text.at, TEXT_ALPHA | TEXT_HIGH);
            text = key_part_rest(text, 1);
            continue;
        }
        int value = take_number(&text, base);
        if (value >= 0)
            bytes[count++] = (unsigned char)(minus ? -value : value);
        minus = false;
    }
    bool is = count >= NUMBERS_MIN && count > letters && is_key(bytes, count);
    wipe_free(bytes, room);
    return is;
}

/* Fingerprints. */

/* Pairs of hexadecimal digits with colons between, sixteen or more: MD5 at the least. */
static bool has_print(struct key_part text)
{
    size_t pairs = 0;

    while (text.len >= 2 && pairs < PAIRS_MIN) {
        bool is = text_is(text.at[0], TEXT_HEX) && text_is(text.at[1], TEXT_HEX);
        bool more = text.len >= 3 && text.at[2] == ':';
        pairs = is && (more || pairs == PAIRS_MIN - 1) ? pairs + 1 : 0;
        text = key_part_rest(text, is && more ? 3 : 1);
    }
    return pairs == PAIRS_MIN;
}

const char *key_text_pieces(struct key_part text)
{
    if (has_base64(text) || has_hex(text) || has_numbers(text, 10) || has_numbers(text, 8))
        return "it is text with a key in it; " KEY_NO_SECRET;
    return has_print(text)
               ? "it is a fingerprint, or bytes with colons as tools print them; " KEY_NEEDED
               : NULL;
}
