/* What all workers share: the table, and the keys of its keys' digests. */
#include "cache/cache.h"

#include <stdatomic.h>

#include "base/check.h"
#include "base/mem.h"
#include "config/cache.h"

#define CACHE_MAGIC 0x43414348u

struct cache {
    unsigned magic;
    atomic_uint references;
    int64_t max_size;
    struct cache_hash hash;
    struct table *table;
};

struct cache *cache_new(const struct config *config)
{
    if (!config_cache_is_on(config))
        return NULL;
    struct cache *cache = mem_zalloc(sizeof(*cache));
    MAGIC_SET(cache, CACHE_MAGIC);
    atomic_init(&cache->references, 1);
    cache->max_size = config->cache_max_size;
    cache->hash = cache_hash_make();
    cache->table = table_new((size_t)config->cache_max_size);
    return cache;
}

struct cache *cache_follow(struct cache *before, const struct config *config)
{
    if (before != NULL && config_cache_is_on(config) && before->max_size == config->cache_max_size)
        return cache_ref(before);
    return cache_new(config);
}

struct cache *cache_ref(struct cache *cache)
{
    if (cache != NULL) {
        MAGIC_OK(cache, CACHE_MAGIC);
        atomic_fetch_add_explicit(&cache->references, 1, memory_order_relaxed);
    }
    return cache;
}

void cache_unref(struct cache *cache)
{
    if (cache == NULL ||
        atomic_fetch_sub_explicit(&cache->references, 1, memory_order_acq_rel) != 1)
        return;
    MAGIC_OK(cache, CACHE_MAGIC);
    table_free(cache->table);
    MAGIC_CLEAR(cache);
    mem_free(cache);
}

size_t cache_forget(struct cache *cache, const char *postcode)
{
    if (postcode == NULL)
        return table_forget(cache->table, NULL);
    const uint64_t digest = cache_key_postcode(&cache->hash, postcode);
    return table_forget(cache->table, &digest);
}

struct table_totals cache_totals(const struct cache *cache)
{
    return cache != NULL ? table_totals(cache->table) : (struct table_totals){0};
}

void cache_expire(struct cache *cache, const struct config *config, struct mono_time now)
{
    (void)table_expire(cache->table, now, config->cache_ttl_max);
}

struct table *cache_table(struct cache *cache)
{
    return cache->table;
}

const struct cache_hash *cache_hash(const struct cache *cache)
{
    return &cache->hash;
}
