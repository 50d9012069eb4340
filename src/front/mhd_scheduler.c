/*
 * A request that its handler leaves unsettled is parked in one of two ways.
 *
 * First it waits: it stays in libmicrohttpd's epoll, and each run calls its handler again. After
 * MHD_SCHEDULER_WAIT it is suspended: libmicrohttpd takes the connection out of epoll. Resuming
 * puts it back and reads it once without data: three system calls, which most lookups save.
 * docs/decisions/mhd-scheduler.md has the measurements and the rules that were tried before.
 *
 * libmicrohttpd's documentation does not state the following:
 *
 * - While a request waits, MHD_get_timeout always reports pending work, because the handler could
 *   be called again. The scheduler does not ask it then. It runs again as long as responses begin
 *   or end, and once every MHD_SCHEDULER_WAIT: a header section longer than the read buffer, or a
 *   response sent in steps, needs a run without an event on the epoll descriptor.
 * - Resuming only marks a connection. The next run walks all suspended connections to find the
 *   marked ones, 20 to 100 ns each. So the requests settled in a turn are resumed together, and one
 *   run serves them all.
 * - A run can settle and park further requests, because it calls the handlers.
 */
#include "front/mhd_scheduler.h"

#include "base/check.h"

/* Runs in one turn while libmicrohttpd reports that more can be done at once. */
#define RUNS_A_TURN 16

static void start_tick(struct mhd_scheduler *scheduler);

static void tick(void *arg)
{
    struct mhd_scheduler *scheduler = arg;

    scheduler->due = true;
    start_tick(scheduler);
}

static void start_tick(struct mhd_scheduler *scheduler)
{
    scheduler->tick = timer_start(scheduler->loop, MHD_SCHEDULER_WAIT, tick, scheduler);
}

static bool more_to_do(const struct mhd_scheduler *scheduler, unsigned progress_before)
{
    MHD_UNSIGNED_LONG_LONG timeout;

    if (scheduler->waiting > 0)
        return scheduler->sending > 0 && scheduler->progress != progress_before;
    return MHD_get_timeout(scheduler->daemon, &timeout) == MHD_YES && timeout == 0;
}

static void again(void *arg)
{
    struct mhd_scheduler *scheduler = arg;

    scheduler->again = NULL;
    scheduler->due = true;
}

static void run(struct mhd_scheduler *scheduler)
{
    int runs = 0;
    unsigned progress;

    do {
        progress = scheduler->progress;
        scheduler->run_count++;
        MHD_run(scheduler->daemon);
    } while (more_to_do(scheduler, progress) && ++runs < RUNS_A_TURN);
    if (runs == RUNS_A_TURN && scheduler->again == NULL)
        scheduler->again = timer_start(scheduler->loop, 0, again, scheduler);
    if (scheduler->waiting > 0 && scheduler->tick == NULL)
        start_tick(scheduler);
}

static void readable(uv_poll_t *poll, int status, int events)
{
    struct mhd_scheduler *scheduler = poll->data;

    (void)status;
    (void)events;
    loop_awake(poll->loop);
    scheduler->due = true;
}

static void resume_ready(struct mhd_scheduler *scheduler)
{
    struct request *request = scheduler->ready;

    scheduler->ready = NULL;
    scheduler->ready_end = &scheduler->ready;
    for (; request != NULL; request = request->parked.next_ready) {
        request->parked.ready = false;
        MHD_resume_connection(request->connection);
    }
}

static void turn_ends(struct turn_hook *hook)
{
    struct mhd_scheduler *scheduler = CONTAINER_OF(hook, struct mhd_scheduler, turn);
    bool ran = false;

    while (scheduler->due || scheduler->ready != NULL) {
        resume_ready(scheduler);
        scheduler->due = false;
        run(scheduler);
        ran = true;
    }
    if (ran && scheduler->after_runs != NULL)
        scheduler->after_runs(scheduler);
}

/* ---- parking ---- */

/* The tick stops with the last waiting request: it would wake an idle loop for nothing. */
static void stop_waiting(struct mhd_scheduler *scheduler)
{
    scheduler->waiting--;
    if (scheduler->waiting == 0)
        timer_stop(&scheduler->tick);
}

void mhd_scheduler_park(struct mhd_scheduler *scheduler, struct request *request)
{
    request->parked.since = loop_now(scheduler->loop);
    request->parked.suspended = false;
    scheduler->waiting++;
}

void mhd_scheduler_still_parked(struct mhd_scheduler *scheduler, struct request *request)
{
    if (mono_diff(loop_now(scheduler->loop), request->parked.since) < MHD_SCHEDULER_WAIT)
        return;
    stop_waiting(scheduler);
    request->parked.suspended = true;
    MHD_suspend_connection(request->connection);
}

void mhd_scheduler_settled(struct mhd_scheduler *scheduler, struct request *request)
{
    if (!request->parked.suspended) {
        stop_waiting(scheduler);
        scheduler->due = true;
        return;
    }
    MUST(!request->parked.ready);
    request->parked.ready = true;
    request->parked.next_ready = NULL;
    *scheduler->ready_end = request;
    scheduler->ready_end = &request->parked.next_ready;
}

/* ---- what makes a run due ---- */

void mhd_scheduler_make_due(struct mhd_scheduler *scheduler)
{
    scheduler->due = true;
}

void mhd_scheduler_response_begins(struct mhd_scheduler *scheduler)
{
    scheduler->sending++;
    scheduler->progress++;
}

void mhd_scheduler_response_ends(struct mhd_scheduler *scheduler)
{
    scheduler->sending--;
    scheduler->progress++;
}

enum err mhd_scheduler_start(struct mhd_scheduler *scheduler, struct loop *loop,
                             struct MHD_Daemon *daemon)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD);

    MUST(info != NULL);
    *scheduler = (struct mhd_scheduler){.daemon = daemon, .loop = loop, .turn.run = turn_ends};
    scheduler->ready_end = &scheduler->ready;
    if (uv_poll_init(loop_uv(loop), &scheduler->poll, info->epoll_fd) != 0)
        return ERR_SYSTEM;
    scheduler->poll.data = scheduler;
    MUST(uv_poll_start(&scheduler->poll, UV_READABLE, readable) == 0);
    loop_hook_add(loop, &scheduler->turn);
    return ERR_OK;
}

void mhd_scheduler_stop(struct mhd_scheduler *scheduler)
{
    turn_ends(&scheduler->turn);
    timer_stop(&scheduler->again);
    timer_stop(&scheduler->tick);
    loop_hook_remove(scheduler->loop, &scheduler->turn);
    uv_close((uv_handle_t *)&scheduler->poll, NULL);
}
