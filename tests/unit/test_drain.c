/*
 * The end of a daemon, look by look: the listeners close when what waited was taken twice, so that
 * handshakes that had begun come in; lookups and requests that are arriving are waited for.
 *
 * What drain.c calls of a daemon's other parts is played here, and takes the place of theirs.
 */
#include <check.h>
#include <limits.h>
#include <signal.h>

#include "base/check.h"
#include "base/metrics.h"
#include "config_fixture.h"
#include "service/daemon_internal.h"
#include "suite.h"

static struct daemon *ending;
static unsigned refusals, takes, takes_when_closed, closings, asked;
/* The number of takes that leave some behind; of questions to which requests are arriving. */
static unsigned fruitless, arrivals;

/* ---- the other parts ---- */

void listen_refuse(struct listen *listen)
{
    ck_assert_ptr_eq(listen, ending->listen);
    ck_assert_uint_eq(takes, 0);
    refusals++;
}

bool accept_rest(const struct listen *listen, const struct accept_group *group)
{
    ck_assert_ptr_eq(listen, ending->listen);
    ck_assert_ptr_eq(group, &ending->callers);
    return ++takes > fruitless;
}

void listen_close(struct listen *listen)
{
    ck_assert_ptr_eq(listen, ending->listen);
    takes_when_closed = takes;
    closings++;
}

void worker_drain(struct worker *worker, void (*drained)(void *arg, size_t arriving), void *arg)
{
    (void)worker;
    drained(arg, ++asked <= arrivals ? 3 : 0);
}

void systemd_stopping(void)
{
}

void report_status(struct daemon *daemon)
{
    ck_assert_ptr_eq(daemon, ending);
}

void watch_stop(struct watch **watch)
{
    ck_assert_ptr_null(*watch);
}

/* ---- a daemon ---- */

static struct worker *workers[1];

static void start(void)
{
    setup();
    ending = mem_zalloc(sizeof(*ending));
    MAGIC_SET(ending, DAEMON_MAGIC);
    ending->setup.config = load_text(WHOLE "[server]\ndrain_timeout = 5s\n");
    ck_assert_ptr_nonnull(ending->setup.config);
    ending->loop = loop_new();
    ck_assert_ptr_nonnull(ending->loop);
    ending->workers = workers;
    ending->worker_count = 1;
}

static void stop(void)
{
    loop_drain(ending->loop);
    loop_free(ending->loop);
    config_unref(ending->setup.config);
    mem_free(ending);
    teardown();
}

/* Until the daemon ends; how long that took. */
static int64_t drain(void)
{
    const struct mono_time began = mono_now();

    drain_signal(ending, SIGTERM);
    loop_run(ending->loop);
    ck_assert_uint_eq(refusals, 1);
    return mono_diff(mono_now(), began);
}

START_TEST(takes_twice)
{
    ck_assert_int_lt(drain(), 4 * SECOND);
    ck_assert_uint_eq(takes_when_closed, 2);
    ck_assert_uint_eq(closings, 1);
}
END_TEST

START_TEST(takes_until_none_waits)
{
    fruitless = 5;
    drain();
    ck_assert_uint_eq(takes_when_closed, 6);
    ck_assert_uint_eq(closings, 1);
}
END_TEST

START_TEST(waits_for_arriving_requests)
{
    arrivals = 20;
    ck_assert_int_lt(drain(), 4 * SECOND);
    ck_assert_uint_gt(asked, arrivals);
}
END_TEST

START_TEST(waits_a_second_for_silent_connections)
{
    arrivals = UINT_MAX;
    const int64_t took = drain();
    ck_assert_int_ge(took, 1 * SECOND);
    ck_assert_int_lt(took, 4 * SECOND);
}
END_TEST

START_TEST(waits_for_lookups)
{
    metric_add(METRIC_IN_FLIGHT, 0, 1);
    ck_assert_int_ge(drain(), 5 * SECOND);
    ck_assert_uint_eq(closings, 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("drain");
    TCase *tests = tcase_create("drain");

    tcase_add_checked_fixture(tests, start, stop);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, takes_twice);
    tcase_add_test(tests, takes_until_none_waits);
    tcase_add_test(tests, waits_for_arriving_requests);
    tcase_add_test(tests, waits_a_second_for_silent_connections);
    tcase_add_test(tests, waits_for_lookups);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
