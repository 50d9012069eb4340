/*
 * Answers by their keys, bounded in bytes: 16 shards, each with a hash table and the queues of
 * S3-FIFO (cache/table_shard.h). It takes no clock: whether an answer is fresh is judged by who
 * gets it, and a stale one stays until it is replaced, removed or evicted.
 *
 * The locks: each shard has a mutex, which guards all of the shard: its hash table, its queues with
 * the answers' uses, its ghosts and its counts. The key's first bits choose the shard, and the key
 * is a keyed hash, so shards are used evenly and nobody outside can aim at one. A lookup takes one
 * of them once or twice, for some 100 ns; with 16 of them, workers seldom want the same at the same
 * time. No thread holds two, so there is no order among them.
 *
 * Under a lock nothing is freed, logged, counted in a metric or called back, and no other lock is
 * taken but the allocator's, when a shard grows by 64 entries. What leaves the table under a lock
 * leaves with its reference, which is given back after it: the last one frees, and a body can be
 * large. What is done at once is bounded: a put evicts at most 32 answers, each after at most
 * 1,024 moves in each queue, and a sweep looks at 4,096 entries, before the lock is free for
 * others.
 *
 * The epoch is an atomic number without a lock. table_forget counts it up before it takes the first
 * lock, and table_put reads it under the lock of its shard. So an answer of before is either there
 * when the sweep of its shard begins, and is removed, or is put after that, and is refused.
 *
 * Mutexes and no read-write locks: a hit only counts a use, which could be an atomic increment
 * under a shared lock. But taking a shared lock writes to the lock's cache line as a mutex does,
 * and dearer; it pays where a lock is held for long or wanted by many, which needs more workers
 * than are usual. A shard can have one then, and nothing outside of it changes.
 *
 * Any thread.
 */
#ifndef CACHE_TABLE_H
#define CACHE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cache/answer.h"
#include "cache/key.h"

struct table;

/*
 * max_size: bytes of all answers and of the table itself; from 1 MB on. It keeps METRIC_CACHE_ITEMS
 * and METRIC_CACHE_BYTES, which are sums of all tables, and METRIC_CACHE_EVICTIONS.
 */
struct table *table_new(size_t max_size);
/* Nobody uses it any more. Gives back all references; its items and bytes leave the metrics. */
void table_free(struct table *table);

/* A reference, or NULL. It counts as a use. */
struct answer *table_get(struct table *table, const struct cache_key *key);
/*
 * Adds it, or puts it in the place of the one that is there; takes a reference of its own. False:
 * not kept, for table_forget came since `since`, or it is larger than a tenth of a shard, which is
 * max_size / 160. What was there under this key then stays.
 */
bool table_put(struct table *table, const struct cache_key *key, struct answer *answer,
               uint64_t since);
/* Removes this very answer, if it is still there. */
void table_remove(struct table *table, const struct cache_key *key, const struct answer *answer);

/* What table_put is given: read before the call for the answer begins. */
uint64_t table_now(const struct table *table);
/*
 * Removes all answers of this postcode (cache_key_postcode), or (NULL) all: how many there were. A
 * table_put with what table_now said before is refused from now on, whatever its postcode.
 */
size_t table_forget(struct table *table, const uint64_t *postcode);

/*
 * Removes what is of no use any more (answer_is_of_use), in a bounded part of the table: the next
 * call goes on behind it. How many. By one thread at a time.
 */
size_t table_expire(struct table *table, struct mono_time now, int64_t renewable);

struct table_totals {
    size_t items;
    size_t bytes; /* of the table itself too */
    size_t max_size;
};
struct table_totals table_totals(const struct table *table);

#endif
