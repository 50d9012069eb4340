/*
 * The HTTP client while a name does not resolve. getaddrinfo is this file's: it waits until the
 * test lets it go, so a client that waits for its resolver's thread anywhere waits for ever, and
 * Check ends the test.
 */
#include <netdb.h>
#include <semaphore.h>

#include "client_fixture.h"

static sem_t asked, released, left;

int getaddrinfo(const char *restrict name, const char *restrict service,
                const struct addrinfo *restrict hints, struct addrinfo **restrict result)
{
    (void)name;
    (void)service;
    (void)hints;
    *result = NULL;
    sem_post(&asked);
    while (sem_wait(&released) != 0)
        ;
    sem_post(&left);
    return EAI_NONAME;
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
    setup();
}

static void let_go(void)
{
    sem_post(&released);
    wait_for(&left);
}

/* Turns until the resolver has been asked. */
static void start_resolving(void)
{
    make_client("http://slow.invalid");
    get(0, "/");
    while (sem_trywait(&asked) != 0)
        uv_run(loop_uv(loop), UV_RUN_NOWAIT);
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
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
