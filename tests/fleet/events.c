/* A binary heap. */
#include "events.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/mem.h"

static bool is_before(const struct event *a, const struct event *b)
{
    return a->at != b->at ? a->at < b->at : a->number < b->number;
}

static void swap(struct event *a, struct event *b)
{
    const struct event copy = *a;

    *a = *b;
    *b = copy;
}

void events_add(struct events *events, int64_t at, event_fire *fire, void *arg, void *what)
{
    if (events->count == events->room) {
        events->room = events->room > 0 ? 2 * events->room : 1024;
        events->heap = mem_try_realloc(events->heap, events->room * sizeof(*events->heap));
        MUST(events->heap != NULL);
    }
    size_t i = events->count++;
    events->heap[i] = (struct event){
        .at = at, .number = events->planned++, .fire = fire, .arg = arg, .what = what};
    for (; i > 0 && is_before(&events->heap[i], &events->heap[(i - 1) / 2]); i = (i - 1) / 2)
        swap(&events->heap[i], &events->heap[(i - 1) / 2]);
}

static void sink(struct events *events)
{
    size_t i = 0;

    for (;;) {
        size_t least = i;
        for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < events->count; child++) {
            if (is_before(&events->heap[child], &events->heap[least]))
                least = child;
        }
        if (least == i)
            return;
        swap(&events->heap[i], &events->heap[least]);
        i = least;
    }
}

bool events_take(struct events *events, struct event *out)
{
    if (events->count == 0)
        return false;
    *out = events->heap[0];
    events->heap[0] = events->heap[--events->count];
    sink(events);
    return true;
}

int64_t events_next(const struct events *events)
{
    return events->count > 0 ? events->heap[0].at : INT64_MAX;
}

void events_fini(struct events *events)
{
    for (size_t i = 0; i < events->count; i++)
        mem_free(events->heap[i].what);
    mem_free(events->heap);
    *events = (struct events){.heap = NULL};
}
