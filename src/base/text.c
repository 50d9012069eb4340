/*
 * Small parsers over bytes from outside. None of them looks at the locale, none changes what it is
 * given, and each rejects what its grammar does not allow: a caller then need not decide again.
 *
 * Dates are the exception. libcurl's parser accepts more than the three forms of an HTTP-date: any
 * case, other time zones, a day that its month does not have. A Retry-After so written still names
 * one moment, and the result is bounded, so a parser of our own would gain nothing.
 */
#include "base/text.h"

#include <curl/curl.h>
#include <string.h>

#define RETRY_AFTER_MAX (24 * 60 * 60)

/* Looked up for each character of each header section, body and log line. */
const uint32_t text_kinds[256] = {
    [0x00] = TEXT_NUL,
    [0x01 ... '\t' - 1] = TEXT_OTHER_CONTROL,
    ['\t'] = TEXT_TAB,
    ['\t' + 1 ... 0x1f] = TEXT_OTHER_CONTROL,
    [' '] = TEXT_SPACE,
    ['!'] = TEXT_DELIM_TCHAR,
    ['"'] = TEXT_QUOTE,
    ['#'] = TEXT_TCHAR_ONLY,
    ['$'] = TEXT_DELIM_TCHAR,
    ['%'] = TEXT_TCHAR_ONLY,
    ['&'] = TEXT_DELIM_TCHAR,
    ['\''] = TEXT_DELIM_TCHAR,
    ['('] = TEXT_DELIM_ONLY,
    [')'] = TEXT_DELIM_ONLY,
    ['*'] = TEXT_ASTERISK,
    ['+'] = TEXT_DELIM_TCHAR,
    [','] = TEXT_DELIM_ONLY,
    ['-'] = TEXT_HYPHEN,
    ['.'] = TEXT_DOT,
    ['/'] = TEXT_SLASH,
    ['0' ... '9'] = TEXT_DIGIT,
    [':'] = TEXT_COLON,
    [';'] = TEXT_DELIM_ONLY,
    ['<'] = TEXT_OTHER_VISIBLE,
    ['='] = TEXT_EQUALS,
    ['>'] = TEXT_OTHER_VISIBLE,
    ['?'] = TEXT_QUESTION,
    ['@'] = TEXT_AT,
    ['A' ... 'F'] = TEXT_A_TO_F,
    ['G' ... 'Z'] = TEXT_G_TO_Z,
    ['['] = TEXT_OTHER_VISIBLE,
    ['\\'] = TEXT_BACKSLASH,
    [']'] = TEXT_OTHER_VISIBLE,
    ['^'] = TEXT_TCHAR_ONLY,
    ['_'] = TEXT_UNDERSCORE,
    ['`'] = TEXT_TCHAR_ONLY,
    ['a' ... 'f'] = TEXT_LOWER_A_TO_F,
    ['g' ... 'z'] = TEXT_LOWER_G_TO_Z,
    ['{'] = TEXT_OTHER_VISIBLE,
    ['|'] = TEXT_TCHAR_ONLY,
    ['}'] = TEXT_OTHER_VISIBLE,
    ['~'] = TEXT_TILDE,
    [0x7f] = TEXT_DEL,
    [0x80 ... 0xff] = TEXT_HIGH,
};

bool text_is_all(const char *text, size_t len, uint32_t classes)
{
    for (size_t i = 0; i < len; i++) {
        if (!text_is(text[i], classes))
            return false;
    }
    return true;
}

size_t text_span(const char *text, uint32_t classes)
{
    size_t len = 0;

    while (text[len] != '\0' && text_is(text[len], classes))
        len++;
    return len;
}

int text_hex_value(char c)
{
    if (text_is(c, TEXT_DIGIT))
        return c - '0';
    if (text_is(c, TEXT_LOWER_A_TO_F))
        return c - 'a' + 10;
    return text_is(c, TEXT_A_TO_F) ? c - 'A' + 10 : -1;
}

static char lower(char c)
{
    return text_is(c, TEXT_UPPER) ? (char)(c + ('a' - 'A')) : c;
}

/* Most characters that are compared are the same in case, too. */
static bool equal_ci(char a, char b)
{
    return a == b || lower(a) == lower(b);
}

void text_trim(const char **text, size_t *len)
{
    while (*len > 0 && text_is(**text, TEXT_BLANK)) {
        (*text)++;
        (*len)--;
    }
    while (*len > 0 && text_is((*text)[*len - 1], TEXT_BLANK))
        (*len)--;
}

const char *text_element_end(const char *text)
{
    bool quoted = false;

    for (; *text != '\0' && (quoted || *text != ','); text++) {
        if (*text == '"')
            quoted = !quoted;
        else if (quoted && *text == '\\' && text[1] != '\0')
            text++;
    }
    return text;
}

bool text_is_token(const char *text, size_t len)
{
    return len > 0 && text_is_all(text, len, TEXT_TCHAR);
}

bool text_is_visible(const char *text, size_t len)
{
    return len > 0 && text_is_all(text, len, TEXT_VISIBLE);
}

size_t text_utf8_next(const char *text, size_t len, uint32_t *code)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *p = (const unsigned char *)text;
    size_t n = 1;
    uint32_t c;

    if (len == 0)
        return 0;
    c = p[0];
    if (c >= 0x80) {
        n = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
        if (c < 0xc2 || c > 0xf4 || n > len)
            return 0;
        c &= 0x7fu >> n;
    }
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (p[i] & 0x3fu);
    }
    if (c < smallest[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return 0;
    *code = c;
    return n;
}

bool text_is_utf8(const char *text, size_t len)
{
    while (len > 0) {
        uint32_t code;
        size_t n = text_utf8_next(text, len, &code);

        if (n == 0)
            return false;
        text += n;
        len -= n;
    }
    return true;
}

bool text_equal_ci(const char *a, const char *b)
{
    while (*a != '\0' && equal_ci(*a, *b)) {
        a++;
        b++;
    }
    return *a == '\0' && *b == '\0';
}

bool text_starts_ci(const char *text, const char *prefix)
{
    while (*prefix != '\0' && equal_ci(*text, *prefix)) {
        text++;
        prefix++;
    }
    return *prefix == '\0';
}

bool text_parse_u64(const char *text, size_t len, uint64_t *out)
{
    uint64_t n = 0;

    if (len == 0)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (!text_is(text[i], TEXT_DIGIT) || __builtin_mul_overflow(n, UINT64_C(10), &n) ||
            __builtin_add_overflow(n, (uint64_t)(text[i] - '0'), &n))
            return false;
    }
    *out = n;
    return true;
}

static int64_t cap_retry_after(int64_t seconds)
{
    if (seconds < 0)
        return 0;
    return seconds > RETRY_AFTER_MAX ? RETRY_AFTER_MAX : seconds;
}

bool text_parse_retry_after(const char *text, int64_t now_unix, int64_t *seconds)
{
    size_t len = strlen(text);
    uint64_t delta;

    if (len > 0 && text_is_all(text, len, TEXT_DIGIT)) {
        /* More digits than fit are still a number of seconds, and a large one. */
        if (!text_parse_u64(text, len, &delta) || delta > RETRY_AFTER_MAX)
            delta = RETRY_AFTER_MAX;
        *seconds = (int64_t)delta;
        return true;
    }
    time_t when = curl_getdate(text, NULL);
    if (when == -1)
        return false;
    *seconds = cap_retry_after((int64_t)when - now_unix);
    return true;
}
