/*
 * Strings are most of a body, and in a string most bytes stand for themselves. Those are skipped
 * eight at a time; everything else is rare enough to be looked at byte by byte.
 */
#include "base/json_text.h"

#include <endian.h>
#include <stdint.h>
#include <string.h>

#include "base/text.h"

const char *json_text_fail(struct json_text *text, const char *at, const char *fault)
{
    text->fault = at == text->end ? "ends too early" : fault;
    text->fault_at = at;
    return NULL;
}

const char *json_text_unexpected(struct json_text *text, const char *at, const char *fault)
{
    return json_text_fail(text, at,
                          json_text_has(text, at, '\0') ? "a NUL outside of a string" : fault);
}

/* ---- strings ---- */

/* What in a string is ASCII, stands for itself and does not end it. JSON allows DEL. */
#define PLAIN_CLASSES ((TEXT_PRINTABLE | TEXT_DEL) & TEXT_NOT(TEXT_QUOTE | TEXT_BACKSLASH))
#define EACH_BYTE(b) (UINT64_C(0x0101010101010101) * (b))

/*
 * How many of eight bytes are plain before the first that is not. The subtractions set the top bit
 * of a byte below 0x20, of one that the XOR has made 0, and, one or the other of them, of each byte
 * from 0x80 on. A borrow falsifies only the bytes behind one that is not plain itself.
 */
static size_t plain_of_eight(const char *at)
{
    uint64_t bytes;

    memcpy(&bytes, at, sizeof(bytes));
    bytes = le64toh(bytes); /* the first byte is the lowest */
    uint64_t marks = ((bytes ^ EACH_BYTE('"')) - EACH_BYTE(1)) |
                     ((bytes ^ EACH_BYTE('\\')) - EACH_BYTE(1)) | (bytes - EACH_BYTE(0x20));
    marks &= EACH_BYTE(0x80);
    return marks == 0 ? sizeof(bytes) : (size_t)__builtin_ctzll(marks) / 8;
}

static const char *skip_plain(const char *at, const char *end)
{
    for (; end - at >= 8; at += 8) {
        size_t plain = plain_of_eight(at);

        if (plain < 8)
            return at + plain;
    }
    while (at < end && text_is(*at, PLAIN_CLASSES))
        at++;
    return at;
}

/* The four digits of a \u escape, a half of a pair or a character. */
static const char *unit(struct json_text *text, const char *at, uint32_t *code)
{
    *code = 0;
    for (int i = 0; i < 4; i++, at++) {
        int digit = at < text->end ? text_hex_value(*at) : -1;

        if (digit < 0)
            return json_text_fail(text, at,
                                  JSON_TEXT_INVALID "not four hexadecimal digits in an escape");
        *code = *code << 4 | (uint32_t)digit;
    }
    return at;
}

/* The second half of a pair, which is an escape too. */
static const char *low_surrogate(struct json_text *text, const char *at)
{
    static const char lone[] = JSON_TEXT_INVALID "a lone surrogate";
    uint32_t code;

    for (const char *wanted = "\\u"; *wanted != '\0'; wanted++, at++)
        if (!json_text_has(text, at, *wanted))
            return json_text_fail(text, at, lone);
    const char *behind = unit(text, at, &code);
    if (behind != NULL && (code < 0xdc00 || code > 0xdfff))
        return json_text_fail(text, at, lone);
    return behind;
}

/* After \u. A surrogate is only good as a high and a low one together. */
static const char *code_point(struct json_text *text, const char *at)
{
    uint32_t code;
    const char *behind = unit(text, at, &code);

    if (behind == NULL)
        return NULL;
    text->nul = text->nul || code == 0;
    if (code < 0xd800 || code > 0xdfff)
        return behind;
    if (code > 0xdbff)
        return json_text_fail(text, at, JSON_TEXT_INVALID "a lone surrogate");
    return low_surrogate(text, behind);
}

/* After a backslash. */
static const char *escape(struct json_text *text, const char *at)
{
    if (at == text->end || *at == '\0' || strchr("\"\\/bfnrtu", *at) == NULL)
        return json_text_fail(text, at, JSON_TEXT_INVALID "an unknown escape");
    return *at == 'u' ? code_point(text, at + 1) : at + 1;
}

/* One character that is not plain ASCII. Not inlined: most strings have none. */
__attribute__((noinline)) static const char *unusual(struct json_text *text, const char *at)
{
    uint32_t code;

    if (json_text_has(text, at, '\\')) {
        text->escaped = true;
        return escape(text, at + 1);
    }
    if (at == text->end || !text_is(*at, TEXT_HIGH))
        return json_text_fail(text, at, JSON_TEXT_INVALID "a control character in a string");
    size_t len = text_utf8_next(at, (size_t)(text->end - at), &code);
    return len > 0 ? at + len : json_text_fail(text, at, "invalid UTF-8");
}

const char *json_text_string(struct json_text *text, const char *at)
{
    for (;;) {
        at = skip_plain(at, text->end);
        if (json_text_has(text, at, '"'))
            return at + 1;
        at = unusual(text, at);
        if (at == NULL)
            return NULL;
    }
}

/* ---- numbers and words ---- */

static const char *digits(struct json_text *text, const char *at)
{
    const char *begin = at;

    while (at < text->end && text_is(*at, TEXT_DIGIT))
        at++;
    if (at == begin)
        return json_text_unexpected(text, at, JSON_TEXT_INVALID "a number lacks a digit");
    return at;
}

static const char *exponent(struct json_text *text, const char *at)
{
    if (json_text_has(text, at, '+') || json_text_has(text, at, '-'))
        at++;
    return digits(text, at);
}

const char *json_text_number(struct json_text *text, const char *at)
{
    const char *begin = at;

    if (json_text_has(text, at, '-'))
        at++;
    else if (at == text->end || !text_is(*at, TEXT_DIGIT))
        return json_text_unexpected(text, at, JSON_TEXT_INVALID "a value must be here");
    const char *whole = at;
    at = digits(text, at);
    if (at != NULL && *whole == '0' && at - whole > 1)
        return json_text_fail(text, begin, JSON_TEXT_INVALID "a number with a zero before it");
    if (at != NULL && json_text_has(text, at, '.'))
        at = digits(text, at + 1);
    if (at != NULL && (json_text_has(text, at, 'e') || json_text_has(text, at, 'E')))
        at = exponent(text, at + 1);
    return at;
}

const char *json_text_word(struct json_text *text, const char *at, const char *word)
{
    size_t len = strlen(word);
    size_t left = (size_t)(text->end - at);
    size_t given = left < len ? left : len;

    if (memcmp(at, word, given) != 0)
        return json_text_fail(text, at, JSON_TEXT_INVALID "a value must be here");
    return given == len ? at + len : json_text_fail(text, text->end, "");
}
