/*
 * A connection that is handed to a server holds a place of its quota. Whichever way it ends, also
 * before libmicrohttpd has taken it, the place is given back, once, and the descriptor is closed.
 *
 * The test's own MHD_add_connection stands in front of the library's, which refuses a connection
 * only where the system fails.
 */
#include "front/server.h"

#include <check.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "config_fixture.h"
#include "exchange/response.h"
#include "loopback.h"
#include "middleware/tracker.h"
#include "suite.h"

/* ---- libmicrohttpd ---- */

static enum {
    ACCEPTS,
    REFUSES, /* and closes, as it does itself */
    FORGETS, /* takes it, and drops it in the next run without a notice */
} library;
static int forgotten = -1;

enum MHD_Result MHD_add_connection(struct MHD_Daemon *daemon, MHD_socket fd,
                                   const struct sockaddr *addr, socklen_t len)
{
    enum MHD_Result (*real)(struct MHD_Daemon *, MHD_socket, const struct sockaddr *, socklen_t);

    *(void **)&real = dlsym(RTLD_NEXT, "MHD_add_connection");
    if (library == ACCEPTS)
        return real(daemon, fd, addr, len);
    if (library == FORGETS) {
        forgotten = fd;
        return MHD_YES;
    }
    close(fd);
    return MHD_NO;
}

/* ---- a server ---- */

static struct loop *loop;
static struct server *server;
static struct guid_source guids;
static struct server_app app;
static struct server_quota quota;
static bool stopped;

static void serve(struct server_app *self, struct request *request)
{
    ck_assert_ptr_eq(self, &app);
    tracker_run(request, &guids);
    response_operator(request, 200, "text/plain", NULL, "ok", 2);
}

static void ended(struct server_app *self, struct request *request)
{
    (void)self;
    (void)request;
}

static void start(void)
{
    setup();
    struct config *config = load_text(WHOLE);
    ck_assert_ptr_nonnull(config);
    loop = loop_new();
    ck_assert_ptr_nonnull(loop);
    ck_assert_int_eq(server_new(loop, 4096, &server), ERR_OK);
    app = (struct server_app){.config = config, .guids = &guids, .serve = serve, .ended = ended};
    atomic_init(&quota.open, 0);
    atomic_init(&quota.limit, 10);
    library = ACCEPTS;
    stopped = false;
}

static void turn(void)
{
    for (int i = 0; i < 10; i++)
        uv_run(loop_uv(loop), UV_RUN_NOWAIT);
}

static void stop(void)
{
    if (!stopped)
        server_stop(server);
    loop_drain(loop);
    loop_free(loop);
    server_free(server);
    config_unref(app.config);
    teardown();
}

/* Takes a place and hands over, as front/listen does. */
static void hand_over(int fd)
{
    const struct sockaddr_storage addr = {.ss_family = AF_UNIX};

    atomic_fetch_add(&quota.open, 1);
    server_hand_over(server, &app, &quota, fd, (const struct sockaddr *)&addr, sizeof(sa_family_t));
}

/* The caller's end of a connection whose other end was handed over. */
static int connect_caller(void)
{
    int fds[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    hand_over(fds[0]);
    return fds[1];
}

static int connect_by_tcp(void)
{
    struct sockaddr_in address;
    const int listener = loopback_listener(&address);
    const int caller = loopback_connect(&address);

    hand_over(accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK));
    close(listener);
    return caller;
}

static int64_t places(void)
{
    return atomic_load(&quota.open);
}

/* The other end has been closed. */
static bool is_closed(int caller)
{
    char byte;

    return recv(caller, &byte, 1, 0) == 0;
}

/* ---- the ways in which a connection ends ---- */

START_TEST(caller_leaves)
{
    int caller = connect_caller();

    turn();
    ck_assert_int_eq(places(), 1);
    close(caller);
    turn();
    ck_assert_int_eq(places(), 0);
}
END_TEST

/* Turns the loop until no connection is left, for 3 s at most: no timeout of the config is so
 * short. */
static void turn_until_empty(void)
{
    const struct mono_time end = mono_add(mono_now(), 3 * SECOND);

    while (places() > 0 && mono_before(mono_now(), end))
        uv_run(loop_uv(loop), UV_RUN_NOWAIT);
    ck_assert_int_eq(places(), 0);
}

/*
 * The end comes together with the last bytes, and once more when they have been read:
 * libmicrohttpd, told of both by one event, reads the bytes alone.
 */
START_TEST(caller_leaves_amid_a_request)
{
    static const char *const begun[] = {
        "G",
        "GET /api",
        "GET /api HTTP/1.1\r\n",
        "GET /api HTTP/1.1\r\nHost: h\r\nX-Half",
        "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\n\r\nGET /api",
    };
    const size_t len = strlen(begun[_i]);

    for (int late = 0; late < 3; late++) {
        int caller = connect_by_tcp();
        if (late > 0)
            turn();
        ck_assert_int_eq(send(caller, begun[_i], len, 0), (ssize_t)len);
        if (late > 1)
            turn();
        close(caller);
        turn_until_empty();
    }
}
END_TEST

/* What a caller had asked before it closed its sending half is read, to the last byte. */
START_TEST(rejected_behind_its_end)
{
    static const char request[] = "GET HTTP/1.1\r\nHost: h\r\n\r\n";
    char response[4096];
    int caller = connect_by_tcp();

    ck_assert_int_eq(send(caller, request, strlen(request), 0), (ssize_t)strlen(request));
    shutdown(caller, SHUT_WR);
    turn_until_empty();
    ck_assert_int_gt(recv(caller, response, sizeof(response), 0), 12);
    ck_assert_mem_eq(response, "HTTP/1.1 400", 12);
    close(caller);
}
END_TEST

START_TEST(response_closes)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    char response[4096];
    int caller = connect_caller();

    turn();
    ck_assert_int_eq(send(caller, request, strlen(request), 0), (ssize_t)strlen(request));
    turn();
    ck_assert_int_gt(recv(caller, response, sizeof(response), 0), 0);
    ck_assert(is_closed(caller));
    ck_assert_int_eq(places(), 0);
    close(caller);
}
END_TEST

/* Neither epoll nor, so, libuv watches a regular file. */
START_TEST(cannot_be_watched)
{
    char *path = scratch_path("key");
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    mem_free(path);
    ck_assert_int_ge(fd, 0);
    hand_over(fd);
    turn();
    ck_assert_int_eq(places(), 0);
    ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
}
END_TEST

START_TEST(library_refuses)
{
    library = REFUSES;
    int caller = connect_caller();

    turn();
    ck_assert_int_eq(places(), 0);
    ck_assert(is_closed(caller));
    close(caller);
}
END_TEST

START_TEST(library_drops_without_notice)
{
    library = FORGETS;
    int caller = connect_caller();

    turn();
    ck_assert_int_eq(places(), 0);
    close(forgotten);
    close(caller);
}
END_TEST

START_TEST(comes_after_stop)
{
    server_stop(server);
    stopped = true;
    int caller = connect_caller();

    turn();
    ck_assert_int_eq(places(), 0);
    ck_assert(is_closed(caller));
    close(caller);
}
END_TEST

START_TEST(open_at_stop)
{
    int caller = connect_caller();

    turn();
    ck_assert_int_eq(places(), 1);
    server_stop(server);
    stopped = true;
    turn();
    ck_assert_int_eq(places(), 0);
    ck_assert(is_closed(caller));
    close(caller);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server");
    TCase *tests = tcase_create("places");

    tcase_add_checked_fixture(tests, start, stop);
    tcase_add_test(tests, caller_leaves);
    tcase_add_loop_test(tests, caller_leaves_amid_a_request, 0, 6);
    tcase_add_test(tests, rejected_behind_its_end);
    tcase_add_test(tests, response_closes);
    tcase_add_test(tests, cannot_be_watched);
    tcase_add_test(tests, library_refuses);
    tcase_add_test(tests, library_drops_without_notice);
    tcase_add_test(tests, comes_after_stop);
    tcase_add_test(tests, open_at_stop);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
