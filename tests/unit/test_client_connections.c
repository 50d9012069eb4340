/*
 * The HTTP client's connections against scripted peers: which are used again and which are not, and
 * requests and responses that do not fit a socket's buffer.
 */
#include <netinet/tcp.h>
#include <poll.h>

#include "client_fixture.h"

/* ---- which connections are used again ---- */

struct reuse {
    const char *response;
    bool again; /* the second request comes on the same connection */
};

static const struct reuse reuses[] = {
    {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", true},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-T: t\r\n\r\n", true},
    {"HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", true},
    {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok", true},
    {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", false},
    {"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", false},
    /* A field says that a body follows, and none does: the peer may think otherwise. */
    {"HTTP/1.1 204 No\r\n\r\n", true},
    {"HTTP/1.1 304 No\r\n\r\n", true},
    {"HTTP/1.1 204 No\r\nContent-Length: 2\r\n\r\n", false},
    {"HTTP/1.1 204 No\r\nTransfer-Encoding: chunked\r\n\r\n", false},
    {"HTTP/1.1 304 No\r\nContent-Length: 2\r\n\r\n", true},
    /* What follows a response would be taken for the next one. */
    {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokgarbage", false},
    {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"
     "evil",
     false},
};

static void respond_once(struct peer *self)
{
    const struct reuse *reuse = self->arg;
    int fd = peer_accept(self);

    EXPECT(peer_read_headers(fd, heard, sizeof(heard)));
    peer_say(fd, reuse->response);
    if (!reuse->again) {
        peer_hear_end(fd);
        fd = peer_accept(self);
    }
    peer_serve(fd, "second");
    peer_hear_end(fd);
}

static void stop_client(void)
{
    client_unref(client);
    client = NULL;
    peer_stop(&peer);
}

START_TEST(test_used_again)
{
    struct reuse reuse = reuses[_i];

    serve(respond_once, &reuse);
    ck_assert_int_eq(fetch(0, "/1")->error, CLIENT_OK);
    if (results[0].status == 200)
        ck_response(&results[0], "ok");
    ck_assert_int_eq(metric_upstream_sum(METRIC_UPSTREAM_CONNECTIONS, 0, 1), reuse.again);
    ck_response(fetch(1, "/2"), "second");
    ck_assert_uint_eq(results[1].retries, 0);
    stop_client();
    ck_assert_int_eq(peer.accepted, reuse.again ? 1 : 2);
}
END_TEST

static void serve_each(struct peer *self)
{
    int fd;

    while ((fd = peer_accept(self)) >= 0) {
        peer_serve(fd, "ok");
        peer_hear_end(fd);
    }
}

START_TEST(test_too_old_to_be_used_again)
{
    settings.connection_max_age = 1;
    serve(serve_each, NULL);
    ck_response(fetch(0, "/1"), "ok");
    ck_response(fetch(1, "/2"), "ok");
    stop_client();
    ck_assert_int_eq(peer.accepted, 2);
}
END_TEST

/* ---- dead paths ---- */

/* The client's end of the connection to the peer. */
static int find_connection(void)
{
    for (int fd = 3; fd < 256; fd++) {
        struct sockaddr_in to;
        socklen_t len = sizeof(to);

        if (getpeername(fd, (struct sockaddr *)&to, &len) == 0 && to.sin_family == AF_INET &&
            ntohs(to.sin_port) == peer.port)
            return fd;
    }
    return -1;
}

static int option_of(int fd, int option)
{
    int value = -1;
    socklen_t len = sizeof(value);

    ck_assert_int_eq(getsockopt(fd, IPPROTO_TCP, option, &value, &len), 0);
    return value;
}

static const struct {
    int64_t connect_timeout;
    int user_timeout; /* ms */
    int idle, next;   /* s; of keep-alive */
} paths[] = {
    {10 * MILLISECOND, 3000, 1, 1}, {2 * SECOND, 3000, 1, 1},     {2500 * MILLISECOND, 4000, 1, 1},
    {10 * SECOND, 11000, 5, 1},     {24 * HOUR, 3610000, 30, 10},
};

START_TEST(test_path_is_bounded)
{
    settings.connect_timeout = paths[_i].connect_timeout;
    serve(serve_each, NULL);
    ck_response(fetch(0, "/1"), "ok");
    int fd = find_connection();
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(option_of(fd, TCP_USER_TIMEOUT), paths[_i].user_timeout);
    ck_assert_int_eq(option_of(fd, TCP_KEEPIDLE), paths[_i].idle);
    ck_assert_int_eq(option_of(fd, TCP_KEEPINTVL), paths[_i].next);
    stop_client();
}
END_TEST

/* ---- what one connection says of the others ---- */

#define POOL 3

struct ending {
    int64_t idle;    /* of the pool before the connection is used that ends without a byte */
    int64_t silence; /* before that */
    int kept;        /* idle at the end, with a fresh one */
};

static const struct ending endings[] = {
    {0, 0, POOL},
    {1100 * MILLISECOND, 0, 1},
    {0, 1100 * MILLISECOND, 1},
};

static size_t find_used(const int *fds)
{
    struct pollfd polled[POOL];
    size_t used = 0;

    for (size_t i = 0; i < POOL; i++)
        polled[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
    EXPECT(poll(polled, POOL, PEER_PATIENCE * 1000) == 1);
    while (polled[used].revents == 0)
        used++;
    return used;
}

/* Each of them once, and reads the next request; on which it came. */
static size_t serve_pool(struct peer *self, int fds[POOL])
{
    for (size_t i = 0; i < POOL; i++)
        fds[i] = peer_accept(self);
    for (size_t i = 0; i < POOL; i++)
        peer_serve(fds[i], "parallel");
    size_t used = find_used(fds);
    EXPECT(peer_read_headers(fds[used], heard, sizeof(heard)));
    return used;
}

static void end_one_of_pool(struct peer *self)
{
    const struct ending *ending = self->arg;
    int fds[POOL];
    size_t used = serve_pool(self, fds);

    EXPECT(ending->silence == 0 || usleep((useconds_t)(ending->silence / MICROSECOND)) == 0);
    close(fds[used]);
    int fresh = peer_accept(self);
    peer_serve(fresh, "fresh");
    fds[used] = fresh;
    for (size_t i = 0; i < POOL; i++)
        peer_hear_end(fds[i]);
}

static void stop(void *arg)
{
    (void)arg;
    loop_stop(loop);
}

static void turn_for(int64_t time)
{
    if (time == 0)
        return;
    timer_start(loop, time, stop, NULL);
    loop_run(loop);
}

static void fill_pool(void)
{
    for (size_t i = 0; i < POOL; i++)
        get(i, "/");
    await(POOL);
}

static int idle_count(void)
{
    return (int)metric_upstream_sum(METRIC_UPSTREAM_CONNECTIONS, 0, 1);
}

/* Used again at once, or after a second; closed at once, or after a second. */
START_TEST(test_end_without_a_byte)
{
    struct ending ending = endings[_i];

    settings.retries = 1;
    settings.connect_timeout = 500 * MILLISECOND;
    serve(end_one_of_pool, &ending);
    fill_pool();
    turn_for(ending.idle);
    ck_response(fetch(POOL, "/again"), "fresh");
    ck_assert_uint_eq(results[POOL].retries, 1);
    ck_assert_int_eq(idle_count(), ending.kept);
    finish();
}
END_TEST

static void serve_pool_once(struct peer *self)
{
    int fds[POOL];

    serve_pool(self, fds);
    for (size_t i = 0; i < POOL; i++)
        peer_hear_end(fds[i]);
}

/* However short connect_timeout is, a slow response is not taken for a mute peer. */
START_TEST(test_who_leaves_soon_says_nothing)
{
    settings.connect_timeout = 200 * MILLISECOND;
    serve(serve_pool_once, NULL);
    fill_pool();
    get(POOL, "/slow");
    turn_for(300 * MILLISECOND);
    ctx_cancel(results[POOL].ctx, CTX_GONE);
    ck_assert_int_eq(idle_count(), POOL - 1);
    finish();
}
END_TEST

/* ---- more than a buffer holds ---- */

#define BIG ((size_t)16 * 1024 * 1024)

static char *big_value(void)
{
    char *value = mem_alloc(BIG + 1);

    memset(value, 'v', BIG);
    value[BIG] = '\0';
    return value;
}

static struct call_result *send_big(size_t number)
{
    char *value = big_value();
    const struct client_header header = {"X-Big", value};
    const struct client_request request = {
        .target = "/", .headers = &header, .header_count = 1, .max_response = BIG};
    struct call_result *result = send_request(number, &request);

    mem_free(value); /* the client has its own */
    return result;
}

/* Counts it, so that no byte is lost or doubled. */
static size_t read_big_headers(int fd)
{
    static char piece[65536];
    size_t total = 0;
    char last[5] = "";

    while (strcmp(last, "\r\n\r\n") != 0) {
        ssize_t got = recv(fd, piece, sizeof(piece), 0);

        EXPECT(got >= 4);
        total += (size_t)got;
        memcpy(last, piece + got - 4, 4);
    }
    return total;
}

static size_t big_headers_len;

static void read_it_all(struct peer *self)
{
    int fd = peer_accept(self);

    big_headers_len = read_big_headers(fd);
    peer_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    peer_serve(fd, "again");
    peer_hear_end(fd);
}

START_TEST(test_request_goes_out_in_parts)
{
    serve(read_it_all, NULL);
    struct call_result *result = send_big(0);
    await(1);
    ck_response(result, "ok");
    ck_response(fetch(1, "/2"), "again");
    stop_client();
    ck_assert_int_eq(peer.accepted, 1);
    ck_assert_uint_gt(big_headers_len, BIG + strlen("GET / HTTP/1.1\r\nX-Big: \r\n\r\n"));
    ck_assert_uint_lt(big_headers_len, BIG + 200);
}
END_TEST

/* The response is there before the request has been read; the rest of the request is dropped. */
static void respond_unread(struct peer *self)
{
    int fd = peer_accept(self);

    peer_say(fd, "HTTP/1.1 431 Too Large\r\nContent-Length: 2\r\n\r\nno");
    peer_accept(self); /* the end of the test */
    close(fd);
}

START_TEST(test_response_before_the_request_is_read)
{
    settings.retries = 1;
    serve(respond_unread, NULL);
    struct call_result *result = send_big(0);
    await(1);
    ck_assert_int_eq(result->error, CLIENT_OK);
    ck_assert_int_eq(result->status, 431);
    ck_assert_int_eq(metric_upstream_sum(METRIC_UPSTREAM_CONNECTIONS, 0, 0), 0);
    ck_assert_int_eq(metric_upstream_sum(METRIC_UPSTREAM_CONNECTIONS, 0, 1), 0);
    stop_client();
    ck_assert_int_eq(peer.accepted, 1);
}
END_TEST

static void send_big_body(struct peer *self)
{
    int fd = peer_accept(self);
    char headers[128];
    char *body = big_value();

    EXPECT(peer_read_headers(fd, heard, sizeof(heard)));
    snprintf(headers, sizeof(headers), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", BIG);
    peer_say(fd, headers);
    peer_send(fd, body, BIG);
    mem_free(body);
    peer_hear_end(fd);
}

START_TEST(test_response_comes_in_parts)
{
    const struct client_request request = {.target = "/", .max_response = BIG};

    serve(send_big_body, NULL);
    struct call_result *result = send_request(0, &request);
    await(1);
    ck_assert_int_eq(result->error, CLIENT_OK);
    ck_assert_uint_eq(result->body_len, BIG);
    ck_assert_uint_eq(strspn(result->body, "v"), BIG);
    stop_client();
}
END_TEST

/* ---- an error that is reported with the last bytes ---- */

static struct {
    struct letter letter;
    atomic_bool held, sent;
    const char *response;
} reset;

/* In the loop: what the peer does meanwhile is reported all at once. */
static void hold_loop(void)
{
    atomic_store(&reset.held, true);
    while (!atomic_load(&reset.sent))
        usleep(1000);
}

static void respond_and_reset(struct peer *self)
{
    int fd = peer_accept(self);

    EXPECT(peer_read_headers(fd, heard, sizeof(heard)));
    write_letter(&reset.letter, hold_loop);
    while (!atomic_load(&reset.held))
        usleep(1000);
    peer_say(fd, reset.response);
    peer_reset(fd);
    atomic_store(&reset.sent, true);
    fd = peer_accept(self);
    if (fd < 0)
        return;
    peer_serve(fd, "second");
    peer_hear_end(fd);
}

static void serve_and_reset(const char *response)
{
    reset.response = response;
    atomic_store(&reset.held, false);
    atomic_store(&reset.sent, false);
    serve(respond_and_reset, NULL);
}

START_TEST(test_reset_within_a_response)
{
    serve_and_reset("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no");
    ck_assert_str_eq(client_error_phrase(fetch(0, "/")->error), client_error_phrase(CLIENT_CLOSED));
    stop_client();
}
END_TEST

/* The connection is not used again, and costs no second attempt. */
START_TEST(test_reset_after_a_response)
{
    serve_and_reset("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    ck_response(fetch(0, "/"), "ok");
    while (metric_upstream_sum(METRIC_UPSTREAM_CONNECTIONS, 0, 1) > 0)
        uv_run(loop_uv(loop), UV_RUN_ONCE);
    ck_response(fetch(1, "/"), "second");
    ck_assert_uint_eq(results[1].retries, 0);
    stop_client();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("client_connections");
    TCase *tcase = tcase_create("connections");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 30);
    tcase_add_loop_test(tcase, test_used_again, 0, ARRAY_LEN(reuses));
    tcase_add_test(tcase, test_too_old_to_be_used_again);
    tcase_add_loop_test(tcase, test_end_without_a_byte, 0, ARRAY_LEN(endings));
    tcase_add_test(tcase, test_who_leaves_soon_says_nothing);
    tcase_add_loop_test(tcase, test_path_is_bounded, 0, ARRAY_LEN(paths));
    tcase_add_test(tcase, test_request_goes_out_in_parts);
    tcase_add_test(tcase, test_response_before_the_request_is_read);
    tcase_add_test(tcase, test_response_comes_in_parts);
    tcase_add_test(tcase, test_reset_within_a_response);
    tcase_add_test(tcase, test_reset_after_a_response);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
