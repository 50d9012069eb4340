/*
 * What becomes of a call's result: whether it is kept, and what the callers get who wait for it.
 * Private to src/cache.
 *
 * Any thread.
 */
#ifndef CACHE_LANDING_H
#define CACHE_LANDING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"
#include "cache/cache.h"

/* What a call is made for. All borrowed. */
struct landing_call {
    struct cache *cache;
    const struct config *config;
    const struct config_route *route;
    const struct cache_key *keys; /* in the route's order of upstreams */
    struct answer *stale;         /* at hand when it began; NULL: none */
    size_t stale_place;           /* of its upstream in the route */
    uint64_t since;               /* table_now, when it began */
};

struct landing {
    struct lookup_result result; /* without a body: that is in `answer`, if there is one */
    struct answer *answer;       /* a reference; NULL: result tells all */
    struct cache_outcome outcome;
    bool failure; /* the call brought no answer of the upstream; what is stale is still good */
};

/*
 * Takes the body of *result, and frees it in the end. What `landing` has beside `answer` is
 * borrowed from *result.
 */
void landing_judge(const struct landing_call *call, struct lookup_result *result,
                   struct mono_time now, struct wall_time wall, struct landing *landing);
/* No result came in time: true where a stale answer may be given instead. */
bool landing_give_stale(const struct landing_call *call, struct mono_time now,
                        struct landing *landing);

/* It failed in a way that no result tells of: the next lookup gets the stale answer, true: if there
 * is one. */
bool landing_note_failure(const struct landing_call *call, struct mono_time now);

/* This very answer may be given although it is stale, for the upstream fails. */
bool landing_covers_failure(const struct answer *stale, struct mono_time now);

/* The NAME of the upstream with this index in the metrics; NULL: it is not in the route. */
const char *landing_upstream(const struct landing_call *call, size_t index);

/* How long nobody else tries what has just failed. */
#define LANDING_RETRY (1 * SECOND)

#endif
