/*
 * How the cache dealt with a lookup, for the metrics, the access line and Cache-Status (RFC 9211).
 */
#ifndef CACHE_OUTCOME_H
#define CACHE_OUTCOME_H

#include <stdbool.h>
#include <stdint.h>

/* X(id, word): the cells of METRIC_CACHE, and the access line's `cache`. */
#define CACHE_RESULTS(X)                                                                           \
    X(CACHE_HIT, "hit")                 /* a fresh answer */                                       \
    X(CACHE_MISS, "miss")               /* a call of the upstream was due */                       \
    X(CACHE_STALE, "stale")             /* a stale answer was given */                             \
    X(CACHE_REVALIDATED, "revalidated") /* the upstream said that the answer is still good */      \
    X(CACHE_BYPASS, "bypass")           /* the caller asked to be left out: no-store */            \
    X(CACHE_JOINED, "joined")           /* another caller's call brought it */

enum cache_result {
#define CACHE_RESULT_ENUM(id, word) id,
    CACHE_RESULTS(CACHE_RESULT_ENUM)
#undef CACHE_RESULT_ENUM
        CACHE_RESULT_COUNT
};
const char *cache_result_word(enum cache_result result);

struct cache_outcome {
    enum cache_result result;
    bool was_stale; /* the call was made because the answer at hand was stale */
    bool failed;    /* CACHE_STALE: the last lookup at the upstream failed */
    bool stored;    /* what the call brought is kept now */
    bool has_answer;
    int64_t age;        /* ns; with has_answer */
    int64_t fresh_for;  /* ns, negative for a stale one; with has_answer */
    int status;         /* of the upstream's response; 0: none */
    const char *flight; /* CACHE_JOINED: the GUID that the call was made with; borrowed */
};

/* The value of Cache-Status. */
#define CACHE_STATUS_TEXT 96
void cache_status_write(const struct cache_outcome *outcome, char out[CACHE_STATUS_TEXT]);

#endif
