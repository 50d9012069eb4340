/* What the history remembers, for src/front/history*.c alone. */
#ifndef FRONT_HISTORY_INTERNAL_H
#define FRONT_HISTORY_INTERNAL_H

#include "front/history.h"

#define HISTORY_MAGIC 0x48495354u

/* The counters at the last sample. */
struct history_totals {
    int64_t lookups[METRIC_BUCKET_COUNT + 1];
    int64_t codes[PROBLEM_COUNT];
    int64_t cache[CACHE_RESULT_COUNT];
    int64_t stale_if_error;
    int64_t evictions;
};

struct history_upstream_totals {
    int64_t calls[METRIC_BUCKET_COUNT + 1];
    int64_t queued[METRIC_BUCKET_COUNT + 1];
    int64_t classes[HISTORY_CLASSES];
    int64_t rejected;
    int64_t queue_refused;
    int64_t rate_refused;
    int64_t retries_refused;
    int64_t failovers[METRIC_FAILOVER_REASONS];
};

/* What was last seen of a token, and counted of it: an event is a difference to this. */
struct history_token_seen {
    bool present;
    uint64_t generation;
    struct mono_time expires_at;
    struct mono_time failed_at; /* {0}: no failure */
    enum keeper_state state;
    int64_t rejected;             /* responses that rejected one */
    struct mono_time rejected_at; /* when there were last any; {0}: never */
    uint64_t rejected_generation;
    int64_t evicted[EVICTED_COUNT];
};

struct history_upstream {
    char *name;             /* whose it is */
    uint64_t began;         /* how many samples were taken before */
    struct mono_time since; /* the last of them; {0}: there were none */
    struct history_upstream_totals totals;
    struct history_token_seen seen;
    uint64_t events_noted;
    struct history_event events[HISTORY_EVENTS];
    struct history_upstream_sample samples[HISTORY_SAMPLES];
};

struct history {
    unsigned magic;
    struct history_totals totals;
    struct mono_time sampled; /* the last sample, or its start */
    uint64_t taken;
    struct history_sample samples[HISTORY_SAMPLES];
    struct history_upstream *upstreams[METRIC_UPSTREAMS]; /* by index; NULL: there is none */
    bool used[METRIC_UPSTREAMS];                          /* there was one */
};

/* An empty one, from the counters of now on; frees the one that was there. */
struct history_upstream *history_begin(struct history *history, size_t index, const char *name);
/* Of the counters of an upstream's token: what was counted so far is no news. */
void history_token_begin(struct history_token_seen *seen, size_t index);

/* How much a counter grew since *before, which becomes what it is now. */
static inline uint32_t history_grown(int64_t *before, int64_t now)
{
    const int64_t more = now - *before;

    *before = now;
    return more < 0 ? 0 : more > UINT32_MAX ? UINT32_MAX : (uint32_t)more;
}

#endif
