/*
 * The HTTP client while a name does not resolve. getaddrinfo is this file's: it waits until the
 * test lets it go, so a client that waits for its resolver's thread anywhere waits for ever, and
 * Check ends the test. Then it knows the name as this host, or does not know it.
 */
#include <dlfcn.h>
#include <netdb.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "client_fixture.h"

typedef int resolve(const char *restrict name, const char *restrict service,
                    const struct addrinfo *restrict hints, struct addrinfo **restrict result);

static sem_t asked, released, left;
static atomic_bool knows_name;

int getaddrinfo(const char *restrict name, const char *restrict service,
                const struct addrinfo *restrict hints, struct addrinfo **restrict result)
{
    resolve *real = (resolve *)dlsym(RTLD_NEXT, "getaddrinfo");

    (void)name;
    *result = NULL;
    sem_post(&asked);
    while (sem_wait(&released) != 0)
        ;
    int error = knows_name ? real("127.0.0.1", service, hints, result) : EAI_NONAME;
    sem_post(&left);
    return error;
}

static void wait_for(sem_t *semaphore)
{
    while (sem_wait(semaphore) != 0)
        ;
}

static void setup_resolver(void)
{
    sem_init(&asked, 0, 0);
    sem_init(&released, 0, 0);
    sem_init(&left, 0, 0);
    knows_name = false;
    setup();
}

static void let_go(void)
{
    sem_post(&released);
    wait_for(&left);
}

static void turn_until(sem_t *semaphore)
{
    while (sem_trywait(semaphore) != 0)
        uv_run(loop_uv(loop), UV_RUN_NOWAIT);
}

static void start_resolving(void)
{
    make_client("http://slow.invalid");
    get(0, "/");
    turn_until(&asked);
}

START_TEST(test_cancel_while_resolving)
{
    start_resolving();
    ctx_cancel(results[0].ctx, CTX_GONE);
    client_unref(client);
    client = NULL;
    ck_assert(!results[0].called);
    let_go();
}
END_TEST

START_TEST(test_free_while_resolving)
{
    start_resolving();
    client_unref(client);
    client = NULL;
    ck_assert(!results[0].called);
    let_go();
}
END_TEST

START_TEST(test_connect_timeout_while_resolving)
{
    settings.connect_timeout = 20 * MILLISECOND;
    settings.retries = 1;
    start_resolving();
    await(1);
    ck_assert_str_eq(client_error_phrase(results[0].error), client_error_phrase(CLIENT_DNS));
    ck_assert_uint_eq(results[0].retries, 0);
    let_go();
}
END_TEST

START_TEST(test_name_that_does_not_resolve)
{
    start_resolving();
    let_go();
    await(1);
    ck_assert_str_eq(client_error_phrase(results[0].error), client_error_phrase(CLIENT_DNS));
}
END_TEST

/* ---- one asks at a time ---- */

static void turn(void)
{
    for (int i = 0; i < 20; i++)
        uv_run(loop_uv(loop), UV_RUN_NOWAIT);
}

static void ck_not_asked(void)
{
    turn();
    ck_assert_int_ne(sem_trywait(&asked), 0);
}

static int asked_so_far(void)
{
    int count;

    ck_assert_int_eq(sem_getvalue(&asked, &count), 0);
    return count;
}

static const char *const origins[] = {"http://slow.invalid", "https://slow.invalid"};

START_TEST(test_one_asks_for_all)
{
    make_client(origins[_i]);
    for (size_t i = 0; i < 4; i++)
        get(i, "/");
    turn_until(&asked);
    ck_not_asked();
    let_go();
    await(4);
    for (size_t i = 0; i < 4; i++)
        ck_assert_str_eq(client_error_phrase(results[i].error), client_error_phrase(CLIENT_DNS));
    ck_not_asked();
    /* The name is asked for again, though it did not resolve a moment ago. */
    get(4, "/");
    turn_until(&asked);
    let_go();
    await(5);
}
END_TEST

/* Callers who come and go leave one question to the resolver, not one each. */
START_TEST(test_question_of_who_left)
{
    make_client(origins[_i]);
    get(0, "/");
    turn_until(&asked);
    ctx_cancel(results[0].ctx, CTX_GONE);
    for (size_t i = 1; i < 4; i++) {
        get(i, "/");
        ck_not_asked();
        ctx_cancel(results[i].ctx, CTX_GONE);
    }
    get(4, "/");
    ck_not_asked();
    let_go();
    await(1);
    ck_assert_str_eq(client_error_phrase(results[4].error), client_error_phrase(CLIENT_DNS));
    ck_assert_int_eq(metric_upstream_sum(METRIC_UPSTREAM_CONNECTIONS, 0, 0), 0);
}
END_TEST

START_TEST(test_end_while_one_asks_and_others_wait)
{
    make_client(origins[_i]);
    for (size_t i = 0; i < 3; i++)
        get(i, "/");
    turn_until(&asked);
    ctx_cancel(results[0].ctx, CTX_GONE);
    turn();
    client_unref(client);
    client = NULL;
    let_go();
}
END_TEST

/* ---- answers ---- */

static sem_t met;

/* Says nothing to a ClientHello. */
static void meet_in_silence(struct peer *self)
{
    int fd;

    while ((fd = peer_accept(self)) >= 0) {
        char byte[4096];

        EXPECT(recv(fd, byte, sizeof(byte), 0) > 0);
        sem_post(&met);
        while (recv(fd, byte, sizeof(byte), 0) > 0)
            ;
        close(fd);
    }
}

static void serve_by_name(const char *scheme, void (*script)(struct peer *peer))
{
    static char origin[64];

    knows_name = true;
    sem_init(&met, 0, 0);
    peer_start(&peer, script, NULL);
    snprintf(origin, sizeof(origin), "%s://slow.invalid:%d", scheme, peer.port);
    make_client(origin);
}

static void serve_once(struct peer *self)
{
    int fd;

    while ((fd = peer_accept(self)) >= 0) {
        peer_serve(fd, "ok");
        peer_hear_end(fd);
    }
}

START_TEST(test_answer_of_who_left)
{
    serve_by_name("http", serve_once);
    get(0, "/");
    turn_until(&asked);
    get(1, "/");
    ck_not_asked();
    ctx_cancel(results[0].ctx, CTX_GONE);
    ck_not_asked();
    let_go();
    await(1);
    ck_response(&results[1], "ok");
    ck_not_asked();
    finish();
}
END_TEST

/* ---- a resolver that says nothing ---- */

static void stop(void *arg)
{
    (void)arg;
    loop_stop(loop);
}

static void turn_for(int64_t time)
{
    timer_start(loop, time, stop, NULL);
    loop_run(loop);
}

static void ck_no_answer(const struct call_result *result)
{
    ck_assert(result->called);
    ck_assert_str_eq(client_error_phrase(result->error), client_error_phrase(CLIENT_DNS));
}

/* Who has waited long fails with the one who asked, also where that one has left; the others ask
 * again. */
START_TEST(test_one_question_is_lost)
{
    settings.connect_timeout = 3 * SECOND;
    serve_by_name("http", serve_once);
    get(0, "/");
    turn_until(&asked);
    get(1, "/");
    if (_i == 1)
        ctx_cancel(results[0].ctx, CTX_GONE);
    turn_for(2500 * MILLISECOND);
    ck_assert_uint_eq(ended, 0);
    get(2, "/");
    ck_not_asked();
    turn_until(&asked);
    let_go();
    let_go();
    await(_i == 1 ? 2 : 3);
    ck_assert_int_eq(results[0].called, _i == 0);
    ck_no_answer(&results[1]);
    ck_response(&results[2], "ok");
    finish();
}
END_TEST

static void ask_afresh(struct call_result *result)
{
    (void)result;
    get(2, "/");
}

/* Who waits has connect_timeout, however long the one who asks has. */
START_TEST(test_time_of_who_waits)
{
    settings.connect_timeout = 2 * SECOND;
    make_client("http://slow.invalid");
    get(0, "/")->then = ask_afresh;
    turn_until(&asked);
    turn_for(1300 * MILLISECOND);
    get(1, "/");
    await(3);
    for (size_t i = 0; i < 3; i++)
        ck_no_answer(&results[i]);
    ck_assert_uint_lt(results[1].place, results[2].place);
    let_go();
    let_go();
}
END_TEST

/* An address that refuses is asked for again at once, but not for each lookup. */
START_TEST(test_address_that_refuses)
{
    static char origin[64];
    int port;
    int fd = peer_bind(&port); /* and does not listen */

    knows_name = true;
    for (size_t i = 0; i < CALLS; i++)
        sem_post(&released);
    snprintf(origin, sizeof(origin), "http://slow.invalid:%d", port);
    make_client(origin);
    ck_assert_int_eq(fetch(0, "/")->error, CLIENT_REFUSED);
    ck_assert_int_eq(asked_so_far(), 1);
    ck_assert_int_eq(fetch(1, "/")->error, CLIENT_REFUSED);
    ck_assert_int_eq(asked_so_far(), 2);
    for (size_t i = 2; i < CALLS; i++)
        ck_assert_int_eq(fetch(i, "/")->error, CLIENT_REFUSED);
    /* Twice, and twice more because libcurl keeps none of these answers. */
    ck_assert_int_le(asked_so_far(), 5);
    close(fd);
}
END_TEST

START_TEST(test_who_leaves_in_a_handshake_leaves_the_answer)
{
    serve_by_name("https", meet_in_silence);
    get(0, "/");
    turn_until(&asked);
    let_go();
    turn_until(&met);
    for (size_t i = 1; i < 4; i++) {
        ctx_cancel(results[i - 1].ctx, CTX_GONE);
        get(i, "/");
        turn_until(&met);
    }
    ck_not_asked();
    finish();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("client_resolver");
    TCase *tcase = tcase_create("resolver");

    tcase_add_checked_fixture(tcase, setup_resolver, teardown);
    tcase_set_timeout(tcase, 30);
    tcase_add_test(tcase, test_cancel_while_resolving);
    tcase_add_test(tcase, test_free_while_resolving);
    tcase_add_test(tcase, test_connect_timeout_while_resolving);
    tcase_add_test(tcase, test_name_that_does_not_resolve);
    tcase_add_loop_test(tcase, test_one_asks_for_all, 0, ARRAY_LEN(origins));
    tcase_add_loop_test(tcase, test_question_of_who_left, 0, ARRAY_LEN(origins));
    tcase_add_loop_test(tcase, test_end_while_one_asks_and_others_wait, 0, ARRAY_LEN(origins));
    tcase_add_test(tcase, test_answer_of_who_left);
    tcase_add_loop_test(tcase, test_one_question_is_lost, 0, 2);
    tcase_add_test(tcase, test_time_of_who_waits);
    tcase_add_test(tcase, test_address_that_refuses);
    tcase_add_test(tcase, test_who_leaves_in_a_handshake_leaves_the_answer);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
