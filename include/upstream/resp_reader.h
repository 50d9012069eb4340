/*
 * Replies of RESP2 out of bytes that come in pieces, by hiredis's redisReader: it says where each
 * ends; what is kept of it, and how much, is decided here. Private to src/upstream.
 *
 * Nothing that a server announces is taken at its word: memory grows with the bytes that have come,
 * never with a length or a number of elements that was promised. Bytes that are no RESP2 (types of
 * RESP3 among them), and a reply over the bounds of resp_types.h, end the reader: it says so from
 * then on.
 *
 * Any thread, one at a time.
 */
#ifndef UPSTREAM_RESP_READER_H
#define UPSTREAM_RESP_READER_H

#include <stddef.h>

#include "upstream/resp_types.h"

struct resp_reader;

/* NULL: no memory. */
struct resp_reader *resp_reader_new(void);
void resp_reader_free(struct resp_reader *reader); /* NULL is allowed */

void resp_reader_feed(struct resp_reader *reader, const char *bytes, size_t len);

enum resp_read {
    RESP_READ_REPLY,
    RESP_READ_MORE, /* the next reply is not complete */
    RESP_READ_BAD,  /* it ended; resp_reader_fault says why */
};
/* *reply is borrowed until the next call of this header. */
enum resp_read resp_reader_next(struct resp_reader *reader, const struct resp_reply **reply);
/* One phrase: "a reply with too many elements"; a constant. */
const char *resp_reader_fault(const struct resp_reader *reader);

#endif
