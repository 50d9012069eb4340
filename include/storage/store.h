/*
 * Keys and values, with or without an expiry. What a value is, is not known here: it is a secret
 * (reference-counted bytes that are overwritten when freed).
 *
 * The lock: one mutex guards the map. It is held for a look-up or an insertion, and while recycling
 * looks through the items; never while a value is freed and never over a callback, so no other lock
 * can be wanted under it. On a lookup's way only the token's keeper comes here, and that is one
 * thread; the mutex is for whoever reads the counts, and for uses to come.
 *
 * Time is passed in, on the clock that goes on during sleep (base/clock.h).
 */
#ifndef STORAGE_STORE_H
#define STORAGE_STORE_H

#include <stddef.h>
#include <uv.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/secret.h"

struct store;

/* Room for max_items; one more is ERR_FULL. */
struct store *store_new(size_t max_items);
/* The recycler must have been stopped. */
void store_free(struct store *store);

/*
 * Puts `value` under `key` (copied), in the place of what was there; the store takes a reference of
 * its own. expires: MONO_NEVER for a permanent item. ERR_FULL: nothing changed.
 */
ERR_CHECKED enum err store_put(struct store *store, const char *key, struct secret *value,
                               struct mono_time expires);

/* A new reference to the value, or NULL: no such item, or expired at `now` (recycled or not). */
struct secret *store_load(struct store *store, const char *key, struct mono_time now);

/* ERR_NOT_FOUND when there was none. */
ERR_CHECKED enum err store_delete(struct store *store, const char *key);

/* Removes what has expired at `now`, and only that; how many items it was. */
size_t store_recycle(struct store *store, struct mono_time now);

/* Items present, the expired but not yet recycled ones included. */
size_t store_count(struct store *store);

/*
 * Recycles every `interval` (ns, over 0) on a timer of `loop`; counts METRIC_STORE_RECYCLED.
 * Stop, on the loop's thread, ends it: no recycling begins after it returns, and the handle is
 * closed in the loop's next turn. Starting again, on the same loop, changes the interval; stopping
 * twice is allowed.
 */
void store_recycler_start(struct store *store, uv_loop_t *loop, int64_t interval);
void store_recycler_stop(struct store *store);

#endif
