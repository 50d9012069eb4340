/*
 * The history thinned out to what a plot of the status page can show: columns of equal width, whose
 * bounds are multiples of that width on the clock, so that a plot moves from one page to the next
 * and does not change its form. How far back they go follows from how long the daemon runs, so that
 * its first minutes can be read too.
 *
 * Not shared between threads.
 */
#ifndef FRONT_STATUS_SERIES_H
#define FRONT_STATUS_SERIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "front/history.h"
#include "front/overview.h"

#define SERIES_MAX 180

/* What is looked back on. */
struct series_span {
    struct mono_time now;
    int64_t length; /* ns: ten minutes, half an hour or two hours */
    int64_t step;   /* ns: a column */
    size_t columns; /* the last one holds `now` */
    size_t events;  /* how many of an upstream's events the page shows */
};

/* Lookups that the cache dealt with. */
struct series_cache {
    int64_t results[CACHE_RESULT_COUNT];
    int64_t stale_if_error, evictions;
};

/* Of the process. */
struct series_column {
    int64_t length; /* ns that its samples cover; 0: nothing is known */
    struct history_durations lookups;
    int64_t codes[PROBLEM_COUNT];
    uint32_t connections, in_flight, token_waiters; /* the most */
    uint16_t busy_permille;
    struct series_cache cache;
};

struct series_upstream_column {
    int64_t length;
    struct history_durations calls, queued;
    int64_t queue_refused, rate_refused;
    int64_t classes[HISTORY_CLASSES];
    bool suspect; /* the token, in a sample */
};

struct series_span series_span_of(const struct overview *overview);
/* Where the first column begins. */
struct mono_time series_begin(const struct series_span *span);
/* Which of the overview's upstreams it is. */
size_t series_position(const struct overview *overview, const struct overview_upstream *upstream);
/* The wall time of a moment of the overview. */
struct wall_time series_wall(const struct overview *overview, struct mono_time at);

/* Was a lookup with this result answered without a call of its own? */
bool series_is_without_call(enum cache_result result);
/* The share (0 to 1) of those among all; NAN: there were none. */
double series_without_call(const struct series_cache *cache);

/* `columns` has SERIES_MAX, the oldest first; the span says how many are used. */
void series_fill(const struct overview *overview, const struct series_span *span,
                 struct series_column *columns);
void series_fill_upstream(const struct overview *overview, const struct series_span *span,
                          size_t index, struct series_upstream_column *columns);

/*
 * Everything of the last `time` ns, in one column. Codes are counted up to now, so that a list of
 * problems and their number agree; durations, the cache and all of an upstream up to the newest
 * sample.
 */
void series_sum(const struct overview *overview, int64_t time, struct series_column *sum);
void series_sum_upstream(const struct overview *overview, size_t index, int64_t time,
                         struct series_upstream_column *sum);

#endif
