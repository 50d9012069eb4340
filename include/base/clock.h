/*
 * Time. Two types, so that they cannot be mixed:
 *
 *   struct mono_time   CLOCK_BOOTTIME: goes on while the machine sleeps, and nobody can set it.
 *                      Every deadline, expiry and age is on it.
 *   struct wall_time   CLOCK_REALTIME: for log lines, metrics, JWT claims, and lifetimes that an
 *                      endpoint gives as a point in time.
 *
 * Durations are int64_t nanoseconds, negative ones allowed. Code that decides by time takes `now`
 * as a parameter, so that tests run in false time.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MICROSECOND INT64_C(1000)
#define MILLISECOND (INT64_C(1000) * MICROSECOND)
#define SECOND (INT64_C(1000) * MILLISECOND)
#define MINUTE (INT64_C(60) * SECOND)
#define HOUR (INT64_C(60) * MINUTE)

struct mono_time {
    int64_t ns;
};

struct wall_time {
    int64_t ns; /* since 1970-01-01 00:00:00 UTC */
};

/* A time that never comes. */
#define MONO_NEVER ((struct mono_time){.ns = INT64_MAX})

struct mono_time mono_now(void);
struct wall_time wall_now(void);

/* t + duration; MONO_NEVER stays, and a sum past it becomes it. */
struct mono_time mono_add(struct mono_time t, int64_t duration);
/* later - earlier, in nanoseconds; a difference that does not fit is the nearest that does. */
int64_t mono_diff(struct mono_time later, struct mono_time earlier);
bool mono_before(struct mono_time a, struct mono_time b);
struct mono_time mono_min(struct mono_time a, struct mono_time b);

/* RFC 3339 in UTC with milliseconds, "2026-01-31T23:59:59.123Z"; out has at least CLOCK_TEXT. */
#define CLOCK_TEXT 32
void wall_format(struct wall_time t, char out[CLOCK_TEXT]);
/* The same in whole seconds, rounded down: "2026-01-31T23:59:59Z". */
void wall_format_seconds(struct wall_time t, char out[CLOCK_TEXT]);

#endif
