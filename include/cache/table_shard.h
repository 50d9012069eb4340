/*
 * One shard of the table: answers by their keys, bounded in bytes, and which of them makes room.
 *
 * S3-FIFO (Yang, Zhang, Qiu, Yue and Rashmi: "FIFO queues are all you need for cache eviction",
 * SOSP 2023): a new answer enters the small queue, a tenth of the bytes. At its end, what was used
 * twice goes to the main queue; the rest is evicted, and its key remembered as a ghost. What comes
 * back while its ghost is there enters the main queue. At the main queue's end, what was used goes
 * once more through it, one use less. So what is asked for once never pushes out what is asked for
 * often, and a hit moves nothing.
 *
 * Entries lie in pieces of 64 and name each other by index, 40 bytes each. A piece is not given
 * back before the shard is: it counts as taken, used or not.
 *
 * All functions but shard_init and shard_fini: under the shard's lock (cache/table.h says what
 * for). None frees an answer: they hand their reference to the caller, who gives it back after the
 * lock.
 */
#ifndef CACHE_TABLE_SHARD_H
#define CACHE_TABLE_SHARD_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cache/answer.h"
#include "cache/key.h"
#include "cache/table_ghost.h"

struct shard_entry {
    uint64_t words[2];
    struct answer *answer; /* NULL: a spare entry */
    /* Of 64 bits: that a forgotten postcode takes an answer of another along is rare, and no harm.
     */
    uint32_t postcode;
    uint32_t chain; /* the next in its bucket, or of the spare ones; 0: none */
    /* Neighbours in its queue; 0: none. */
    uint32_t newer : 30;
    uint32_t in_main : 1;
    uint32_t older : 30;
    uint32_t uses : 2; /* 3 stands for more too */
};

struct shard_queue {
    uint32_t newest;
    uint32_t oldest;
    size_t items;
    size_t bytes; /* of answers and entries */
};

struct shard {
    pthread_mutex_t lock;
    size_t share; /* what it may take, in bytes */
    size_t bytes; /* what it takes: answers, entries, buckets, ghosts */
    uint32_t *buckets;
    size_t bucket_count;
    struct shard_entry **pieces; /* index 0 is nobody's */
    size_t piece_count;
    size_t piece_room;
    uint32_t spare;
    struct shard_queue small;
    struct shard_queue main;
    struct ghost ghost;
    char apart[64]; /* from the next one's cache line */
};

void shard_init(struct shard *shard, size_t share);
/* It must be empty. */
void shard_fini(struct shard *shard);

size_t shard_items(const struct shard *shard);

/* Borrowed; NULL: none. It counts as a use. */
struct answer *shard_use(struct shard *shard, const struct cache_key *key);
/* It can be put without passing the share. */
bool shard_has_room(const struct shard *shard, const struct cache_key *key,
                    const struct answer *answer);
/* Removes the answer that is worth least; NULL: it is empty. */
struct answer *shard_evict(struct shard *shard);
/* Takes over a reference; returns the answer in whose place it came, or NULL. */
struct answer *shard_put(struct shard *shard, const struct cache_key *key, struct answer *answer);
/* Removes this very answer: it, or NULL. */
struct answer *shard_remove(struct shard *shard, const struct cache_key *key,
                            const struct answer *answer);

/* What is swept out: all that is of `postcode`, or not of use any more; NULL: is not asked. */
struct sweep {
    const uint64_t *postcode;
    const struct mono_time *now; /* with the next, for answer_is_of_use */
    int64_t renewable;
};
/*
 * Looks at the next `*at` and those behind it, and removes those that `sweep` says to `removed`: at
 * most `max` at once, after a bounded number of looks. False: it is through.
 */
bool shard_sweep(struct shard *shard, uint32_t *at, const struct sweep *sweep,
                 struct answer **removed, size_t max, size_t *count);

#endif
