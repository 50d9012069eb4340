/*
 * The end, in three steps. Nothing is rejected at first: a load balancer is told by
 * /readyz, and given drain_delay to hear it. Then the doors close, and what is inside goes on: each
 * response closes its connection, until the last lookup has ended or drain_timeout is over.
 */
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/metrics.h"
#include "service/daemon_internal.h"

#define DRAIN_LOOK (10 * MILLISECOND)

static void end(struct daemon *daemon)
{
    drain_stop(daemon);
    loop_stop(daemon->loop);
}

/*
 * Twice in a row nothing under way: a request may lie unread in a connection that a worker was
 * just about to look at.
 */
static void look_for_the_end(void *arg)
{
    MAGIC_CAST(struct daemon, daemon, arg, DAEMON_MAGIC);
    struct drain *drain = &daemon->drain;
    drain->timer = NULL;
    int64_t under_way = metric_sum(METRIC_IN_FLIGHT, 0);
    drain->quiet_looks = under_way == 0 && drain->accepting == 0 ? drain->quiet_looks + 1 : 0;
    if (drain->quiet_looks >= 2) {
        log_notice(NULL, "drained: every lookup has its response");
        end(daemon);
    } else if (mono_before(drain->until, mono_now())) {
        log_warning(NULL, "drain_timeout is over: %lld lookups are cut off", (long long)under_way);
        end(daemon);
    } else {
        drain->timer = timer_start(daemon->loop, DRAIN_LOOK, look_for_the_end, daemon);
    }
}

/* What came since the workers looked is theirs too: a closed socket resets what waits in it. */
static void doors_closed(void *arg)
{
    MAGIC_CAST(struct daemon, daemon, arg, DAEMON_MAGIC);
    if (--daemon->drain.accepting > 0 || daemon->ending)
        return;
    accept_rest(daemon->listen, &daemon->callers);
    listen_close(daemon->listen);
}

static void close_doors(void *arg)
{
    MAGIC_CAST(struct daemon, daemon, arg, DAEMON_MAGIC);
    struct drain *drain = &daemon->drain;
    drain->until = mono_add(mono_now(), daemon->setup.config->server_drain_timeout);
    drain->accepting = daemon->worker_count;
    for (size_t i = 0; i < daemon->worker_count; i++)
        worker_drain(daemon->workers[i], doors_closed, daemon);
    drain->timer = timer_start(daemon->loop, DRAIN_LOOK, look_for_the_end, daemon);
}

void drain_signal(struct daemon *daemon, int number)
{
    if (daemon->drain.begun) {
        log_warning(NULL, "second signal (SIG%s): ending at once", sigabbrev_np(number));
        end(daemon);
        return;
    }
    log_notice(NULL, "SIG%s: draining; a second signal ends at once", sigabbrev_np(number));
    daemon->drain.begun = true;
    watch_stop(&daemon->watch);
    systemd_stopping();
    report_status(daemon);
    daemon->drain.timer =
        timer_start(daemon->loop, daemon->setup.config->server_drain_delay, close_doors, daemon);
}

void drain_stop(struct daemon *daemon)
{
    timer_stop(&daemon->drain.timer);
}
