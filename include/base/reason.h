/*
 * Why something failed: a text of bounded length, which a function that returns an error leaves for
 * its caller. The caller provides the memory, so an error path allocates nothing.
 *
 * A text is one line, without a final full stop, and names the key, the path or the value. Unless
 * its function says otherwise, a reason is written only on failure: it is not initialised before.
 * Any thread.
 */
#ifndef BASE_REASON_H
#define BASE_REASON_H

#include <stdarg.h>

/* Bytes, the NUL included. The longest text is that of a Unix socket: it holds the path twice. */
#define REASON_MAX 512

struct reason {
    char text[REASON_MAX];
};

/*
 * Writes the text and its NUL, and no byte behind it. A text that is too long is cut between two
 * characters of UTF-8. `reason` is never NULL. The arguments must not point into *reason.
 */
void reason_set(struct reason *reason, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void reason_vset(struct reason *reason, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

#endif
