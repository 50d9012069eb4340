/*
 * What operators' endpoints ask the daemon for, because it alone knows.
 *
 * Thread: the main loop's.
 */
#ifndef FRONT_ADMIN_PORTS_H
#define FRONT_ADMIN_PORTS_H

#include <stdbool.h>

#include "base/buf.h"

struct overview;

struct admin_ports {
    void *arg;
    /* Do the workers' loops turn? */
    bool (*healthy)(void *arg);
    bool (*draining)(void *arg);
    /* Adds a line for each reason, beside tokens, why lookups would fail. */
    void (*unready)(void *arg, struct buf *reasons);
    /* Fills in what the daemon alone knows: workers, limits, history, reload. */
    void (*describe)(void *arg, struct overview *overview);
};

#endif
