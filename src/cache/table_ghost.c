/* A queue of fingerprints that forgets by being overwritten. */
#include "cache/table_ghost.h"

#include <string.h>

#include "base/mem.h"

void ghost_init(struct ghost *ghost, size_t keys)
{
    const size_t sets = keys / GHOST_WAYS;

    ghost->sets = sets == 0 ? 1 : sets > UINT32_MAX ? UINT32_MAX : (uint32_t)sets;
    ghost->prints = mem_zalloc(ghost_size(ghost));
}

void ghost_fini(struct ghost *ghost)
{
    mem_free(ghost->prints);
}

size_t ghost_size(const struct ghost *ghost)
{
    return ghost->sets * sizeof(uint16_t) * GHOST_WAYS;
}

/* The second word, for the first chooses shard and bucket. */
static uint16_t *set_of(const struct ghost *ghost, const struct cache_key *key)
{
    return ghost->prints + ((key->words[1] >> 32) * ghost->sets >> 32) * GHOST_WAYS;
}

static uint16_t print_of(const struct cache_key *key)
{
    const uint16_t print = (uint16_t)key->words[1];

    return print != 0 ? print : 1;
}

void ghost_add(struct ghost *ghost, const struct cache_key *key)
{
    uint16_t *set = set_of(ghost, key);

    memmove(set + 1, set, (GHOST_WAYS - 1) * sizeof(*set));
    set[0] = print_of(key);
}

bool ghost_take(struct ghost *ghost, const struct cache_key *key, size_t keys)
{
    const size_t wanted = keys / ghost->sets + 1;
    const size_t ways = wanted < GHOST_WAYS ? wanted : GHOST_WAYS;
    uint16_t *set = set_of(ghost, key);
    const uint16_t print = print_of(key);

    for (size_t i = 0; i < ways; i++) {
        if (set[i] != print)
            continue;
        memmove(set + i, set + i + 1, (GHOST_WAYS - 1 - i) * sizeof(*set));
        set[GHOST_WAYS - 1] = 0;
        return true;
    }
    return false;
}
