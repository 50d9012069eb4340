/*
 * The daemon's part of the cache: it makes it, follows a reload, and removes what is of no use any
 * more, so that nothing stays in memory for longer than it may be given.
 */
#include "base/check.h"
#include "cache/cache.h"
#include "service/daemon_internal.h"

#define EXPIRE_INTERVAL (1 * SECOND)

static void expire(void *arg)
{
    MAGIC_CAST(struct daemon, daemon, arg, DAEMON_MAGIC);

    cache_expire(daemon->cache, daemon->setup.config, mono_now());
    daemon->caching_timer = timer_start(daemon->loop, EXPIRE_INTERVAL, expire, daemon);
}

static void run_timer(struct daemon *daemon)
{
    timer_stop(&daemon->caching_timer);
    if (daemon->cache != NULL)
        daemon->caching_timer = timer_start(daemon->loop, EXPIRE_INTERVAL, expire, daemon);
}

void caching_start(struct daemon *daemon)
{
    daemon->cache = cache_new(daemon->setup.config);
    run_timer(daemon);
}

void caching_follow(struct daemon *daemon)
{
    struct cache *before = daemon->cache;

    daemon->cache = cache_follow(before, daemon->setup.config);
    cache_unref(before);
    run_timer(daemon);
}

void caching_stop(struct daemon *daemon)
{
    timer_stop(&daemon->caching_timer);
}
