/*
 * The end, in three steps. Nothing is rejected at first: a load balancer is told by
 * /readyz, and given drain_delay to hear it. Then the listeners close, and the connections go on:
 * each response closes its connection, until the last lookup has ended or drain_timeout is over.
 */
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/metrics.h"
#include "service/daemon_internal.h"

#define DRAIN_LOOK (10 * MILLISECOND)
/*
 * For requests on connections that have not asked yet. Who connects asks at once, as a rule; who
 * does not may never.
 */
#define DRAIN_REQUESTS (2 * SECOND)

static void end(struct daemon *daemon)
{
    drain_stop(daemon);
    loop_stop(daemon->loop);
}

static void answered(void *arg, size_t arriving)
{
    MAGIC_CAST(struct daemon, daemon, arg, DAEMON_MAGIC);
    daemon->drain.asked--;
    daemon->drain.arriving += arriving;
}

static void ask_workers(struct daemon *daemon)
{
    daemon->drain.asked = daemon->worker_count;
    daemon->drain.arriving = 0;
    for (size_t i = 0; i < daemon->worker_count; i++)
        worker_drain(daemon->workers[i], answered, daemon);
}

/*
 * No worker accepts any more. What waits in the backlogs is handed to them, for a socket that is
 * closed resets what waits in it. Handshakes that had begun have until the next look.
 */
static void close_listeners(struct daemon *daemon)
{
    struct drain *drain = &daemon->drain;
    const bool was_refusing = drain->refusing;
    if (!was_refusing)
        listen_refuse(daemon->listen);
    drain->refusing = true;
    if (!accept_rest(daemon->listen, &daemon->callers) || !was_refusing)
        return;
    listen_close(daemon->listen);
    drain->closed = true;
}

static bool requests_are_arriving(const struct drain *drain)
{
    return drain->arriving > 0 && mono_before(mono_now(), drain->requests_until);
}

/*
 * A request may lie unread in a connection that a worker was just about to look at. So nothing is
 * under way when it was so twice in a row, and in between each worker has read what there was.
 */
static void look(struct daemon *daemon, int64_t under_way)
{
    struct drain *drain = &daemon->drain;
    if (drain->asked > 0)
        return;
    const bool quiet = drain->closed && under_way == 0 && !requests_are_arriving(drain);
    drain->quiet_looks = quiet ? drain->quiet_looks + 1 : 0;
    if (!drain->closed)
        close_listeners(daemon);
    ask_workers(daemon);
}

static void look_for_the_end(void *arg)
{
    MAGIC_CAST(struct daemon, daemon, arg, DAEMON_MAGIC);
    struct drain *drain = &daemon->drain;
    drain->timer = NULL;
    int64_t under_way = metric_sum(METRIC_IN_FLIGHT, 0);
    look(daemon, under_way);
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

static void stop_accepting(void *arg)
{
    MAGIC_CAST(struct daemon, daemon, arg, DAEMON_MAGIC);
    struct drain *drain = &daemon->drain;
    drain->until = mono_add(mono_now(), daemon->setup.config->server_drain_timeout);
    drain->requests_until = mono_add(mono_now(), DRAIN_REQUESTS);
    ask_workers(daemon);
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
        timer_start(daemon->loop, daemon->setup.config->server_drain_delay, stop_accepting, daemon);
}

void drain_stop(struct daemon *daemon)
{
    timer_stop(&daemon->drain.timer);
}
