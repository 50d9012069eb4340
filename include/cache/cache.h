/*
 * Answers kept and shared (contract 17): between a request that is identified and routed, and its
 * lookup. A lookup is answered from the table, joins a call that is under way, or makes one.
 *
 * `struct cache` is shared by all workers. `struct cache_worker` is a worker's own: its flights.
 */
#ifndef CACHE_CACHE_H
#define CACHE_CACHE_H

#include <stdbool.h>
#include <stddef.h>

#include "cache/outcome.h"
#include "cache/table.h"
#include "config/config.h"
#include "lookup/lookup.h"
#include "lookup/places.h"

struct cache;

/* ---- any thread ---- */

/* One reference. NULL: the configuration has no cache. */
struct cache *cache_new(const struct config *config);
/* After a reload: the same where it serves this configuration too, else a new one; a reference. */
struct cache *cache_follow(struct cache *before, const struct config *config);
struct cache *cache_ref(struct cache *cache); /* NULL is allowed in all three, and gives NULL */
void cache_unref(struct cache *cache);

/* postcode: as lookups have it (postcode_parse); NULL: all. How many answers there were. */
size_t cache_forget(struct cache *cache, const char *postcode);
struct table_totals cache_totals(const struct cache *cache); /* all 0 for NULL */

/*
 * Removes answers that are of no use any more, a bounded number at each call: to be called every
 * second, by one thread. What can be revalidated stays for ttl_max past its lifetime.
 */
void cache_expire(struct cache *cache, const struct config *config, struct mono_time now);

/* The parts, for src/cache. */
struct table *cache_table(struct cache *cache);
const struct cache_hash *cache_hash(const struct cache *cache);

/* ---- a worker ---- */

/* Zero at first, but for what cache_worker_init is given. */
struct cache_worker {
    struct loop *loop;
    const struct lookup_shared *shared; /* borrowed, like the next */
    struct lookup_places *places;
    struct cache *cache;              /* of the present configuration; NULL: there is none */
    struct cache_shape_words *shapes; /* of its upstreams */
    struct flight *flights;           /* all that are under way */
    struct flight *spent;             /* over, but not freed yet */
    struct flight *joinable;          /* of `flights`, the last of each key: a hash table */
};

void cache_worker_init(struct cache_worker *worker, struct loop *loop,
                       const struct lookup_shared *shared, struct lookup_places *places);
/* For the lookups to come; NULL: without a cache. Takes a reference. */
void cache_worker_use(struct cache_worker *worker, struct cache *cache,
                      const struct config *config);
/* Cancels what is under way. No lookup waits any more. */
void cache_worker_fini(struct cache_worker *worker);

/*
 * An answer, or why there is none. The kind is LOOKUP_NOT_MODIFIED where the caller's conditionals
 * say so. The body is in `answer`, and the headers are borrowed from it; NULL: there is neither.
 * The receiver takes a reference of its own: all is good until the function returns.
 */
typedef void cache_done(void *arg, const struct lookup_result *result, struct answer *answer,
                        const struct cache_outcome *outcome);

/* A lookup on its way through the cache, from cache_ask to cache_lookup or cache_ask_end. */
struct cache_ask {
    struct cache_worker *worker;
    const struct config_route *route; /* of the worker's present plan; borrowed, like the next */
    const struct lookup_query *query;
    struct mono_time now;
    struct cache_key keys[CONFIG_UPSTREAMS_MAX]; /* in the route's order */
    struct answer *stale;                        /* a reference; NULL: none is at hand */
    size_t stale_place;
};

/*
 * True: `done` was called, with an answer that was at hand. False: a call is needed; ask holds what
 * is known so far. For a worker that has a cache.
 */
bool cache_ask(struct cache_ask *ask, struct ctx *ctx, cache_done *done, void *arg);
/*
 * Then: joins a call, or makes one. As lookup_start: `done` is called once, perhaps before this
 * returns, and never when ctx is cancelled first. *outcome says what is known at once: CACHE_JOINED
 * with its flight, or CACHE_MISS; it is counted when the lookup ends, however it does.
 * query->stats is kept up to date as the call's own, but only when it ends or ctx is cancelled.
 */
void cache_lookup(struct cache_ask *ask, struct ctx *ctx, cache_done *done, void *arg,
                  struct cache_outcome *outcome);
/* Instead: there will be no call. */
void cache_ask_end(struct cache_ask *ask);

#endif
