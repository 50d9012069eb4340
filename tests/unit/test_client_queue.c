/*
 * Calls that wait for a connection: their order, what is counted, and those whose deadline is too
 * near for them to be started.
 */
#include <stdatomic.h>

#include "client_fixture.h"

static char order[CALLS + 1];

static void note_order(struct peer *self)
{
    char headers[4096];
    int fd = peer_accept(self);

    for (size_t i = 0; peer_read_headers(fd, headers, sizeof(headers)); i++) {
        order[i] = headers[strlen("GET /")];
        peer_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    }
    close(fd);
}

/* How many wait, how many have waited or need not, and of these how many need not. */
static void ck_queue(int64_t waiting, int64_t waited, int64_t at_once)
{
    const enum metric waits = METRIC_UPSTREAM_QUEUE_DURATION;

    ck_assert_int_eq(metric_upstream_sum(METRIC_UPSTREAM_QUEUE_LENGTH, 0, 0), waiting);
    ck_assert_int_eq(metric_upstream_sum(waits, 0, METRIC_HISTOGRAM_COUNT), waited);
    ck_assert_int_ge(metric_upstream_sum(waits, 0, 0), at_once);
}

START_TEST(test_queue)
{
    settings.max_connections = 1;
    settings.max_queue = 3;
    serve(note_order, NULL);
    static const char *const targets[] = {"/a", "/b", "/c", "/d", "/e"};
    for (size_t i = 0; i < ARRAY_LEN(targets); i++)
        get(i, targets[i]);
    ck_queue(3, 1, 1); /* one got the connection, one was refused */
    ctx_cancel(results[2].ctx, CTX_GONE);
    ck_queue(2, 2, 1);
    await(4);
    ck_queue(0, 4, 1);
    ck_assert_int_gt(metric_upstream_sum(METRIC_UPSTREAM_QUEUE_DURATION, 0, METRIC_HISTOGRAM_SUM),
                     0);
    ck_assert_int_eq(results[4].error, CLIENT_QUEUE_FULL);
    ck_assert(!results[2].called);
    ck_assert_uint_lt(results[0].place, results[1].place);
    ck_assert_uint_lt(results[1].place, results[3].place);
    ck_assert_int_eq(metric_upstream_sum(METRIC_UPSTREAM_QUEUE_REFUSED, 0, 0), 1);
    ck_assert_int_eq(metric_upstream_sum(METRIC_UPSTREAM_REQUESTS, 0, 200), 3);
    finish();
    ck_assert_str_eq(order, "abd");
    ck_assert_int_eq(peer.accepted, 1);
}
END_TEST

static void serve_all(struct peer *self)
{
    int fd;

    while ((fd = peer_accept(self)) >= 0) {
        if (peer_read_headers(fd, heard, sizeof(heard)))
            peer_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
        close(fd);
    }
}

static void free_client(struct call_result *result)
{
    (void)result;
    client_unref(client);
    client = NULL;
}

/* A reload drops the client while calls wait: none of them counts as waiting for ever. */
START_TEST(test_queue_of_a_client_that_is_freed)
{
    settings.max_connections = 1;
    settings.max_queue = 3;
    serve(serve_all, NULL);
    get(0, "/1")->then = free_client;
    get(1, "/2");
    get(2, "/3");
    ck_queue(2, 1, 1);
    await(1);
    ck_queue(0, 3, 1);
    finish();
}
END_TEST

/* Deadlines. */

#define SOON (50 * MILLISECOND)

static bool waits[CALLS];

static void get_for_ever(size_t number, const char *target)
{
    const struct client_request request = {
        .target = target, .max_response = 1000, .queued = &waits[number]};

    send_request(number, &request);
}

static void get_until(size_t number, const char *target, struct mono_time deadline)
{
    get_for_ever(number, target);
    ctx_set_deadline(results[number].ctx, deadline);
}

/* How many attempts were counted, and how many of them without a response. */
static void ck_attempts(int64_t all, int64_t none)
{
    ck_assert_int_eq(metric_upstream_sum(METRIC_UPSTREAM_DURATION, 0, METRIC_HISTOGRAM_COUNT), all);
    ck_assert_int_eq(metric_upstream_sum(METRIC_UPSTREAM_REQUESTS, 0, 0), none);
}

static atomic_bool holds;

static void hold_first(struct peer *self)
{
    int held = peer_accept(self);

    EXPECT(peer_read_headers(held, heard, sizeof(heard)));
    atomic_store(&holds, true);
    peer_hear_end(held);
    serve_all(self);
}

/* However long it takes until the first call has the connection: the deadline is from then on. */
static struct mono_time soon_once_held(void)
{
    while (!atomic_load(&holds))
        uv_run(loop_uv(loop), UV_RUN_NOWAIT);
    return mono_add(mono_now(), SOON);
}

/* Their timers are due in one turn, and the first frees the connection. */
START_TEST(test_deadlines_in_one_turn)
{
    settings.max_connections = 1;
    serve(hold_first, NULL);
    get_for_ever(0, "/held");
    get_for_ever(1, "/1");
    get_for_ever(2, "/2");
    get_for_ever(3, "/3");
    const struct mono_time soon = soon_once_held();

    for (size_t i = 0; i < 3; i++)
        ctx_set_deadline(results[i].ctx, soon);
    ck_assert(!waits[0] && waits[1] && waits[2] && waits[3]);
    ck_queue(3, 1, 1);
    await(1);
    ck_response(&results[3], "ok");
    for (size_t i = 0; i < 3; i++)
        ck_assert_int_eq(ctx_cause(results[i].ctx), CTX_DEADLINE);
    ck_assert(!waits[0] && waits[1] && waits[2] && !waits[3]);
    ck_queue(0, 4, 1);
    ck_attempts(2, 1);
    finish();
    ck_assert_int_eq(peer.accepted, 2);
    ck_assert(strstr(heard, "/3") != NULL);
}
END_TEST

static void turn_until_ended(size_t number)
{
    while (ctx_cause(results[number].ctx) == CTX_LIVE)
        uv_run(loop_uv(loop), UV_RUN_ONCE);
}

/* Nobody that still has time waits: the connection is there for the next call. */
START_TEST(test_all_waiting_are_late)
{
    settings.max_connections = 1;
    serve(hold_first, NULL);
    get_for_ever(0, "/held");
    get_for_ever(1, "/1");
    const struct mono_time soon = soon_once_held();

    for (size_t i = 0; i < 2; i++)
        ctx_set_deadline(results[i].ctx, soon);
    turn_until_ended(1);
    ck_response(fetch(2, "/2"), "ok");
    ck_queue(0, 3, 2);
    ck_attempts(2, 1);
    finish();
    ck_assert_int_eq(peer.accepted, 2);
}
END_TEST

/* A late call has its place in the queue until its deadline. */
START_TEST(test_late_calls_count_as_waiting)
{
    settings.max_connections = 1;
    settings.max_queue = 1;
    serve(serve_all, NULL);
    get_until(0, "/gone", MONO_NEVER);
    get_until(1, "/late", mono_now());
    ctx_cancel(results[0].ctx, CTX_GONE);
    ck_queue(1, 1, 1);
    ck_assert(waits[1]);
    get(2, "/2");
    get(3, "/3");
    await(2);
    ck_assert_int_eq(results[3].error, CLIENT_QUEUE_FULL);
    ck_response(&results[2], "ok");
    turn_until_ended(1);
    ck_queue(0, 3, 2);
    finish();
}
END_TEST

#define TAKES (100 * MILLISECOND)

static void serve_slowly(struct peer *self)
{
    char headers[4096];
    int fd = peer_accept(self);

    for (size_t i = 0; peer_read_headers(fd, headers, sizeof(headers)); i++) {
        const struct timespec takes = {.tv_nsec = TAKES};

        order[i] = headers[strlen("GET /")];
        nanosleep(&takes, NULL);
        peer_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    }
    close(fd);
}

/* Half of what an answer takes is left to the second: it would be aborted, and it is not begun. */
START_TEST(test_less_time_left_than_an_answer_takes)
{
    settings.max_connections = 1;
    serve(serve_slowly, NULL);
    get_until(0, "/a", MONO_NEVER);
    get_until(1, "/b", mono_add(mono_now(), TAKES + TAKES / 2));
    get_until(2, "/c", MONO_NEVER);
    await(2);
    ck_assert_int_eq(results[2].error, CLIENT_OK);
    turn_until_ended(1);
    ck_assert(!results[1].called && waits[1]);
    ck_queue(0, 3, 1);
    ck_attempts(2, 0);
    finish();
    ck_assert_str_eq(order, "ac");
    ck_assert_int_eq(peer.accepted, 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("client_queue");
    TCase *tcase = tcase_create("queue");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 30);
    tcase_add_test(tcase, test_queue);
    tcase_add_test(tcase, test_queue_of_a_client_that_is_freed);
    tcase_add_test(tcase, test_deadlines_in_one_turn);
    tcase_add_test(tcase, test_all_waiting_are_late);
    tcase_add_test(tcase, test_late_calls_count_as_waiting);
    tcase_add_test(tcase, test_less_time_left_than_an_answer_takes);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
