/*
 * The history goes on whether or not anybody looks at it. Its timer is the main loop's, so a lookup
 * pays nothing for it.
 */
#include "base/check.h"
#include "front/overview.h"
#include "runtime/loop.h"
#include "service/daemon_internal.h"

static void sample(void *arg)
{
    MAGIC_CAST(struct daemon, daemon, arg, DAEMON_MAGIC);
    const struct exposition sources = daemon_exposition(daemon);
    const struct mono_time now = mono_now();

    busy_sample(&daemon->busy, daemon->workers, now);
    history_sample(daemon->history, &sources, now);
    daemon->sampling_timer = timer_start(daemon->loop, HISTORY_INTERVAL, sample, daemon);
}

void sampling_start(struct daemon *daemon)
{
    daemon->history = history_new(mono_now());
    daemon->sampling_timer = timer_start(daemon->loop, HISTORY_INTERVAL, sample, daemon);
    sampling_token(daemon); /* there may be one from before a restart */
}

void sampling_stop(struct daemon *daemon)
{
    timer_stop(&daemon->sampling_timer);
}

void sampling_token(struct daemon *daemon)
{
    const struct exposition sources = daemon_exposition(daemon);
    const struct mono_time now = mono_now();

    history_use(daemon->history, &sources);
    for (size_t i = 0; i < sources.upstream_count; i++) {
        struct keeper_status status;

        keeper_status(sources.upstreams[i].keeper, now, &status);
        history_token(daemon->history, sources.upstreams[i].index, &status, now);
    }
}

void sampling_describe(void *arg, struct overview *overview)
{
    MAGIC_CAST(struct daemon, daemon, arg, DAEMON_MAGIC);

    overview->started = daemon->started;
    overview->began = daemon->began;
    overview->history = daemon->history;
    report_describe(daemon, overview);
    overview->max_connections = atomic_load_explicit(&daemon->quota.limit, memory_order_relaxed);
}
