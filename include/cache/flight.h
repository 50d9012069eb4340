/*
 * A flight is one call to the upstream with all the lookups that wait for it. It goes on under a
 * context of its own, with the GUID and the trace of the lookup that began it, so that any of them
 * may leave: at its own deadline, or with its caller. When the last one leaves, the flight is
 * cancelled, and its connection closed.
 *
 * A lookup joins while no byte of the response is there, and while the first one's time lasts and
 * is not too short to begin the call: then no flight lasts longer than two lookups may. Private to
 * src/cache.
 *
 * Thread: the worker's.
 */
#ifndef CACHE_FLIGHT_H
#define CACHE_FLIGHT_H

#include <stdbool.h>
#include <stddef.h>

#include "cache/cache.h"

struct flight;

struct flight_plan {
    struct cache_worker *worker;
    struct cache *cache; /* borrowed, like all here: the flight copies, or takes references */
    const struct config_route *route;
    const struct cache_key *keys; /* one for each upstream of the route */
    const struct cache_key *key;  /* of the flight */
    const struct lookup_query *query;
    struct answer *stale;
    size_t stale_place;
    int64_t reserve; /* ns that it ends before its deadline, for those who wait; 0: it does not */
};

/* One that may be joined; NULL: there is none. */
struct flight *flight_find(struct cache_worker *worker, const struct cache_key *key);
/* There is one, whether or not it may be joined. */
bool flight_is_under_way(const struct cache_worker *worker, const struct cache_key *key);
/*
 * Under the GUID and trace of `ctx`, until `deadline` less plan->reserve. `joinable`: flight_find
 * may find it. It does not call before flight_go, so that there is somebody to wait for it.
 */
struct flight *flight_new(const struct flight_plan *plan, const struct ctx *ctx,
                          struct mono_time deadline, bool joinable);
/* It goes on though nobody waits for it. The place that was taken for it is left when it is over.
 */
void flight_stay(struct flight *flight);
/* A lookup under `ctx` waits: see cache_lookup. `stats` is copied to when it ends or leaves. */
void flight_join(struct flight *flight, struct ctx *ctx, const struct lookup_query *query,
                 cache_done *done, void *arg);
/* It may be over when this returns. */
void flight_go(struct flight *flight);

const char *flight_guid(const struct flight *flight);

/* Cancels all, which nobody waits for any more, and frees them. */
void flight_end_all(struct cache_worker *worker);

#endif
