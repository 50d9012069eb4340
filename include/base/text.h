/* Character classes and small parsers shared by several folders. ASCII only, no locale. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What a byte is: exactly one of these kinds. A class is a union of kinds, so every class is
 * written down here once and each test is one look into one table.
 */
enum text_kind {
    TEXT_NUL = 1 << 0,
    TEXT_TAB = 1 << 1,
    TEXT_OTHER_CONTROL = 1 << 2, /* 0x01 to 0x1f but the tab */
    TEXT_SPACE = 1 << 3,
    TEXT_DIGIT = 1 << 4,
    TEXT_A_TO_F = 1 << 5, /* upper case */
    TEXT_G_TO_Z = 1 << 6,
    TEXT_LOWER_A_TO_F = 1 << 7,
    TEXT_LOWER_G_TO_Z = 1 << 8,
    TEXT_HYPHEN = 1 << 9,
    TEXT_DOT = 1 << 10,
    TEXT_UNDERSCORE = 1 << 11,
    TEXT_TILDE = 1 << 12,
    TEXT_ASTERISK = 1 << 13,
    TEXT_COLON = 1 << 14,
    TEXT_AT = 1 << 15,
    TEXT_SLASH = 1 << 16,
    TEXT_QUESTION = 1 << 17,
    TEXT_QUOTE = 1 << 18,         /* " */
    TEXT_BACKSLASH = 1 << 19,     /* \ */
    TEXT_EQUALS = 1 << 20,        /* = */
    TEXT_DELIM_TCHAR = 1 << 21,   /* ! $ & ' +: sub-delims that a token may hold too */
    TEXT_DELIM_ONLY = 1 << 22,    /* ( ) , ;: sub-delims that it may not */
    TEXT_TCHAR_ONLY = 1 << 23,    /* # % ^ ` | */
    TEXT_OTHER_VISIBLE = 1 << 24, /* < > [ ] { } */
    TEXT_HIGH = 1 << 25,          /* 0x80 to 0xff */
    TEXT_DEL = 1 << 26,
};

/* Every byte that is not in the classes. */
#define TEXT_NOT(classes) (~(uint32_t)(classes))

#define TEXT_UPPER (TEXT_A_TO_F | TEXT_G_TO_Z)
#define TEXT_LOWER (TEXT_LOWER_A_TO_F | TEXT_LOWER_G_TO_Z)
#define TEXT_ALPHA (TEXT_UPPER | TEXT_LOWER)
#define TEXT_ALNUM (TEXT_ALPHA | TEXT_DIGIT)
#define TEXT_LOWER_HEX (TEXT_DIGIT | TEXT_LOWER_A_TO_F)
#define TEXT_HEX (TEXT_LOWER_HEX | TEXT_A_TO_F)
/* OWS (RFC 9110, section 5.6.3). */
#define TEXT_BLANK (TEXT_SPACE | TEXT_TAB)
#define TEXT_CONTROL (TEXT_NUL | TEXT_TAB | TEXT_OTHER_CONTROL | TEXT_DEL)
/* 0x20 to 0x7e, and the same without the space. */
#define TEXT_PRINTABLE TEXT_NOT(TEXT_CONTROL | TEXT_HIGH)
#define TEXT_VISIBLE TEXT_NOT(TEXT_CONTROL | TEXT_HIGH | TEXT_SPACE)
/* A character of a token (RFC 9110, section 5.6.2). */
#define TEXT_TCHAR                                                                                 \
    (TEXT_ALNUM | TEXT_HYPHEN | TEXT_DOT | TEXT_UNDERSCORE | TEXT_TILDE | TEXT_ASTERISK |          \
     TEXT_DELIM_TCHAR | TEXT_TCHAR_ONLY)
/* RFC 3986, sections 2.2, 2.3, 3.3 and 3.4; without the percent sign of a triplet. */
#define TEXT_UNRESERVED (TEXT_ALNUM | TEXT_HYPHEN | TEXT_DOT | TEXT_UNDERSCORE | TEXT_TILDE)
#define TEXT_SUB_DELIM (TEXT_ASTERISK | TEXT_EQUALS | TEXT_DELIM_TCHAR | TEXT_DELIM_ONLY)
#define TEXT_PCHAR (TEXT_UNRESERVED | TEXT_SUB_DELIM | TEXT_COLON | TEXT_AT)
#define TEXT_PATH (TEXT_PCHAR | TEXT_SLASH)
#define TEXT_QUERY (TEXT_PATH | TEXT_QUESTION)
/* Names of our own: variables of the environment, upstreams, keys. */
#define TEXT_IDENTIFIER (TEXT_ALNUM | TEXT_UNDERSCORE)
#define TEXT_LABEL (TEXT_IDENTIFIER | TEXT_HYPHEN)
#define TEXT_NAME (TEXT_LABEL | TEXT_DOT)

extern const uint32_t text_kinds[256];

/* `classes`: kinds and classes from above, joined with |. */
static inline bool text_is(char c, uint32_t classes)
{
    return (text_kinds[(unsigned char)c] & classes) != 0;
}
/* Every byte; true for none. */
bool text_is_all(const char *text, size_t len, uint32_t classes);
/* How many characters of the classes a NUL-terminated text begins with. */
size_t text_span(const char *text, uint32_t classes);
/* What a hexadecimal digit of either case stands for; -1 for any other character. */
int text_hex_value(char c);

/* Without the blanks at both ends. */
void text_trim(const char **text, size_t *len);

/* The end of the first element of a field's list (RFC 9110, section 5.6.1): the comma behind it
 * that is not within quotes, or the end of the text. */
const char *text_element_end(const char *text);

/* A token of RFC 9110, section 5.6.2, of one character or more. */
bool text_is_token(const char *text, size_t len);
/* Visible ASCII, 0x21 to 0x7e, one character or more. */
bool text_is_visible(const char *text, size_t len);
/* Well-formed UTF-8 (RFC 3629: no overlong form, no surrogate). */
bool text_is_utf8(const char *text, size_t len);
/*
 * How many bytes the well-formed UTF-8 character at the start of `text` takes, and which it is; 0
 * when there is none.
 */
size_t text_utf8_next(const char *text, size_t len, uint32_t *code);

/* Equal but for ASCII case. */
bool text_equal_ci(const char *a, const char *b);
bool text_starts_ci(const char *text, const char *prefix);

/* Digits only, no sign, no space; false when it does not fit. */
bool text_parse_u64(const char *text, size_t len, uint64_t *out);

/*
 * Retry-After (RFC 9110, section 10.2.3) as seconds: delta-seconds, or a date that curl_getdate(3)
 * can read, less `now_unix` (0 when it is past). At most 24 h. False when it is neither. `text` has
 * no space around it.
 */
bool text_parse_retry_after(const char *text, int64_t now_unix, int64_t *seconds);

#endif
