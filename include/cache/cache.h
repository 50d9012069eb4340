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

#endif
