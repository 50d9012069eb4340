/* base/text.h */
#include "base/text.h"

#include <check.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "suite.h"

/* A string literal with NULs in it, and its length. */
#define BYTES(s) (s), sizeof(s) - 1

START_TEST(test_token)
{
    static const struct {
        const char *text;
        size_t len;
        bool token, visible;
    } cases[] = {
        {BYTES("Bearer"), true, true},
        {BYTES("!#$%&'*+-.^_`|~09azAZ"), true, true},
        {BYTES(""), false, false},
        {BYTES("a b"), false, false},
        {BYTES("a\tb"), false, false},
        {BYTES("a\r\nb"), false, false},
        {BYTES("a\0b"), false, false},
        {BYTES("\0"), false, false},
        {BYTES("a\x7f"), false, false},
        {BYTES("caf\xc3\xa9"), false, false},
        {BYTES("a,b"), false, true},
        {BYTES("a\"b"), false, true},
        {BYTES("a/b"), false, true},
        {BYTES("a:b"), false, true},
        {BYTES("a=b"), false, true},
        {BYTES("(a)"), false, true},
        {BYTES("a;b@c[d]{e}?<f>\\"), false, true},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ck_assert_msg(text_is_token(cases[i].text, cases[i].len) == cases[i].token, "case %zu", i);
        ck_assert_msg(text_is_visible(cases[i].text, cases[i].len) == cases[i].visible, "case %zu",
                      i);
    }
}
END_TEST

START_TEST(test_token_and_visible_by_byte)
{
    static const char tchars[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
                                 "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

    for (int c = 0; c < 256; c++) {
        char byte = (char)c;

        ck_assert_int_eq(text_is_token(&byte, 1), memchr(tchars, c, sizeof(tchars) - 1) != NULL);
        ck_assert_int_eq(text_is_visible(&byte, 1), c >= 0x21 && c <= 0x7e);
    }
}
END_TEST

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

/* Each class against the list of its characters, which the standards give in other words. */
START_TEST(test_classes)
{
    static const struct {
        uint32_t classes;
        const char *members;
    } cases[] = {
        {TEXT_UPPER, UPPER},
        {TEXT_LOWER, LOWER},
        {TEXT_ALPHA, UPPER LOWER},
        {TEXT_DIGIT, DIGITS},
        {TEXT_ALNUM, UPPER LOWER DIGITS},
        {TEXT_LOWER_HEX, DIGITS "abcdef"},
        {TEXT_HEX, DIGITS "abcdefABCDEF"},
        {TEXT_BLANK, " \t"},
        {TEXT_TCHAR, UPPER LOWER DIGITS "!#$%&'*+-.^_`|~"},
        {TEXT_UNRESERVED, UPPER LOWER DIGITS "-._~"},
        {TEXT_SUB_DELIM, "!$&'()*+,;="},
        {TEXT_PCHAR, UPPER LOWER DIGITS "-._~!$&'()*+,;=:@"},
        {TEXT_PATH, UPPER LOWER DIGITS "-._~!$&'()*+,;=:@/"},
        {TEXT_QUERY, UPPER LOWER DIGITS "-._~!$&'()*+,;=:@/?"},
        {TEXT_IDENTIFIER, UPPER LOWER DIGITS "_"},
        {TEXT_LABEL, UPPER LOWER DIGITS "_-"},
        {TEXT_NAME, UPPER LOWER DIGITS "_-."},
        {TEXT_QUOTE | TEXT_BACKSLASH | TEXT_EQUALS, "\"\\="},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (int c = 0; c < 256; c++) {
            bool member = c != 0 && strchr(cases[i].members, c) != NULL;

            ck_assert_msg(text_is((char)c, cases[i].classes) == member, "case %zu, byte %d", i, c);
        }
    }
}
END_TEST

START_TEST(test_classes_by_range)
{
    for (int c = 0; c < 256; c++) {
        char byte = (char)c;

        ck_assert_int_eq(text_is(byte, TEXT_CONTROL), c < 0x20 || c == 0x7f);
        ck_assert_int_eq(text_is(byte, TEXT_NOT(TEXT_CONTROL)), c >= 0x20 && c != 0x7f);
        ck_assert_int_eq(text_is(byte, TEXT_PRINTABLE), c >= 0x20 && c <= 0x7e);
        ck_assert_int_eq(text_is(byte, TEXT_VISIBLE), c >= 0x21 && c <= 0x7e);
        ck_assert_int_eq(text_is(byte, TEXT_HIGH), c >= 0x80);
        ck_assert_int_eq(text_is(byte, TEXT_NUL), c == 0);
        /* Of one kind exactly, or the union of two classes would not be what it says. */
        ck_assert_int_eq(__builtin_popcount(text_kinds[c]), 1);
    }
}
END_TEST

START_TEST(test_span_and_all)
{
    ck_assert(text_is_all("", 0, TEXT_DIGIT));
    ck_assert(text_is_all("12a", 2, TEXT_DIGIT));
    ck_assert(!text_is_all("12a", 3, TEXT_DIGIT));
    ck_assert(!text_is_all("1\0002", 3, TEXT_DIGIT));
    ck_assert_uint_eq(text_span("12a4", TEXT_DIGIT), 2);
    ck_assert_uint_eq(text_span("", TEXT_DIGIT), 0);
    ck_assert_uint_eq(text_span("12", TEXT_DIGIT), 2);
    ck_assert_uint_eq(text_span("a\0b", TEXT_ALPHA | TEXT_CONTROL), 1); /* the NUL ends it */
}
END_TEST

START_TEST(test_hex_value)
{
    static const char digits[] = "0123456789abcdef";
    static const char upper[] = "0123456789ABCDEF";

    for (int c = 0; c < 256; c++) {
        const char *digit = c != 0 ? strchr(digits, c) : NULL;
        const char *other = c != 0 ? strchr(upper, c) : NULL;
        int value = digit != NULL   ? (int)(digit - digits)
                    : other != NULL ? (int)(other - upper)
                                    : -1;

        ck_assert_int_eq(text_hex_value((char)c), value);
    }
}
END_TEST

START_TEST(test_utf8)
{
    static const struct {
        const char *text;
        size_t len;
        bool valid;
    } cases[] = {
        {BYTES(""), true},
        {BYTES("plain"), true},
        {BYTES("a\0b"), true},
        {BYTES("\x7f"), true},
        {BYTES("\xc2\x80"), true},         /* U+0080, the first of two bytes */
        {BYTES("\xdf\xbf"), true},         /* U+07FF, the last */
        {BYTES("\xe0\xa0\x80"), true},     /* U+0800 */
        {BYTES("\xed\x9f\xbf"), true},     /* U+D7FF, before the surrogates */
        {BYTES("\xee\x80\x80"), true},     /* U+E000, after them */
        {BYTES("\xef\xbf\xbf"), true},     /* U+FFFF */
        {BYTES("\xf0\x90\x80\x80"), true}, /* U+10000 */
        {BYTES("\xf4\x8f\xbf\xbf"), true}, /* U+10FFFF, the last of all */
        {BYTES("\x80"), false},            /* a continuation alone */
        {BYTES("\xbf"), false},
        {BYTES("\xc0\x80"), false}, /* overlong NUL */
        {BYTES("\xc0\xaf"), false}, /* overlong slash */
        {BYTES("\xc1\xbf"), false},
        {BYTES("\xe0\x80\xaf"), false}, /* overlong in three */
        {BYTES("\xe0\x9f\xbf"), false},
        {BYTES("\xf0\x80\x80\xaf"), false}, /* overlong in four */
        {BYTES("\xf0\x8f\xbf\xbf"), false},
        {BYTES("\xed\xa0\x80"), false},     /* U+D800 */
        {BYTES("\xed\xbf\xbf"), false},     /* U+DFFF */
        {BYTES("\xf4\x90\x80\x80"), false}, /* U+110000 */
        {BYTES("\xf5\x80\x80\x80"), false},
        {BYTES("\xf8\x88\x80\x80\x80"), false},
        {BYTES("\xfe"), false},
        {BYTES("\xff"), false},
        {BYTES("\xc2"), false}, /* cut off */
        {BYTES("\xe2\x82"), false},
        {BYTES("\xf0\x9f\x98"), false},
        {BYTES("\xc2 "), false}, /* broken off */
        {BYTES("\xe2\x82 "), false},
        {BYTES("ok\xc3\xa9ok\xc3"), false},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        /* A copy of its exact size, so that reading past it is seen. */
        char *copy = malloc(cases[i].len + 1);

        memcpy(copy, cases[i].text, cases[i].len);
        copy = realloc(copy, cases[i].len > 0 ? cases[i].len : 1);
        ck_assert_msg(text_is_utf8(copy, cases[i].len) == cases[i].valid, "case %zu", i);
        free(copy);
    }
}
END_TEST

START_TEST(test_utf8_next)
{
    static const struct {
        const char *text;
        size_t len, taken;
        uint32_t code;
    } cases[] = {
        {BYTES("A"), 1, 'A'},
        {BYTES("\0"), 1, 0},
        {BYTES("\xc3\xa9x"), 2, 0xe9},
        {BYTES("\xe2\x82\xac"), 3, 0x20ac},
        {BYTES("\xf0\x9f\x98\x80"), 4, 0x1f600},
        {BYTES(""), 0, 0},
        {BYTES("\xff"), 0, 0},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint32_t code = 0;

        ck_assert_uint_eq(text_utf8_next(cases[i].text, cases[i].len, &code), cases[i].taken);
        ck_assert_uint_eq(code, cases[i].code);
    }
}
END_TEST

START_TEST(test_ci)
{
    static const struct {
        const char *a, *b;
        bool equal, starts;
    } cases[] = {
        {"Bearer", "bEARER", true, true},
        {"", "", true, true},
        {"a", "", false, true},
        {"", "a", false, false},
        {"Content-Length37", "content-length", false, true},
        {"Content-Lengt", "content-length", false, false},
        {"[", "{", false, false}, /* 32 apart, as letters are */
        {"@", "`", false, false},
        {"\xc3\x89", "\xc3\xa9", false, false},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ck_assert_msg(text_equal_ci(cases[i].a, cases[i].b) == cases[i].equal, "case %zu", i);
        ck_assert_msg(text_starts_ci(cases[i].a, cases[i].b) == cases[i].starts, "case %zu", i);
    }
}
END_TEST

START_TEST(test_parse_u64)
{
    static const struct {
        const char *text;
        bool valid;
        uint64_t value;
    } cases[] = {
        {"0", true, 0},
        {"007", true, 7},
        {"18446744073709551615", true, UINT64_MAX},
        {"18446744073709551616", false, 0},
        {"99999999999999999999999", false, 0},
        {"", false, 0},
        {"-1", false, 0},
        {"+1", false, 0},
        {" 1", false, 0},
        {"1 ", false, 0},
        {"0x10", false, 0},
        {"1.0", false, 0},
        {"1e3", false, 0},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint64_t value = 0;
        bool valid = text_parse_u64(cases[i].text, strlen(cases[i].text), &value);

        ck_assert_msg(valid == cases[i].valid, "case %zu", i);
        ck_assert_uint_eq(value, cases[i].value);
    }
    uint64_t part = 0;
    ck_assert(text_parse_u64("123456", 3, &part));
    ck_assert_uint_eq(part, 123);
}
END_TEST

/* RFC 9110's own example, in its three forms: Sun, 06 Nov 1994 08:49:37 GMT. */
#define EXAMPLE INT64_C(784111777)
#define DAY INT64_C(86400)

START_TEST(test_retry_after)
{
    static const struct {
        const char *text;
        int64_t now;
        int64_t seconds; /* -1: not valid */
    } cases[] = {
        {"0", 0, 0},
        {"120", 0, 120},
        {"86400", 0, 86400},
        {"86401", 0, 86400},
        {"99999999999999999999999999", 0, 86400},
        {"", 0, -1},
        {"-1", 0, -1},
        {"+1", 0, -1},
        {"1.5", 0, -1},
        {" 1", 0, -1},
        {"1 ", 0, -1},
        {"120, 130", 0, -1},
        {"soon", 0, -1},

        {"Sun, 06 Nov 1994 08:49:37 GMT", EXAMPLE - 30, 30},
        {"Sunday, 06-Nov-94 08:49:37 GMT", EXAMPLE - 30, 30},
        {"Sun Nov  6 08:49:37 1994", EXAMPLE - 30, 30},
        {"Sun Nov 06 08:49:37 1994", EXAMPLE - 30, 30},
        {"Wed Nov 16 08:49:37 1994", EXAMPLE + 10 * DAY - 30, 30},
        {"Sun, 06 Nov 1994 08:49:37 GMT", EXAMPLE, 0},
        {"Sun, 06 Nov 1994 08:49:37 GMT", EXAMPLE + 1, 0},
        {"Sun, 06 Nov 1994 08:49:37 GMT", EXAMPLE - 2 * DAY, 86400},
        {"Sun, 06 Nov 1994 08:49:60 GMT", EXAMPLE, 23}, /* a leap second */
        {"Sat, 31 Dec 2016 23:59:60 GMT", 1483228799, 1},
        {"Sunday, 06-Nov-94 08:49:37 GMT", INT64_C(1769903999), 0}, /* 1994 in 2026, not 2094 */
        {"Thursday, 29-Feb-24 00:00:05 GMT", INT64_C(1709164800), 5},

        /* Not an HTTP-date, and yet one moment. */
        {"sun, 06 nov 1994 08:49:37 gmt", EXAMPLE - 30, 30},
        {"Sun, 06 Nov 1994 08:49:37 UTC", EXAMPLE - 30, 30},
        {"Sun, 06 Nov 1994 09:49:37 +0100", EXAMPLE - 30, 30},
        {"Sun, 6 Nov 1994 08:49:37 GMT", EXAMPLE - 30, 30},
        {"Sun, 06-Nov-94 08:49:37 GMT", EXAMPLE - 30, 30},
        {"Sun Nov 6 08:49:37 1994", EXAMPLE - 30, 30},

        {"Sun, 00 Nov 1994 08:49:37 GMT", EXAMPLE, -1},
        {"Sun, 32 Nov 1994 08:49:37 GMT", EXAMPLE, -1},
        {"Sun, 06 Nov 1994 24:00:00 GMT", EXAMPLE, -1},
        {"Sun, 06 Nov 1994 08:60:00 GMT", EXAMPLE, -1},
        {"Sun, 06 Nov 1994 08:49:61 GMT", EXAMPLE, -1},
        {"Sun, 06 Nov 1994 08:49:37 GM", EXAMPLE, -1},
        {"Sun, 06 Now 1994 08:49:37 GMT", EXAMPLE, -1},
        {"Son, 06 Nov 1994 08:49:37 GMT", EXAMPLE, -1},
        {"Sun Nov  0 08:49:37 1994", EXAMPLE, -1},
        {"1994-11-06T08:49:37Z", EXAMPLE, -1},
        {"Nov 6", EXAMPLE, -1},
        {"08:49:37", EXAMPLE, -1},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t seconds = -1;
        bool valid = text_parse_retry_after(cases[i].text, cases[i].now, &seconds);

        ck_assert_msg(valid == (cases[i].seconds >= 0), "\"%s\"", cases[i].text);
        ck_assert_msg(seconds == cases[i].seconds, "\"%s\": %" PRId64, cases[i].text, seconds);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("text");
    TCase *tcase = tcase_create("text");

    tcase_add_test(tcase, test_token);
    tcase_add_test(tcase, test_token_and_visible_by_byte);
    tcase_add_test(tcase, test_classes);
    tcase_add_test(tcase, test_classes_by_range);
    tcase_add_test(tcase, test_span_and_all);
    tcase_add_test(tcase, test_hex_value);
    tcase_add_test(tcase, test_utf8);
    tcase_add_test(tcase, test_utf8_next);
    tcase_add_test(tcase, test_ci);
    tcase_add_test(tcase, test_parse_u64);
    tcase_add_test(tcase, test_retry_after);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
