/*
 * The HTTP client against scripted peers: connections that fail, retries, idle connections,
 * cancellation, proxies.
 */
#include <poll.h>
#include <semaphore.h>

#include "client_fixture.h"

/* Connections that fail. */

START_TEST(test_refused)
{
    int port;
    int fd = peer_bind(&port);
    char origin[64];

    settings.retries = 1;
    snprintf(origin, sizeof(origin), "http://127.0.0.1:%d", port);
    make_client(origin); /* bound, but not listening */
    struct call_result *result = fetch(0, "/");

    ck_assert_int_eq(result->error, CLIENT_REFUSED);
    ck_assert_uint_eq(result->retries, 1);
    ck_assert_int_eq(metric_upstream_sum(METRIC_UPSTREAM_REQUESTS, 0, 0), 2);
    ck_assert_int_eq(metric_upstream_sum(METRIC_UPSTREAM_CONNECTIONS, 0, 0), 0);
    close(fd);
}
END_TEST

START_TEST(test_no_such_name)
{
    /* A label of more than 63 characters: rejected without a query. */
    settings.retries = 1;
    make_client("http://a23456789b23456789c23456789d23456789e23456789f23456789g23456789"
                ".invalid:80");
    struct call_result *result = fetch(0, "/");

    ck_assert_int_eq(result->error, CLIENT_DNS);
    ck_assert_uint_eq(result->retries, 0);
}
END_TEST

static void accept_in_silence(struct peer *self)
{
    int fd;

    while ((fd = peer_accept(self)) >= 0) {
        char byte[4096];

        while (recv(fd, byte, sizeof(byte), 0) > 0)
            ;
        close(fd);
    }
}

START_TEST(test_connect_timeout_covers_tls)
{
    char origin[64];

    settings.connect_timeout = 50 * MILLISECOND;
    peer_start(&peer, accept_in_silence, NULL);
    snprintf(origin, sizeof(origin), "https://127.0.0.1:%d", peer.port);
    make_client(origin);
    ck_assert_int_eq(fetch(0, "/")->error, CLIENT_CONNECT_TIMEOUT);
    finish();
}
END_TEST

/* Retries. */

static void close_first(struct peer *self)
{
    int fd = peer_accept(self);

    EXPECT(peer_read_headers(fd, heard, sizeof(heard)));
    peer_reset(fd);
    while ((fd = peer_accept(self)) >= 0) {
        peer_serve(fd, "again");
        peer_hear_end(fd);
    }
}

START_TEST(test_retry_on_fresh_connection)
{
    settings.retries = 1;
    serve(close_first, NULL);
    struct call_result *result = fetch(0, "/");

    ck_response(result, "again");
    ck_assert_uint_eq(result->retries, 1);
    finish();
    ck_assert_int_eq(peer.accepted, 2);
}
END_TEST

START_TEST(test_no_retry_when_none_allowed)
{
    serve(close_first, NULL);
    ck_assert_int_eq(fetch(0, "/")->error, CLIENT_CLOSED);
    finish();
    ck_assert_int_eq(peer.accepted, 1);
}
END_TEST

START_TEST(test_no_retry_of_post)
{
    const struct client_request request = {
        .once = true, .post = true, .target = "/", .max_response = 100};

    settings.retries = 1;
    serve(close_first, NULL);
    struct call_result *result = send_request(0, &request);
    await(1);
    ck_assert_int_eq(result->error, CLIENT_CLOSED);
    finish();
    ck_assert_int_eq(peer.accepted, 1);
}
END_TEST

static void begin_and_close(struct peer *self)
{
    int fd;

    while ((fd = peer_accept(self)) >= 0) {
        EXPECT(peer_read_headers(fd, heard, sizeof(heard)));
        peer_say(fd, "HTTP/1.1 100 Continue\r\n\r\n");
        shutdown(fd, SHUT_WR);
        peer_hear_end(fd);
    }
}

START_TEST(test_no_retry_once_a_response_began)
{
    settings.retries = 1;
    serve(begin_and_close, NULL);
    ck_assert_int_eq(fetch(0, "/")->error, CLIENT_CLOSED);
    finish();
    ck_assert_int_eq(peer.accepted, 1);
}
END_TEST

/* Answers once, takes a second request and closes: libcurl would repeat by itself. */
static void die_when_used_again(struct peer *self)
{
    int fd = peer_accept(self);

    peer_serve(fd, "first");
    EXPECT(peer_read_headers(fd, heard, sizeof(heard)));
    close(fd);
    while ((fd = peer_accept(self)) >= 0) {
        /* Without retries libcurl connects, and is then kept from sending. */
        if (self->arg != NULL)
            peer_serve(fd, "fresh");
        peer_hear_end(fd);
    }
}

START_TEST(test_repetition_counts_as_retry)
{
    settings.retries = 1;
    serve(die_when_used_again, &peer);
    ck_response(fetch(0, "/1"), "first");
    struct mono_time before = results[0].sent;
    struct call_result *result = fetch(1, "/2");

    ck_response(result, "fresh");
    ck_assert_uint_eq(result->retries, 1);
    ck_assert(mono_before(before, result->sent));
    ck_assert_int_eq(metric_upstream_sum(METRIC_UPSTREAM_REQUESTS, 0, 0), 1);
    finish();
    ck_assert_int_eq(peer.accepted, 2);
}
END_TEST

START_TEST(test_repetition_is_not_allowed_without_retries)
{
    serve(die_when_used_again, NULL);
    ck_response(fetch(0, "/1"), "first");
    ck_assert_int_eq(fetch(1, "/2")->error, CLIENT_CLOSED);
    finish();
}
END_TEST

/*
 * Three idle connections, and the one that is used again dies. libcurl would repeat on the second,
 * and a retry that is not on a fresh connection would go to the third.
 */
#define IDLE 3

static size_t wait_for_any(const int *fds, size_t count)
{
    struct pollfd polled[IDLE];
    size_t i = 0;

    for (size_t n = 0; n < count; n++)
        polled[n] = (struct pollfd){.fd = fds[n], .events = POLLIN};
    EXPECT(poll(polled, count, PEER_PATIENCE * 1000) == 1);
    while (i + 1 < count && polled[i].revents == 0)
        i++;
    return i;
}

static void one_of_three_dies(struct peer *self)
{
    int fds[IDLE];

    for (size_t i = 0; i < IDLE; i++)
        fds[i] = peer_accept(self);
    for (size_t i = 0; i < IDLE; i++)
        peer_serve(fds[i], "parallel");
    size_t used = wait_for_any(fds, IDLE);
    EXPECT(peer_read_headers(fds[used], heard, sizeof(heard)));
    close(fds[used]);
    int fresh = peer_accept(self);
    peer_serve(fresh, "fresh");
    for (size_t i = 0; i < IDLE; i++)
        if (i != used)
            peer_hear_end(fds[i]);
    peer_hear_end(fresh);
}

START_TEST(test_retry_leaves_cached_connections_alone)
{
    settings.retries = 1;
    serve(one_of_three_dies, NULL);
    for (size_t i = 0; i < IDLE; i++)
        get(i, "/");
    await(IDLE);
    struct call_result *result = fetch(IDLE, "/again");

    ck_response(result, "fresh");
    ck_assert_uint_eq(result->retries, 1);
    finish();
}
END_TEST

/* Idle connections. */

static const char *unasked; /* what comes on the idle connection; NULL: its end */

static sem_t first_read;

static void post_first_read(struct call_result *result)
{
    (void)result;
    sem_post(&first_read);
}

static void spoil_idle(struct peer *self)
{
    static struct letter letter;
    int idle = peer_accept(self);

    peer_serve(idle, "first");
    while (sem_wait(&first_read) != 0)
        ;
    if (unasked != NULL)
        peer_say(idle, unasked);
    else
        shutdown(idle, SHUT_WR);
    peer_hear_end(idle);
    write_letter(&letter, stop_loop);
    int fd = peer_accept(self);
    peer_serve(fd, "second");
    peer_hear_end(fd);
}

/* The client drops it by itself, before the next call. */
static void ck_idle_is_dropped(const char *text)
{
    unasked = text;
    sem_init(&first_read, 0, 0);
    serve(spoil_idle, NULL);
    get(0, "/1")->then = post_first_read;
    loop_run(loop); /* ended by the letter */
    ck_response(&results[0], "first");
    ck_assert_int_eq(metric_upstream_sum(METRIC_UPSTREAM_CONNECTIONS, 0, 1), 0);
    ck_response(fetch(1, "/2"), "second");
    ck_assert_uint_eq(results[1].retries, 0);
    finish();
}

START_TEST(test_idle_connection_closed_by_server)
{
    ck_idle_is_dropped(NULL);
}
END_TEST

START_TEST(test_idle_connection_with_unasked_response)
{
    ck_idle_is_dropped("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
}
END_TEST

/* Cancellation. */

static void cancel_first(void)
{
    ctx_cancel(results[0].ctx, CTX_GONE);
}

static void hear_cancellation(struct peer *self)
{
    static struct letter letter;
    int cancelled = peer_accept(self);

    EXPECT(peer_read_headers(cancelled, heard, sizeof(heard)) && strstr(heard, "/gone") != NULL);
    int other = peer_accept(self);
    EXPECT(peer_read_headers(other, heard, sizeof(heard)));
    if (self->arg != NULL)
        peer_say(cancelled, self->arg);
    write_letter(&letter, cancel_first);
    peer_hear_end(cancelled);
    peer_say(other, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nsafe");
    peer_serve(other, "still");
    peer_hear_end(other);
}

static void ck_cancellation(char *begun)
{
    peer_start(&peer, hear_cancellation, begun);
    make_client(peer.origin);
    get(0, "/gone");
    /* The second connection is made only after the first, so that the script knows which is which.
     */
    get(1, "/stays");
    await(1);
    ck_assert(!results[0].called);
    ck_response(&results[1], "safe");
    ck_response(fetch(2, "/next"), "still");
    ck_assert_int_eq(metric_upstream_sum(METRIC_UPSTREAM_REQUESTS, 0, 0), 1);
    ck_assert_int_eq(metric_upstream_sum(METRIC_UPSTREAM_CONNECTIONS, 0, 0), 0);
    ck_assert_int_eq(metric_upstream_sum(METRIC_UPSTREAM_CONNECTIONS, 0, 1), 1);
    finish();
    ck_assert_int_eq(peer.accepted, 2);
}

START_TEST(test_cancel_closes_the_connection)
{
    ck_cancellation(NULL);
}
END_TEST

START_TEST(test_cancel_in_the_middle_of_a_body)
{
    char begun[] = "HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\nhalf";

    ck_cancellation(begun);
}
END_TEST

static void cancel_others(struct call_result *result)
{
    for (size_t i = 0; i < CALLS; i++)
        if (&results[i] != result && results[i].ctx != NULL)
            ctx_cancel(results[i].ctx, CTX_DONE);
}

static void serve_all(struct peer *self)
{
    int fd;

    while ((fd = peer_accept(self)) >= 0) {
        if (peer_read_headers(fd, heard, sizeof(heard)))
            peer_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
        close(fd);
    }
}

START_TEST(test_cancel_before_anything_happened)
{
    serve(serve_all, NULL);
    get(0, "/never");
    ctx_cancel(results[0].ctx, CTX_GONE);
    ck_response(fetch(1, "/1"), "ok");
    ck_assert(!results[0].called);
    finish();
    ck_assert_int_eq(peer.accepted, 1);
}
END_TEST

START_TEST(test_cancel_in_a_callback)
{
    settings.max_connections = 2;
    serve(serve_all, NULL);
    for (size_t i = 0; i < 4; i++)
        get(i, "/")->then = cancel_others;
    await(1);
    ck_response(fetch(4, "/after"), "ok");
    ck_assert_uint_eq(ended, 2);
    finish();
}
END_TEST

START_TEST(test_cancel_of_a_call_that_was_rejected)
{
    settings.max_connections = 1;
    settings.max_queue = 0;
    serve(serve_all, NULL);
    get(0, "/");
    get(1, "/rejected");
    ctx_cancel(results[1].ctx, CTX_GONE);
    await(1);
    ck_response(&results[0], "ok");
    ck_assert(!results[1].called);
    finish();
}
END_TEST

static void free_client(struct call_result *result)
{
    (void)result;
    client_unref(client);
    client = NULL;
}

START_TEST(test_free_in_a_callback)
{
    settings.max_connections = 2;
    serve(serve_all, NULL);
    for (size_t i = 0; i < 4; i++)
        get(i, "/")->then = free_client;
    await(1);
    ck_assert_uint_eq(ended, 1);
    finish();
}
END_TEST

START_TEST(test_a_reference_keeps_the_client)
{
    serve(serve_all, NULL);
    ck_assert_ptr_eq(client_ref(client), client);
    get(0, "/1");
    client_unref(client);
    await(1);
    ck_response(&results[0], "ok");
    client_unref(NULL);
    finish();
}
END_TEST

START_TEST(test_deadline_ends_a_call)
{
    peer_start(&peer, accept_in_silence, NULL);
    make_client(peer.origin);
    get(0, "/slow");
    ctx_set_deadline(results[0].ctx, mono_add(mono_now(), 10 * MILLISECOND));
    /* The peer's thread hears the end of the connection, or peer_stop would wait in vain. */
    while (ctx_cause(results[0].ctx) == CTX_LIVE)
        uv_run(loop_uv(loop), UV_RUN_ONCE);
    ck_assert_int_eq(ctx_cause(results[0].ctx), CTX_DEADLINE);
    ck_assert(!results[0].called);
    finish();
}
END_TEST

/* Proxies. */

START_TEST(test_environment_names_no_proxy)
{
    setenv("http_proxy", "http://127.0.0.1:9", 1);
    setenv("all_proxy", "http://127.0.0.1:9", 1);
    serve(serve_all, NULL);
    ck_response(fetch(0, "/"), "ok");
    finish();
}
END_TEST

static void add_failures(TCase *tcase)
{
    tcase_add_test(tcase, test_refused);
    tcase_add_test(tcase, test_no_such_name);
    tcase_add_test(tcase, test_connect_timeout_covers_tls);
    tcase_add_test(tcase, test_retry_on_fresh_connection);
    tcase_add_test(tcase, test_no_retry_when_none_allowed);
    tcase_add_test(tcase, test_no_retry_of_post);
    tcase_add_test(tcase, test_no_retry_once_a_response_began);
    tcase_add_test(tcase, test_repetition_counts_as_retry);
    tcase_add_test(tcase, test_repetition_is_not_allowed_without_retries);
    tcase_add_test(tcase, test_retry_leaves_cached_connections_alone);
    tcase_add_test(tcase, test_idle_connection_closed_by_server);
    tcase_add_test(tcase, test_idle_connection_with_unasked_response);
}

static void add_life(TCase *tcase)
{
    tcase_add_test(tcase, test_cancel_closes_the_connection);
    tcase_add_test(tcase, test_cancel_in_the_middle_of_a_body);
    tcase_add_test(tcase, test_cancel_before_anything_happened);
    tcase_add_test(tcase, test_cancel_in_a_callback);
    tcase_add_test(tcase, test_cancel_of_a_call_that_was_rejected);
    tcase_add_test(tcase, test_free_in_a_callback);
    tcase_add_test(tcase, test_a_reference_keeps_the_client);
    tcase_add_test(tcase, test_deadline_ends_a_call);
    tcase_add_test(tcase, test_environment_names_no_proxy);
}

int main(void)
{
    Suite *suite = suite_create("client_life");
    TCase *tcase = tcase_create("life");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 30);
    add_failures(tcase);
    add_life(tcase);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
