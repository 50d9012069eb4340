/*
 * A request that was not settled when its handler returned is parked, in one of two ways. It waits:
 * the handler returns without an answer, and is called again in each run. Or it is suspended: taken
 * out of libmicrohttpd's epoll, put back when it is settled, and read in vain then, three system
 * calls. So waiting is for short times and suspension for long ones: when requests of late were
 * parked for many runs, or for as many milliseconds, a new one is suspended at once; and one that
 * has waited as long as that is worth, or through a millisecond in which nothing else gave cause to
 * a run, is suspended after all.
 *
 * While a request waits, libmicrohttpd says at all times that it has something to do, and is not
 * believed: it is run again while answers begin and end, and a millisecond later if nothing else
 * makes it run, for a head that was longer than its buffer, or an answer that goes out in steps.
 *
 * Resuming is dear: each run that resumes walks all suspended connections, 20 to 100 ns each. So
 * suspended requests that are settled are gathered in a list, and resumed all at once; and where
 * very many are suspended, such runs keep a distance from each other, so that the walks take about
 * a sixth of the time at most. One that comes after a pause has not to wait.
 */
#include "front/mhd_scheduler.h"

#include "base/check.h"

/* Runs in one turn while libmicrohttpd says that more can be done at once. */
#define RUNS_A_TURN 16
/* To be called in so many runs costs what suspending and resuming do. */
#define WAIT_WORTH 32
/* With each wait the mean forgets one part in so many. */
#define WAIT_MEMORY 16
/* Not worth it, whatever came before. */
#define WAIT_MOST (4 * WAIT_WORTH)
#define RECHECK_AFTER (1 * MILLISECOND)
/* The distance of runs that resume, for each suspended connection. */
#define APART_EACH INT64_C(500)
/* With fewer suspended it is not worth a clock. */
#define MANY_SUSPENDED 256

static void check_later(struct mhd_scheduler *scheduler);

static void recheck(void *arg)
{
    struct mhd_scheduler *scheduler = arg;
    scheduler->recheck = NULL;
    if (scheduler->run_count == scheduler->checked)
        scheduler->due = scheduler->lull = true;
    check_later(scheduler);
}

static void check_later(struct mhd_scheduler *scheduler)
{
    scheduler->checked = scheduler->run_count;
    scheduler->recheck = timer_start(scheduler->loop, RECHECK_AFTER, recheck, scheduler);
}

static bool more_to_do(struct mhd_scheduler *scheduler, unsigned moves_before)
{
    MHD_UNSIGNED_LONG_LONG timeout;
    if (scheduler->waiting > 0)
        return scheduler->sending > 0 && scheduler->moves != moves_before;
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
    int here = 0;
    unsigned moves;
    do {
        moves = scheduler->moves;
        scheduler->run_count++;
        MHD_run(scheduler->daemon);
    } while (more_to_do(scheduler, moves) && ++here < RUNS_A_TURN);
    scheduler->lull = false;
    if (here == RUNS_A_TURN && scheduler->again == NULL)
        scheduler->again = timer_start(scheduler->loop, 0, again, scheduler);
    if (scheduler->waiting > 0 && scheduler->recheck == NULL)
        check_later(scheduler);
}

static void readable(uv_poll_t *poll, int status, int events)
{
    struct mhd_scheduler *scheduler = poll->data;
    (void)status;
    (void)events;
    scheduler->due = true;
}

static void gathered(void *arg)
{
    struct mhd_scheduler *scheduler = arg;
    scheduler->gathering = NULL; /* this turn's end does the rest */
}

/* Is it too early to resume again? Then the loop will not sleep over it. */
static bool gathers(struct mhd_scheduler *scheduler)
{
    if (scheduler->suspended < MANY_SUSPENDED || scheduler->stopped)
        return false;
    struct mono_time now = mono_now();
    int64_t apart = APART_EACH * (int64_t)scheduler->suspended;
    int64_t since = mono_diff(now, scheduler->resumed_at);
    if (since >= apart) {
        scheduler->resumed_at = now;
        return false;
    }
    if (scheduler->gathering == NULL)
        scheduler->gathering = timer_start(scheduler->loop, apart - since, gathered, scheduler);
    return true;
}

static void resume_ready(struct mhd_scheduler *scheduler)
{
    struct request *request = scheduler->ready;
    scheduler->ready = NULL;
    scheduler->ready_end = &scheduler->ready;
    for (; request != NULL; request = request->parked.next_ready) {
        request->parked.ready = false;
        scheduler->suspended--;
        MHD_resume_connection(request->connection);
    }
}

/* More may be settled while it runs. */
static void turn_ends(struct turn_hook *hook)
{
    struct mhd_scheduler *scheduler = CONTAINER_OF(hook, struct mhd_scheduler, turn);
    bool resumes = false, ran = false;
    while (scheduler->due || scheduler->ready != NULL) {
        resumes = resumes || (scheduler->ready != NULL && !gathers(scheduler));
        if (!resumes && !scheduler->due)
            break;
        if (resumes)
            resume_ready(scheduler);
        scheduler->due = false;
        run(scheduler);
        ran = true;
    }
    if (ran && scheduler->after_runs != NULL)
        scheduler->after_runs(scheduler);
}

/* ---- parking ---- */

static void suspend(struct mhd_scheduler *scheduler, struct request *request)
{
    request->parked.suspended = true;
    scheduler->suspended++;
    MHD_suspend_connection(request->connection);
}

static void stop_waiting(struct mhd_scheduler *scheduler)
{
    scheduler->waiting--;
    if (scheduler->waiting == 0)
        timer_stop(
            &scheduler->recheck); /* where lookups are few, it would wake the loop for nothing */
}

void mhd_scheduler_park(struct mhd_scheduler *scheduler, struct request *request)
{
    request->parked.at = scheduler->run_count;
    request->parked.when = loop_now(scheduler->loop);
    request->parked.outwaited = request->parked.suspended = false;
    if (scheduler->usual_wait > WAIT_WORTH * WAIT_MEMORY)
        suspend(scheduler, request);
    else
        scheduler->waiting++;
}

void mhd_scheduler_still_parked(struct mhd_scheduler *scheduler, struct request *request)
{
    if (scheduler->run_count - request->parked.at < WAIT_WORTH && !scheduler->lull)
        return;
    stop_waiting(scheduler);
    request->parked.outwaited = true;
    suspend(scheduler, request);
}

static void note_wait(struct mhd_scheduler *scheduler, const struct request *request)
{
    uint64_t wait = scheduler->run_count - request->parked.at;
    uint64_t lulls =
        (uint64_t)mono_diff(loop_now(scheduler->loop), request->parked.when) / RECHECK_AFTER;
    if (wait < lulls)
        wait = lulls; /* the runs that would have been */
    if (wait > WAIT_MOST || request->parked.outwaited)
        wait = WAIT_MOST;
    scheduler->usual_wait += (unsigned)wait - scheduler->usual_wait / WAIT_MEMORY;
}

void mhd_scheduler_settled(struct mhd_scheduler *scheduler, struct request *request)
{
    note_wait(scheduler, request);
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

/* ---- what gives cause to a run ---- */

void mhd_scheduler_make_due(struct mhd_scheduler *scheduler)
{
    scheduler->due = true;
}

void mhd_scheduler_response_begins(struct mhd_scheduler *scheduler)
{
    scheduler->sending++;
    scheduler->moves++;
}

void mhd_scheduler_response_ends(struct mhd_scheduler *scheduler)
{
    scheduler->sending--;
    scheduler->moves++;
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
    scheduler->stopped = true; /* there is nothing to wait for */
    turn_ends(&scheduler->turn);
    timer_stop(&scheduler->again);
    timer_stop(&scheduler->recheck);
    timer_stop(&scheduler->gathering);
    loop_hook_remove(scheduler->loop, &scheduler->turn);
    uv_close((uv_handle_t *)&scheduler->poll, NULL);
}
