/*
 * A ring, because it is as long as it may get, and no command costs an allocation for its place in
 * it.
 */
#include "upstream/resp_queue.h"

#include "base/check.h"
#include "base/mem.h"
#include "base/metrics.h"

static struct resp_waiting leave(struct resp_queue *queue)
{
    struct resp_waiting *waiting = &queue->ring[queue->first];

    queue->first = (queue->first + 1) % RESP_COMMANDS;
    queue->count--;
    mem_free(waiting->channel);
    waiting->channel = NULL;
    return *waiting;
}

void resp_queue_fini(struct resp_queue *queue)
{
    while (queue->count > 0)
        leave(queue);
}

bool resp_queue_is_full(const struct resp_queue *queue)
{
    return queue->count == RESP_COMMANDS;
}

void resp_queue_add(struct resp_queue *queue, struct resp_waiting waiting)
{
    MUST(queue->count < RESP_COMMANDS);
    queue->ring[(queue->first + queue->count++) % RESP_COMMANDS] = waiting;
}

const struct resp_waiting *resp_queue_first(const struct resp_queue *queue)
{
    return queue->count > 0 ? &queue->ring[queue->first] : NULL;
}

struct resp_waiting resp_queue_take(struct resp_queue *queue, struct mono_time now)
{
    MUST(queue->count > 0);
    struct resp_waiting waiting = leave(queue);

    if (waiting.kind >= RESP_COMMAND)
        metric_observe(METRIC_FLEET_STORE_DURATION, mono_diff(now, waiting.since));
    return waiting;
}
