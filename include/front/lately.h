/*
 * A counter that should stand still, watched: since when it has grown, and by how much. What
 * happened an hour ago and not since is no news.
 *
 * Thread: the main loop's.
 */
#ifndef FRONT_LATELY_H
#define FRONT_LATELY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

/* It is forgotten so long after it last grew. */
#define LATELY_KNOWN_FOR (10 * MINUTE)

/* All zero at first: the counter is taken to begin at 0. */
struct lately {
    uint64_t total;         /* when last looked at */
    uint64_t count;         /* how much of it is lately */
    struct mono_time since; /* that it grew first */
    struct mono_time last;
};

void lately_look(struct lately *lately, uint64_t total, struct mono_time now);
/* False: it has not grown for LATELY_KNOWN_FOR. */
bool lately_has_grown(const struct lately *lately, struct mono_time now);

#endif
