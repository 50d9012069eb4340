/*
 * S3-FIFO's ghost queue: which keys were evicted from the small queue lately. Of each there are 16
 * bits, in sets of 16, each set a queue of its own; so it takes two bytes a key and no links. That
 * makes it a guess: a key that was never there is found once in 4,000 times, which only puts an
 * answer in the other queue.
 *
 * Under the lock of its shard.
 */
#ifndef CACHE_TABLE_GHOST_H
#define CACHE_TABLE_GHOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cache/key.h"

#define GHOST_WAYS 16

struct ghost {
    uint16_t *prints; /* `sets` times GHOST_WAYS, the newest first; 0: none */
    uint32_t sets;
};

/* Space for `keys` of them, about. */
void ghost_init(struct ghost *ghost, size_t keys);
void ghost_fini(struct ghost *ghost);
size_t ghost_size(const struct ghost *ghost); /* bytes */

void ghost_add(struct ghost *ghost, const struct cache_key *key);
/* Was it among the last `keys` (about) that were added? It is not any more then. */
bool ghost_take(struct ghost *ghost, const struct cache_key *key, size_t keys);

#endif
