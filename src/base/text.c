/*
 * Small parsers over bytes from outside. None of them looks at the locale, none changes what it is
 * given, and each says no to what the grammar does not allow: being liberal here would only move
 * the doubt to a later floor.
 */
#include "base/text.h"

#include <string.h>
#include <time.h>

#include "base/check.h"

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

/*
 * HTTP-date (RFC 9110, section 5.6.7). Its three forms are patterns of the same few pieces:
 *   w  a day's short name    W  its long name    m  a month's name
 *   d  day, two digits       e  day, two digits or a space and one
 *   y  year, two digits      Y  year, four       H i S  two digits each
 * and anything else stands for itself.
 */
static const char *const date_forms[] = {
    "w, d m Y H:i:S GMT", /* IMF-fixdate */
    "W, d-m-y H:i:S GMT", /* RFC 850 */
    "w m e H:i:S Y",      /* asctime */
};

static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char *const long_days[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                        "Thursday", "Friday", "Saturday"};

/* Which name `*text` begins with, and steps over it; -1 for none. */
static int take_name(const char **text, const char *const *names, int count)
{
    for (int i = 0; i < count; i++) {
        size_t len = strlen(names[i]);

        if (strncmp(*text, names[i], len) == 0) {
            *text += len;
            return i;
        }
    }
    return -1;
}

static int take_digits(const char **text, int count)
{
    int n = 0;

    for (int i = 0; i < count; i++, (*text)++) {
        if (!text_is(**text, TEXT_DIGIT))
            return -1;
        n = n * 10 + (**text - '0');
    }
    return n;
}

/* A two-digit year more than 50 years ahead is of the century before (same section). */
static int full_year(int two_digits, int64_t now_unix)
{
    time_t now = (time_t)now_unix;
    struct tm tm;

    MUST(gmtime_r(&now, &tm) != NULL);
    int this_year = tm.tm_year + 1900;
    int year = this_year - this_year % 100 + two_digits;
    return year > this_year + 50 ? year - 100 : year;
}

/* One piece of a form into `tm`, stepping over it; false when it is not there. */
static bool take_piece(char piece, const char **text, struct tm *tm, int64_t now_unix)
{
    int n = 0;

    switch (piece) {
    case 'w':
        return take_name(text, days, ARRAY_LEN(days)) >= 0;
    case 'W':
        return take_name(text, long_days, ARRAY_LEN(long_days)) >= 0;
    case 'm':
        tm->tm_mon = n = take_name(text, months, ARRAY_LEN(months));
        return n >= 0;
    case 'e':
        if (**text == ' ') {
            (*text)++;
            tm->tm_mday = n = take_digits(text, 1);
            return n >= 1;
        }
        /* fall through */
    case 'd':
        tm->tm_mday = n = take_digits(text, 2);
        return n >= 1 && n <= 31;
    case 'y':
        n = take_digits(text, 2);
        tm->tm_year = full_year(n, now_unix) - 1900;
        return n >= 0;
    case 'Y':
        n = take_digits(text, 4);
        tm->tm_year = n - 1900;
        return n >= 0;
    case 'H':
        tm->tm_hour = n = take_digits(text, 2);
        return n >= 0 && n <= 23;
    case 'i':
        tm->tm_min = n = take_digits(text, 2);
        return n >= 0 && n <= 59;
    case 'S':
        tm->tm_sec = n = take_digits(text, 2);
        return n >= 0 && n <= 60; /* a leap second */
    default:
        return *(*text)++ == piece;
    }
}

/* timegm puts 31 February right; by the calendar it is no date. */
static bool unix_time_of(const struct tm *read, int64_t *unix_time)
{
    struct tm tm = *read;
    bool leap_second = tm.tm_sec == 60;

    if (leap_second)
        tm.tm_sec = 59; /* so that a day's last second does not look like the next day */
    *unix_time = timegm(&tm) + leap_second;
    return tm.tm_mday == read->tm_mday;
}

static bool parse_form(const char *form, const char *text, int64_t now_unix, int64_t *unix_time)
{
    struct tm tm = {0};

    for (; *form != '\0'; form++) {
        if (*text == '\0')
            return false;
        if (!take_piece(*form, &text, &tm, now_unix))
            return false;
    }
    if (*text != '\0')
        return false;
    return unix_time_of(&tm, unix_time);
}

static bool parse_http_date(const char *text, int64_t now_unix, int64_t *unix_time)
{
    for (size_t i = 0; i < ARRAY_LEN(date_forms); i++) {
        if (parse_form(date_forms[i], text, now_unix, unix_time))
            return true;
    }
    return false;
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
    int64_t when;

    if (len > 0 && text_is_all(text, len, TEXT_DIGIT)) {
        /* More digits than fit are still a number of seconds, and a large one. */
        if (!text_parse_u64(text, len, &delta) || delta > RETRY_AFTER_MAX)
            delta = RETRY_AFTER_MAX;
        *seconds = (int64_t)delta;
        return true;
    }
    if (!parse_http_date(text, now_unix, &when))
        return false;
    *seconds = cap_retry_after(when - now_unix);
    return true;
}
