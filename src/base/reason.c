/*
 * A reason may hold a text from outside, such as a path. A cut in the middle of a character would
 * make a valid text invalid UTF-8; so a text that is cut ends with its last whole character.
 */
#include "base/reason.h"

#include <stddef.h>
#include <stdio.h>

static size_t sequence_len(unsigned char lead)
{
    if (lead >= 0xf0)
        return 4;
    if (lead >= 0xe0)
        return 3;
    return lead >= 0xc0 ? 2 : 1;
}

/* The length without an incomplete character at the end. */
static size_t whole_len(const char *text, size_t len)
{
    size_t start = len - 1;

    while (start > 0 && len - start < 4 && ((unsigned char)text[start] & 0xc0) == 0x80)
        start--;
    return len - start < sequence_len((unsigned char)text[start]) ? start : len;
}

void reason_vset(struct reason *reason, const char *format, va_list args)
{
    int len = vsnprintf(reason->text, REASON_MAX, format, args);

    if (len >= REASON_MAX)
        reason->text[whole_len(reason->text, REASON_MAX - 1)] = '\0';
}

void reason_set(struct reason *reason, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    reason_vset(reason, format, args);
    va_end(args);
}
