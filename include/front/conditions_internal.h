/*
 * How conditions are found: each finder looks at the overview for one kind of cause. They are run
 * once for each level, and a condition is only begun in the run of its own, so that the worst come
 * first and the least are left out where there are too many. For src/front/conditions*.c alone.
 */
#ifndef FRONT_CONDITIONS_INTERNAL_H
#define FRONT_CONDITIONS_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "front/overview.h"

/* "Lately": the last minute. Compared with it: the rest of the history. */
#define CONDITIONS_RECENT (MINUTE / HISTORY_INTERVAL)

/* What the history says of an upstream. */
struct upstream_trend {
    struct history_durations now, before; /* of calls: the last minute, and what was before */
    struct history_durations queued;      /* waits for a connection in the last minute */
    uint64_t calls;                       /* in the last minute, as are the next */
    uint64_t classes[HISTORY_CLASSES];
    uint64_t rejected; /* responses that rejected the token */
    uint64_t rate_refused, retries_refused;
    uint64_t failovers[METRIC_FAILOVER_REASONS]; /* from it to others */
    unsigned mixed;                              /* samples with such and with good ones */
    double slow;        /* the share of the calls by which it is slow (0.5, 0.99); 0: it is not */
    int64_t slow_above; /* and the duration, in ns */
};

struct diagnosis {
    struct overview *overview;
    enum condition_level level; /* of this run */
    const struct overview_upstream *upstream;
    struct upstream_trend *trend;  /* the upstream's */
    uint64_t codes[PROBLEM_COUNT]; /* in the last minute */
    uint64_t rate_refused;         /* lookups that [upstream] rate ended, in the last minute */
    bool upstream_troubled;        /* one is down or slow: what piles up does so for that */
};

/*
 * An upstream that others stand in for takes no lookup down: its worst is a warning.
 *
 * A condition to be filled, of `diagnosis->upstream` or (NULL) the process; NULL: not in this run.
 */
struct condition *condition_begin(struct diagnosis *diagnosis, enum condition_level level,
                                  struct mono_time since);
/* Cut between two characters where it is too long. */
void condition_put(char out[CONDITION_TEXT], const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The same of a text, which may be shorter than that; `size` of `out`, with the NUL. */
void condition_cut(char *out, size_t size, const char *text);
/* A time of day for people: "23:59:59 UTC", with the date where that is another day. */
#define CONDITION_TIME 32
const char *condition_time(const struct diagnosis *diagnosis, struct mono_time when,
                           char out[CONDITION_TIME]);
/* "1.2 s", "45 ms". */
#define CONDITION_SPAN 24
const char *condition_span(int64_t span, char out[CONDITION_SPAN]);

/* Since when a sample has had something, going back from the newest, with gaps of a minute. */
struct mono_time condition_since(const struct diagnosis *diagnosis,
                                 bool (*has)(const struct diagnosis *diagnosis, size_t age));

/* conditions_routes.c: what becomes of lookups between several upstreams. */
void conditions_routes(struct diagnosis *diagnosis);
/* The same, of one upstream. */
void conditions_way(struct diagnosis *diagnosis);
/* conditions_process.c: all that is no upstream's. */
void conditions_process(struct diagnosis *diagnosis);
/* conditions_cache.c: what is kept, and what is given for want of better. */
void conditions_cache(struct diagnosis *diagnosis);
/* conditions_token.c: the token endpoint, its answers, the budget. */
void conditions_token(struct diagnosis *diagnosis);
/* It lacks a token because the fleet's store is out of reach, and for no other cause. */
bool conditions_lack_store(const struct overview_upstream *upstream);
/* When its lookups begin to fail for that, since it may not request a successor; MONO_NEVER: that
 * is not so. */
struct mono_time conditions_need_store(const struct diagnosis *diagnosis,
                                       const struct overview_upstream *upstream);
/* conditions_slow.c */
void conditions_trend(const struct overview *overview, const struct overview_upstream *upstream,
                      struct upstream_trend *out);
void conditions_slow(struct diagnosis *diagnosis);
/* conditions_upstream.c */
/* Answers come so late that lookups end before them: more than slow. */
bool conditions_are_silent(const struct diagnosis *diagnosis);
void conditions_upstream(struct diagnosis *diagnosis);
/* The token is rejected for some lookups, and has been for a while, and accepted for others. */
bool conditions_are_mixed(const struct diagnosis *diagnosis);
/* Its lookups fail for want of a token, or for one that is rejected. */
bool conditions_want_token(const struct overview_upstream *upstream);

#endif
