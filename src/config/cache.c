/*
 * The section alone turns the cache on, for each of its keys has a default. So it is no key that
 * says so, and a drop-in cannot turn it off again.
 */
#include "config/cache.h"

#include "config/snapshot.h"

bool config_cache_is_on(const struct config *config)
{
    return snapshot_of(config)->has_cache;
}
