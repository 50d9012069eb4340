/*
 * The last two hours in samples of ten seconds, for the status page: what the counters of
 * base/metrics.h counted in each interval, what the gauges read at its end, and what happened to
 * each upstream's token. No lookup does anything for it: the main loop's timer reads the counters.
 *
 * An upstream is named by its index in the metrics. Its memory, about 200 kB, is allocated when it
 * is first seen, kept over reloads, and freed when the upstream is gone: one that comes back, or
 * another that gets its index, begins with an empty history.
 *
 * Thread: the main loop's.
 */
#ifndef FRONT_HISTORY_H
#define FRONT_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "cache/outcome.h"
#include "exchange/problem.h"
#include "front/exposition.h"
#include "token/keeper.h"

#define HISTORY_INTERVAL (10 * SECOND)
#define HISTORY_SAMPLES 720
#define HISTORY_SPAN (HISTORY_SAMPLES * HISTORY_INTERVAL)
/* Events of one upstream's token that are kept; of more than these the oldest are forgotten. */
#define HISTORY_EVENTS 256
#define HISTORY_REASON 160

/* What a duration histogram counted in one interval: its buckets, then those past the last one. */
struct history_durations {
    uint32_t cells[METRIC_BUCKET_COUNT + 1];
};

/* What the cache did in an interval, and what it holds at its end; all 0 without one. */
struct history_cache {
    uint32_t results[CACHE_RESULT_COUNT]; /* lookups, by enum cache_result */
    uint32_t stale_if_error;              /* of those CACHE_STALE: the lookup failed */
    uint32_t evictions;
    uint32_t items;
};

/* Of the process. */
struct history_sample {
    struct mono_time at; /* the end of the interval */
    int64_t length;      /* ns; more than HISTORY_INTERVAL where the machine slept */
    struct history_durations lookups;
    uint32_t codes[PROBLEM_COUNT]; /* requests that ended so */
    uint32_t connections;          /* at the end of the interval, like all below */
    uint32_t in_flight;
    uint32_t token_waiters;
    uint16_t busy_permille; /* of the busiest worker, in the interval */
    struct history_cache cache;
};

/* Calls to an upstream by what came. */
enum history_class {
    HISTORY_NONE,         /* no response */
    HISTORY_GOOD,         /* 2xx, 304, 404 */
    HISTORY_REFUSED,      /* 401, 403 */
    HISTORY_LIMITED,      /* 429 */
    HISTORY_CLIENT_ERROR, /* any other below 500 */
    HISTORY_SERVER_ERROR,
    HISTORY_CLASSES,
};

struct history_upstream_sample {
    struct history_durations calls;
    struct history_durations queued; /* waits for a connection */
    uint32_t classes[HISTORY_CLASSES];
    uint32_t rejected;     /* responses that rejected the token */
    uint32_t queue_length; /* at the end of the interval */
    uint32_t queue_refused;
    uint32_t rate_refused;
    uint32_t retries_refused;                    /* to this upstream, by its retry_budget */
    uint32_t failovers[METRIC_FAILOVER_REASONS]; /* from this upstream, by enum failover_reason */
    enum keeper_state state;
};

enum history_event_kind {
    HISTORY_OBTAINED, /* another generation, or the same with another expiry */
    HISTORY_REQUEST_FAILED,
    HISTORY_REJECTED, /* the upstream rejected it, for the first time in a minute */
    HISTORY_GONE,     /* forgotten or expired without a successor */
};

struct history_event {
    struct mono_time at;
    enum history_event_kind kind;
    uint64_t generation;         /* the present one's, or that of the token that is gone */
    struct mono_time renew_at;   /* HISTORY_OBTAINED */
    struct mono_time expires_at; /* HISTORY_OBTAINED */
    char reason[HISTORY_REASON]; /* HISTORY_REQUEST_FAILED: cut; HISTORY_GONE: the eviction's */
};

struct history;

struct history *history_new(struct mono_time now);
void history_free(struct history *history); /* NULL is allowed */

/*
 * Which upstreams there are from now on; one that gets the index of another, its counters begin
 * anew, too. history_sample does it, but not at once: call it at a reload, before there are
 * lookups.
 */
void history_use(struct history *history, const struct exposition *sources);
/* Takes a sample; called every HISTORY_INTERVAL. */
void history_sample(struct history *history, const struct exposition *sources,
                    struct mono_time now);
/*
 * Something may have changed for the token of an upstream of history_use: notes what did.
 */
void history_token(struct history *history, size_t index, const struct keeper_status *status,
                   struct mono_time now);

/*
 * What no sample holds yet: of `codes`, which were counted since the start, those since the newest
 * sample. Gives since when that is.
 */
struct mono_time history_pending(const struct history *history, const int64_t codes[PROBLEM_COUNT],
                                 int64_t pending[PROBLEM_COUNT]);

/* How many there are, and one of them by age: 0 is the newest. Borrowed until the next sample. */
size_t history_count(const struct history *history);
const struct history_sample *history_at(const struct history *history, size_t age);
/* How many of those know of this upstream: it may be younger than they are. 0: it is unknown. */
size_t history_upstream_count(const struct history *history, size_t index);
/* Since when; {0}: from the first sample on. */
struct mono_time history_upstream_since(const struct history *history, size_t index);
/* Of one that does not know of the upstream: an empty sample. */
const struct history_upstream_sample *history_upstream_at(const struct history *history,
                                                          size_t index, size_t age);
size_t history_event_count(const struct history *history, size_t index);
const struct history_event *history_event_at(const struct history *history, size_t index,
                                             size_t age);

void history_durations_add(struct history_durations *sum, const struct history_durations *more);
uint64_t history_durations_count(const struct history_durations *durations);
/* How many surely took `least` or longer: those of buckets that begin there or later. */
uint64_t history_durations_over(const struct history_durations *durations, int64_t least);
/* What `share` (0 to 1) of the durations did not pass, in ns; -1 where there are none. */
int64_t history_percentile(const struct history_durations *durations, double share);

#endif
