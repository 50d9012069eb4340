/*
 * The commands of a connection that wait for their replies, in the order in which these come.
 * Private to src/upstream.
 *
 * Thread: the loop's.
 */
#ifndef UPSTREAM_RESP_QUEUE_H
#define UPSTREAM_RESP_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"
#include "upstream/resp_types.h"

/* Up to COMMAND any reply answers; the others are confirmed, or answered with an error. */
enum resp_kind { RESP_AUTHENTICATES, RESP_NAMES, RESP_COMMAND, RESP_SUBSCRIBES, RESP_UNSUBSCRIBES };

struct resp_waiting {
    enum resp_kind kind;
    resp_replied *replied; /* NULL: nobody asks */
    void *arg;
    char *channel; /* owned; NULL: it has none */
    struct mono_time since;
    struct mono_time deadline; /* no earlier than those before */
};

/* A ring; embedded, and begins as zero. */
struct resp_queue {
    struct resp_waiting ring[RESP_COMMANDS];
    size_t first, count;
};

void resp_queue_fini(struct resp_queue *queue);
bool resp_queue_is_full(const struct resp_queue *queue);
/* Not to a full one. */
void resp_queue_add(struct resp_queue *queue, struct resp_waiting waiting);
/* NULL: none waits. */
const struct resp_waiting *resp_queue_first(const struct resp_queue *queue);
/* There is one. It leaves, and its channel is freed. Counts how long it waited, if it is a user's.
 */
struct resp_waiting resp_queue_take(struct resp_queue *queue, struct mono_time now);

#endif
