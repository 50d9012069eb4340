/*
 * The parts of /status.json. For src/front/status_json*.c alone.
 *
 * Thread: the main loop's.
 */
#ifndef FRONT_STATUS_JSON_INTERNAL_H
#define FRONT_STATUS_JSON_INTERNAL_H

#include <jansson.h>
#include <stddef.h>

#include "base/clock.h"
#include "front/overview.h"

/* status_json_parts.c */
/* Takes the reference. */
void status_json_set(json_t *object, const char *name, json_t *value);
/* null for NULL and "". */
json_t *status_json_text(const char *bytes);
/* null for {0}. */
json_t *status_json_wall(struct wall_time at);
json_t *status_json_moment(const struct overview *overview, struct mono_time at);
/* To the microsecond. */
json_t *status_json_seconds(int64_t duration);

/*
 * With many upstreams several samples are merged into one, and fewer events are given, so that all
 * together are hardly more than those of four: a value costs a third of a microsecond, for which
 * the main loop waits. How many are merged.
 */
size_t status_json_merged(const struct overview *overview);

/* status_json_samples.c */
json_t *status_json_process(const struct overview *overview);
json_t *status_json_upstream(const struct overview *overview, size_t index);

/* status_json_cache.c: only where there is a cache. */
json_t *status_json_cache(const struct overview *overview);

/* status_json_routes.c */
json_t *status_json_routes(const struct overview *overview);
/* What the breaker, a 429 and the rate make of an upstream. */
void status_json_way(json_t *object, const struct overview *overview,
                     const struct overview_upstream *upstream);

#endif
