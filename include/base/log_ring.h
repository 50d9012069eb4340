/*
 * A ring of whole lines between one thread that puts and one that takes. Only for src/base.
 *
 * Threads: `head` is stored by the putter alone, `tail` by the taker alone; each reads the other's
 * with acquire, so bytes are there when the number says so, and free when the number says so. It is
 * reference-counted, because the thread that owns it and the writer part in either order.
 */
#ifndef BASE_LOG_RING_H
#define BASE_LOG_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

/* A power of two. */
#define LOG_RING_SIZE ((size_t)256 * 1024)

struct log_ring;

struct log_ring *log_ring_new(void); /* one reference */
struct log_ring *log_ring_ref(struct log_ring *ring);
void log_ring_unref(struct log_ring *ring);

/* Putter: all of the line, or false and nothing. */
bool log_ring_put(struct log_ring *ring, const char *line, size_t len);
/* Putter: more than half full. */
bool log_ring_is_high(const struct log_ring *ring);
/* Putter, the last thing it does: nothing more will come. */
void log_ring_close(struct log_ring *ring);

/* Taker: what is there, as one or two pieces that stay until log_ring_drop; how many pieces. */
int log_ring_peek(const struct log_ring *ring, struct iovec pieces[2]);
void log_ring_drop(struct log_ring *ring, size_t len);
/* Taker: closed, and all was taken. */
bool log_ring_is_spent(const struct log_ring *ring);

#endif
