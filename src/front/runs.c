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
#include "front/runs.h"

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

static void check_later(struct runs *runs);

static void recheck(void *arg)
{
    struct runs *runs = arg;
    runs->recheck = NULL;
    if (runs->count == runs->checked)
        runs->due = runs->lull = true;
    check_later(runs);
}

static void check_later(struct runs *runs)
{
    runs->checked = runs->count;
    runs->recheck = timer_start(runs->loop, RECHECK_AFTER, recheck, runs);
}

static bool more_to_do(struct runs *runs, unsigned moves_before)
{
    MHD_UNSIGNED_LONG_LONG timeout;
    if (runs->waiting > 0)
        return runs->sending > 0 && runs->moves != moves_before;
    return MHD_get_timeout(runs->daemon, &timeout) == MHD_YES && timeout == 0;
}

static void again(void *arg)
{
    struct runs *runs = arg;
    runs->again = NULL;
    runs->due = true;
}

static void run(struct runs *runs)
{
    int here = 0;
    unsigned moves;
    do {
        moves = runs->moves;
        runs->count++;
        MHD_run(runs->daemon);
    } while (more_to_do(runs, moves) && ++here < RUNS_A_TURN);
    runs->lull = false;
    if (here == RUNS_A_TURN && runs->again == NULL)
        runs->again = timer_start(runs->loop, 0, again, runs);
    if (runs->waiting > 0 && runs->recheck == NULL)
        check_later(runs);
}

static void readable(uv_poll_t *poll, int status, int events)
{
    struct runs *runs = poll->data;
    (void)status;
    (void)events;
    runs->due = true;
}

static void gathered(void *arg)
{
    struct runs *runs = arg;
    runs->gathering = NULL; /* this turn's end does the rest */
}

/* Is it too early to resume again? Then the loop will not sleep over it. */
static bool gathers(struct runs *runs)
{
    if (runs->suspended < MANY_SUSPENDED || runs->stopped)
        return false;
    struct mono_time now = mono_now();
    int64_t apart = APART_EACH * (int64_t)runs->suspended;
    int64_t since = mono_diff(now, runs->resumed_at);
    if (since >= apart) {
        runs->resumed_at = now;
        return false;
    }
    if (runs->gathering == NULL)
        runs->gathering = timer_start(runs->loop, apart - since, gathered, runs);
    return true;
}

static void resume_ready(struct runs *runs)
{
    struct request *request = runs->ready;
    runs->ready = NULL;
    runs->ready_end = &runs->ready;
    for (; request != NULL; request = request->parked.next_ready) {
        request->parked.ready = false;
        runs->suspended--;
        MHD_resume_connection(request->connection);
    }
}

/* More may be settled while it runs. */
static void turn_ends(struct turn_hook *hook)
{
    struct runs *runs = CONTAINER_OF(hook, struct runs, turn);
    bool resumes = false, ran = false;
    while (runs->due || runs->ready != NULL) {
        resumes = resumes || (runs->ready != NULL && !gathers(runs));
        if (!resumes && !runs->due)
            break;
        if (resumes)
            resume_ready(runs);
        runs->due = false;
        run(runs);
        ran = true;
    }
    if (ran && runs->ran != NULL)
        runs->ran(runs);
}

/* ---- parking ---- */

static void suspend(struct runs *runs, struct request *request)
{
    request->parked.suspended = true;
    runs->suspended++;
    MHD_suspend_connection(request->connection);
}

static void stop_waiting(struct runs *runs)
{
    runs->waiting--;
    if (runs->waiting == 0)
        timer_stop(&runs->recheck); /* where lookups are few, it would wake the loop for nothing */
}

void runs_park(struct runs *runs, struct request *request)
{
    request->parked.at = runs->count;
    request->parked.when = loop_now(runs->loop);
    request->parked.outwaited = request->parked.suspended = false;
    if (runs->usual_wait > WAIT_WORTH * WAIT_MEMORY)
        suspend(runs, request);
    else
        runs->waiting++;
}

void runs_not_yet(struct runs *runs, struct request *request)
{
    if (runs->count - request->parked.at < WAIT_WORTH && !runs->lull)
        return;
    stop_waiting(runs);
    request->parked.outwaited = true;
    suspend(runs, request);
}

static void note_wait(struct runs *runs, const struct request *request)
{
    uint64_t wait = runs->count - request->parked.at;
    uint64_t lulls =
        (uint64_t)mono_diff(loop_now(runs->loop), request->parked.when) / RECHECK_AFTER;
    if (wait < lulls)
        wait = lulls; /* the runs that would have been */
    if (wait > WAIT_MOST || request->parked.outwaited)
        wait = WAIT_MOST;
    runs->usual_wait += (unsigned)wait - runs->usual_wait / WAIT_MEMORY;
}

void runs_settled(struct runs *runs, struct request *request)
{
    note_wait(runs, request);
    if (!request->parked.suspended) {
        stop_waiting(runs);
        runs->due = true;
        return;
    }
    MUST(!request->parked.ready);
    request->parked.ready = true;
    request->parked.next_ready = NULL;
    *runs->ready_end = request;
    runs->ready_end = &request->parked.next_ready;
}

/* ---- what gives cause to a run ---- */

void runs_due(struct runs *runs)
{
    runs->due = true;
}

void runs_answer_begins(struct runs *runs)
{
    runs->sending++;
    runs->moves++;
}

void runs_answer_ends(struct runs *runs)
{
    runs->sending--;
    runs->moves++;
}

enum err runs_init(struct runs *runs, struct loop *loop, struct MHD_Daemon *daemon)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD);
    MUST(info != NULL);
    *runs = (struct runs){.daemon = daemon, .loop = loop, .turn.run = turn_ends};
    runs->ready_end = &runs->ready;
    if (uv_poll_init(loop_uv(loop), &runs->poll, info->epoll_fd) != 0)
        return ERR_SYSTEM;
    runs->poll.data = runs;
    MUST(uv_poll_start(&runs->poll, UV_READABLE, readable) == 0);
    loop_hook_add(loop, &runs->turn);
    return ERR_OK;
}

void runs_stop(struct runs *runs)
{
    runs->stopped = true; /* there is nothing to wait for */
    turn_ends(&runs->turn);
    timer_stop(&runs->again);
    timer_stop(&runs->recheck);
    timer_stop(&runs->gathering);
    loop_hook_remove(runs->loop, &runs->turn);
    uv_close((uv_handle_t *)&runs->poll, NULL);
}
