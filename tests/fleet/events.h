/* What happens when, in false time: one queue, in the order of time, then of planning. */
#ifndef TESTS_FLEET_EVENTS_H
#define TESTS_FLEET_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef void event_fire(void *arg, void *what);

struct event {
    int64_t at; /* ns since the beginning */
    uint64_t number;
    event_fire *fire;
    void *arg, *what;
};

struct events {
    struct event *heap;
    size_t count, room;
    uint64_t planned;
};

void events_add(struct events *events, int64_t at, event_fire *fire, void *arg, void *what);
/* Takes the next one out. False: there is none. */
bool events_take(struct events *events, struct event *out);
/* When the next one is; INT64_MAX: none. */
int64_t events_next(const struct events *events);
/* What is still planned is forgotten; every `what` is freed. */
void events_fini(struct events *events);

#endif
