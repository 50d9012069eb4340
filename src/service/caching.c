/*
 * The daemon's part of the cache: it makes it, follows a reload, and removes what is of no use any
 * more, so that nothing stays in memory for longer than it may be given.
 */
#include "base/check.h"
#include "base/log.h"
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

static void tell(const struct cache *before, const struct daemon *daemon)
{
    const char *as = daemon->setup.config->cache_as == CACHE_AS_SHARED ? "shared" : "service";

    if (daemon->cache == before)
        return;
    if (daemon->cache == NULL)
        log_notice(NULL, "the cache is off: what was kept is forgotten");
    else
        log_notice(NULL, "%s: %lld bytes, as = %s",
                   before == NULL ? "the cache is on" : "the cache begins empty, of another size",
                   (long long)daemon->setup.config->cache_max_size, as);
}

void caching_start(struct daemon *daemon)
{
    daemon->cache = cache_new(daemon->setup.config);
    tell(NULL, daemon);
    run_timer(daemon);
}

void caching_follow(struct daemon *daemon)
{
    struct cache *before = daemon->cache;

    daemon->cache = cache_follow(before, daemon->setup.config);
    tell(before, daemon);
    cache_unref(before);
    run_timer(daemon);
}

void caching_stop(struct daemon *daemon)
{
    timer_stop(&daemon->caching_timer);
}
