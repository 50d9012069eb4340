/*
 * Answers by their keys, bounded in bytes: 16 shards, each with a mutex, a hash table and the
 * queues of S3-FIFO (Yang et al., SOSP 2023).
 *
 * Any thread. LOCK ESSAY: to be written with the code.
 */
#ifndef CACHE_TABLE_H
#define CACHE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cache/answer.h"
#include "cache/key.h"

struct table;

/* max_size: bytes of all answers and of the table itself. */
struct table *table_new(size_t max_size);
void table_free(struct table *table); /* gives back all references; the counters go back too */

/* A reference, or NULL. It counts as a use. */
struct answer *table_get(struct table *table, const struct cache_key *key);
/*
 * Adds it, or puts it in the place of the one that is there; takes a reference of its own. False:
 * not kept, for table_forget came since `since`, or it is larger than a tenth of a shard.
 */
bool table_put(struct table *table, const struct cache_key *key, struct answer *answer,
               uint64_t since);
/* Removes this very answer, if it is still there. */
void table_remove(struct table *table, const struct cache_key *key, const struct answer *answer);

/* What table_put is given: read before the call for the answer begins. */
uint64_t table_now(const struct table *table);
/* All answers of this postcode (cache_key_postcode), or (NULL) all: how many there were. */
size_t table_forget(struct table *table, const uint64_t *postcode);

struct table_totals {
    size_t items;
    size_t bytes; /* of the table itself too */
    size_t max_size;
};
struct table_totals table_totals(const struct table *table);

#endif
