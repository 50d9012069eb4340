/*
 * When libmicrohttpd runs, and how a request is parked. The functions of libmicrohttpd that the
 * scheduler calls are defined here, so that each call is counted; the program has no HTTP server.
 */
#include <check.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/check.h"
#include "front/mhd_scheduler.h"
#include "suite.h"

#define REQUESTS 3

static struct {
    struct mhd_scheduler scheduler;
    struct loop *loop;
    union MHD_DaemonInfo info;
    struct request requests[REQUESTS];
    bool parked[REQUESTS]; /* each run calls its handler */
    bool stop_at_suspension;
    unsigned progress; /* runs in which a response begins */
    unsigned runs, suspended, resumed, after_runs;
} world;

static size_t index_of(const struct MHD_Connection *connection)
{
    size_t i = 0;

    while (world.requests[i].connection != connection)
        i++;
    return i;
}

/* ---- the calls of libmicrohttpd ---- */

const union MHD_DaemonInfo *MHD_get_daemon_info(struct MHD_Daemon *daemon,
                                                enum MHD_DaemonInfoType type, ...)
{
    (void)daemon;
    ck_assert_int_eq(type, MHD_DAEMON_INFO_EPOLL_FD);
    return &world.info;
}

/* It reports pending work exactly while a handler can be called, as the library does. */
enum MHD_Result MHD_get_timeout(struct MHD_Daemon *daemon, MHD_UNSIGNED_LONG_LONG *timeout)
{
    (void)daemon;
    *timeout = 0;
    for (size_t i = 0; i < REQUESTS; i++)
        if (world.parked[i])
            return MHD_YES;
    return MHD_NO;
}

enum MHD_Result MHD_run(struct MHD_Daemon *daemon)
{
    (void)daemon;
    world.runs++;
    if (world.progress > 0) {
        world.progress--;
        mhd_scheduler_response_begins(&world.scheduler);
    }
    for (size_t i = 0; i < REQUESTS; i++)
        if (world.parked[i])
            mhd_scheduler_still_parked(&world.scheduler, &world.requests[i]);
    return MHD_YES;
}

void MHD_suspend_connection(struct MHD_Connection *connection)
{
    world.suspended++;
    world.parked[index_of(connection)] = false;
    if (world.stop_at_suspension)
        loop_stop(world.loop);
}

void MHD_resume_connection(struct MHD_Connection *connection)
{
    (void)index_of(connection);
    world.resumed++;
}

/* ---- the world around it ---- */

static void after_runs(struct mhd_scheduler *scheduler)
{
    ck_assert_ptr_eq(scheduler, &world.scheduler);
    world.after_runs++;
}

static void set_up(void)
{
    world.loop = loop_new();
    world.info.epoll_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    ck_assert_int_eq(mhd_scheduler_start(&world.scheduler, world.loop, NULL), ERR_OK);
    world.scheduler.after_runs = after_runs;
    for (size_t i = 0; i < REQUESTS; i++)
        world.requests[i].connection = (struct MHD_Connection *)&world.requests[i];
}

static void tear_down(void)
{
    mhd_scheduler_stop(&world.scheduler);
    loop_drain(world.loop);
    loop_free(world.loop);
    close(world.info.epoll_fd);
}

static void park(size_t i)
{
    mhd_scheduler_park(&world.scheduler, &world.requests[i]);
    world.parked[i] = true;
}

static void settle(size_t i)
{
    world.parked[i] = false;
    mhd_scheduler_settled(&world.scheduler, &world.requests[i]);
}

static void end_turn(void)
{
    world.scheduler.turn.run(&world.scheduler.turn);
}

/* ---- parking ---- */

/* The rule saves three system calls a lookup: what is settled soon only waits. */
START_TEST(settled_soon_is_not_suspended)
{
    loop_now(world.loop); /* this turn's "now" */
    park(0);
    for (int i = 0; i < 1000; i++) { /* however many runs it takes */
        mhd_scheduler_make_due(&world.scheduler);
        end_turn();
    }
    settle(0);
    end_turn();
    ck_assert_uint_eq(world.runs, 1001);
    ck_assert_uint_eq(world.suspended, 0);
    ck_assert_uint_eq(world.resumed, 0);
}
END_TEST

/* Nothing else happens: the scheduler makes the runs itself. */
START_TEST(waiting_long_enough_suspends)
{
    struct mono_time parked_at = mono_now();

    world.stop_at_suspension = true;
    park(0);
    mhd_scheduler_make_due(&world.scheduler);
    loop_run(world.loop);
    ck_assert_uint_eq(world.suspended, 1);
    ck_assert_int_ge(mono_diff(mono_now(), parked_at), MHD_SCHEDULER_WAIT);
    settle(0);
    ck_assert_uint_eq(world.resumed, 0); /* not before the turn ends */
    end_turn();
    ck_assert_uint_eq(world.resumed, 1);
}
END_TEST

/* What is slow once is not taken for slow again: each request waits first. */
START_TEST(each_request_waits_first)
{
    world.stop_at_suspension = true;
    for (unsigned i = 1; i <= 100; i++) {
        park(0);
        ck_assert_uint_eq(world.suspended, i - 1);
        mhd_scheduler_make_due(&world.scheduler);
        loop_run(world.loop);
        ck_assert_uint_eq(world.suspended, i);
        settle(0);
        end_turn();
    }
}
END_TEST

static void suspend_all(void)
{
    world.stop_at_suspension = true;
    for (size_t i = 0; i < REQUESTS; i++)
        park(i);
    mhd_scheduler_make_due(&world.scheduler);
    loop_run(world.loop);
    ck_assert_uint_eq(world.suspended, REQUESTS);
}

/* Each run that resumes walks all suspended connections. */
START_TEST(one_run_serves_all_settled_in_a_turn)
{
    suspend_all();
    world.runs = 0;
    for (size_t i = 0; i < REQUESTS; i++)
        settle(i);
    end_turn();
    ck_assert_uint_eq(world.resumed, REQUESTS);
    ck_assert_uint_eq(world.runs, 1);
    end_turn();
    ck_assert_uint_eq(world.runs, 1);
}
END_TEST

/* ---- runs ---- */

START_TEST(no_run_without_a_cause)
{
    end_turn();
    ck_assert_uint_eq(world.runs, 0);
    ck_assert_uint_eq(world.after_runs, 0);
    mhd_scheduler_make_due(&world.scheduler);
    mhd_scheduler_make_due(&world.scheduler);
    end_turn();
    ck_assert_uint_eq(world.runs, 1);
    ck_assert_uint_eq(world.after_runs, 1);
}
END_TEST

/* Pending work that is only a waiting request does not make the daemon spin. */
START_TEST(a_waiting_request_makes_no_further_run)
{
    park(0);
    mhd_scheduler_make_due(&world.scheduler);
    end_turn();
    ck_assert_uint_eq(world.runs, 1);
    settle(0);
    end_turn();
    ck_assert_uint_eq(world.runs, 2);
}
END_TEST

/* A response that is sent at once frees a connection whose next request may be there already. */
START_TEST(responses_make_further_runs_while_one_waits)
{
    park(0);
    world.progress = 3;
    mhd_scheduler_make_due(&world.scheduler);
    end_turn();
    ck_assert_uint_eq(world.runs, 4); /* the last one without progress */
    settle(0);
    end_turn();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mhd_scheduler");
    TCase *tcase = tcase_create("mhd_scheduler");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, settled_soon_is_not_suspended);
    tcase_add_test(tcase, waiting_long_enough_suspends);
    tcase_add_test(tcase, each_request_waits_first);
    tcase_add_test(tcase, one_run_serves_all_settled_in_a_turn);
    tcase_add_test(tcase, no_run_without_a_cause);
    tcase_add_test(tcase, a_waiting_request_makes_no_further_run);
    tcase_add_test(tcase, responses_make_further_runs_while_one_waits);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
