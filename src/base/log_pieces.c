/*
 * A ring's bytes wrap at its end, so whatever the writer looks for may begin in one piece and end
 * in the other. Only this file knows.
 */
#include "base/log_pieces.h"

#include <string.h>

size_t pieces_length(const struct iovec *pieces, int count)
{
    size_t len = 0;

    for (int i = 0; i < count; i++)
        len += pieces[i].iov_len;
    return len;
}

uint64_t pieces_count(const struct iovec *pieces, int count, char byte)
{
    uint64_t n = 0;

    for (int i = 0; i < count; i++) {
        const char *data = pieces[i].iov_base;

        for (size_t at = 0; at < pieces[i].iov_len; at++)
            n += data[at] == byte;
    }
    return n;
}

size_t pieces_find(const struct iovec *pieces, int count, size_t from, char byte)
{
    size_t before = 0;

    for (int i = 0; i < count; i++) {
        const char *data = pieces[i].iov_base;
        size_t len = pieces[i].iov_len;
        size_t skipped = from > before ? from - before : 0;

        if (skipped < len) {
            const char *found = memchr(data + skipped, byte, len - skipped);

            if (found != NULL)
                return before + (size_t)(found - data);
        }
        before += len;
    }
    return before;
}

int pieces_part(const struct iovec *pieces, int count, size_t from, size_t to, struct iovec *out)
{
    size_t before = 0;
    int n = 0;

    for (int i = 0; i < count; i++) {
        size_t len = pieces[i].iov_len;
        size_t first = from > before ? from - before : 0;
        size_t last = to > before ? to - before : 0;

        if (last > len)
            last = len;
        if (first < last)
            out[n++] = (struct iovec){.iov_base = (char *)pieces[i].iov_base + first,
                                      .iov_len = last - first};
        before += len;
    }
    return n;
}

void pieces_advance(struct iovec **pieces, int *count, size_t len)
{
    while (*count > 0 && len >= (*pieces)->iov_len) {
        len -= (*pieces)->iov_len;
        (*pieces)++;
        (*count)--;
    }
    if (*count > 0) {
        (*pieces)->iov_base = (char *)(*pieces)->iov_base + len;
        (*pieces)->iov_len -= len;
    }
}
