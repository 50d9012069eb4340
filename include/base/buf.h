/*
 * A growing buffer that must name its maximum. Growth past it, or refused by the system, marks the
 * buffer as failed: later appends do nothing and return the same error, so a run of appends needs
 * one check at its end. The data is always followed by a NUL that does not count.
 *
 * Not shared between threads.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct buf {
    char *data; /* NULL while nothing was appended */
    size_t len;
    size_t cap;
    size_t max; /* bytes of data, the NUL aside */
    enum err err;
    bool secret; /* every copy is overwritten before it is freed */
};

void buf_init(struct buf *buf, size_t max);
/* For what must leave no trace: growing, emptying and freeing overwrite the old bytes. */
void buf_init_secret(struct buf *buf, size_t max);
/* Frees what it holds; it is then empty, and may be used again. */
void buf_fini(struct buf *buf);

/*
 * ERR_TOO_LARGE past max, ERR_SYSTEM when memory is refused; nothing of this piece is appended,
 * the data so far stays.
 */
enum err buf_append(struct buf *buf, const void *data, size_t len);
enum err buf_puts(struct buf *buf, const char *text);
enum err buf_putc(struct buf *buf, char c);
enum err buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The text so far, NUL-terminated; "" for an empty one. Borrowed. */
const char *buf_text(const struct buf *buf);

/* Empties it and keeps its memory; clears the failure. */
void buf_reset(struct buf *buf);

/* Hands the data over (free it; may be NULL when len is 0) and leaves the buffer empty. */
char *buf_take(struct buf *buf, size_t *len);

#endif
