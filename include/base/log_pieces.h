/*
 * Bytes that lie in one or two pieces, as a ring hands them out. Only for src/base.
 *
 * Offsets count from the first byte of the first piece. Nothing is copied.
 */
#ifndef BASE_LOG_PIECES_H
#define BASE_LOG_PIECES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

size_t pieces_length(const struct iovec *pieces, int count);
/* How often a byte occurs. */
uint64_t pieces_count(const struct iovec *pieces, int count, char byte);
/* The offset of a byte's first occurrence at or behind `from`; the length where there is none. */
size_t pieces_find(const struct iovec *pieces, int count, size_t from, char byte);
/* The bytes from `from` up to `to`, as at most `count` pieces in `out`; how many pieces. */
int pieces_part(const struct iovec *pieces, int count, size_t from, size_t to, struct iovec *out);
/* Steps over `len` bytes. */
void pieces_advance(struct iovec **pieces, int *count, size_t len);

#endif
