/*
 * What an answer is found by. A key is made of digests, not of texts, so that the table holds no
 * postcode and no user: 128 bits under keys of this process, which no two lookups share by chance.
 */
#ifndef CACHE_KEY_H
#define CACHE_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/keyed_hash.h"
#include "config/config.h"
#include "lookup/postcode.h"

struct cache_key {
    uint64_t words[2];
    uint64_t postcode; /* of its letters and digits, by which answers are forgotten */
};

/* The secrets that keys are made with; one set for each cache. */
struct cache_hash {
    struct hash_key keys[3];
};
struct cache_hash cache_hash_make(void);

/* What stands for a shape in keys: it is the same for all lookups at an upstream. */
struct cache_shape_words {
    uint64_t words[2];
};
struct cache_shape_words cache_shape_words(const struct cache_hash *hash,
                                           const struct digest *shape);

/*
 * Of a lookup at one upstream. `target`: its bytes as they are sent. `user`: NULL where the
 * upstream is not told who asks; "" is a user too. `postcode` is 0: it is of use only for what is
 * kept, and cache_key_postcode then makes it.
 */
struct cache_key cache_key_make(const struct cache_hash *hash,
                                const struct cache_shape_words *shape, const char *target,
                                const char *user);
uint64_t cache_key_postcode(const struct cache_hash *hash, const char *postcode);
static inline bool cache_key_same(const struct cache_key *a, const struct cache_key *b)
{
    return a->words[0] == b->words[0] && a->words[1] == b->words[1];
}

/*
 * Of all that decides what an upstream answers, how its answer is read, and whether it may be kept:
 * what was stored under another configuration is not found.
 */
struct digest cache_shape(const struct config *config, const struct config_upstream *upstream);

#endif
