/* Character classes and small parsers shared by several floors. ASCII only, no locale. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool text_is_digit(char c)
{
    return c >= '0' && c <= '9';
}
/* A space or a tab: OWS (RFC 9110, section 5.6.3). */
static inline bool text_is_blank(char c)
{
    return c == ' ' || c == '\t';
}
/* Without the blanks at both ends. */
void text_trim(const char **text, size_t *len);

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
 * Retry-After (RFC 9110, section 10.2.3) as seconds: delta-seconds, or an HTTP-date less `now`
 * (0 when it is past). False when it is neither; capped at 24 h. `text` has no space around it.
 */
bool text_parse_retry_after(const char *text, int64_t now_unix, int64_t *seconds);

#endif
