/*
 * Commands on their way out. Private to src/upstream.
 *
 * Thread: the loop's.
 */
#ifndef UPSTREAM_RESP_OUTPUT_H
#define UPSTREAM_RESP_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "upstream/stream.h"

/* Embedded. */
struct resp_output {
    struct buf out;  /* under way; the first `sent` bytes are gone */
    struct buf next; /* after it */
    size_t sent;
    bool wants_room; /* the stream calls `ready` when there is some */
    bool broken;     /* the stream takes no more; there may be something to read all the same */
};

/* At most `max` bytes wait behind those under way. */
void resp_output_init(struct resp_output *output, size_t max);
void resp_output_fini(struct resp_output *output);

/* A command; the words may hold any byte. False: there is no room, and nothing was added. */
bool resp_output_add(struct resp_output *output, const char *const *words, const size_t *lengths,
                     size_t count);
/* Whether resp_output_send would send something now. */
bool resp_output_waits(const struct resp_output *output);
/* As much as the stream takes. */
void resp_output_send(struct resp_output *output, struct stream *stream);

#endif
