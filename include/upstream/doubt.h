/*
 * What a failure says of others: the address that a name had, and the connections to it, are
 * doubted when they are older than what failed. Private to src/upstream, but for doubt_shared.
 *
 * All times are points since which a thing is known or used. Thread: any; all of it is atomic, and
 * what is noted on one thread reaches the others a moment later.
 */
#ifndef UPSTREAM_DOUBT_H
#define UPSTREAM_DOUBT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

struct doubt {
    _Atomic int64_t addresses; /* ns; 0: never */
    _Atomic int64_t connections;
};

/* That of all clients for one upstream's lookups, on all workers, by its index in
 * METRIC_UPSTREAM_*.
 */
struct doubt *doubt_shared(size_t upstream);

/* Addresses that are known since `until`, or for longer, are to be asked for again. */
void doubt_addresses(struct doubt *doubt, struct mono_time until);
bool doubt_is_address(const struct doubt *doubt, struct mono_time since);

/* Connections that were last heard of before `until` are not to be used. */
void doubt_connections(struct doubt *doubt, struct mono_time until);
bool doubt_is_connection(const struct doubt *doubt, struct mono_time since);

#endif
