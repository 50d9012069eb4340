/*
 * Whether lookups would be answered, and if not why and since when: what /readyz, /tokens, the
 * metric postcoded_ready, the status page and the service manager are told, from one place.
 *
 * Thread: the main loop's.
 */
#ifndef FRONT_READINESS_H
#define FRONT_READINESS_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/clock.h"
#include "front/exposition.h"

struct admin_ports;

/* Adds a line for each reason why the daemon is not ready; true: there is none, it is ready. */
bool readiness_check(const struct exposition *sources, const struct admin_ports *ports,
                     struct mono_time now, struct buf *reasons);

#endif
