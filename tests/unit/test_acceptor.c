/*
 * What an acceptor does with connections: who gets them, when they are refused, how the want of
 * descriptors and the end are met. The servers that take them are the test's own, which count.
 *
 * Some loops have an acceptor and do not turn: what happens then does not depend on the scheduler.
 */
#include "front/acceptor.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#include "base/check.h"
#include "base/metrics.h"
#include "loopback.h"
#include "suite.h"

#define LOOPS 3
#define ROOM 64

/* ---- the servers ---- */

struct server {
    int fds[ROOM]; /* in the order of their coming */
    int count;
    int handed; /* of these, by another loop */
};

static void keep(struct server *server, int fd)
{
    ck_assert_int_lt(server->count, ROOM);
    server->fds[server->count++] = fd;
}

void server_take(struct server *server, struct server_app *app, struct server_quota *quota, int fd,
                 const struct sockaddr *addr, socklen_t addr_len)
{
    (void)app;
    (void)quota;
    ck_assert_int_eq(addr->sa_family, AF_INET);
    ck_assert_uint_eq(addr_len, sizeof(struct sockaddr_in));
    ck_assert_int_ne(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
    ck_assert_int_ne(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
    keep(server, fd);
}

void server_hand_over(struct server *server, struct server_app *app, struct server_quota *quota,
                      int fd, const struct sockaddr *addr, socklen_t addr_len)
{
    server->handed++;
    server_take(server, app, quota, fd, addr, addr_len);
}

/* ---- loops ---- */

static struct loop *loops[LOOPS];
static struct server servers[LOOPS];
static struct server_app apps[LOOPS];
static struct accept_member members[LOOPS];
static struct server_quota quota;
static struct accept_group group;
static struct acceptor *acceptors[LOOPS];
static struct listen *listeners;
static struct sockaddr_in address;
static int callers[ROOM];
static int called;
static struct rlimit limit_before;

static void start(void)
{
    int fd = loopback_listener(&address);
    const bool without_tls = false;
    struct reason reason;

    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit_before), 0);
    ck_assert_int_eq(listen_adopt(&fd, &without_tls, 1, &listeners, &reason), ERR_OK);
    atomic_init(&quota.open, 0);
    atomic_init(&quota.limit, ROOM);
    for (int i = 0; i < LOOPS; i++) {
        loops[i] = loop_new();
        ck_assert_ptr_nonnull(loops[i]);
        members[i] = (struct accept_member){.server = &servers[i], .app = &apps[i]};
    }
}

/* So many of the loops accept. */
static void accept_on(size_t count)
{
    group = (struct accept_group){&quota, members, count};
    for (size_t i = 0; i < count; i++)
        ck_assert_int_eq(acceptor_new(loops[i], listeners, &group, i, &acceptors[i]), ERR_OK);
}

static void turn(int i)
{
    for (int turns = 0; turns < 5; turns++)
        uv_run(loop_uv(loops[i]), UV_RUN_NOWAIT);
}

static void stop(void)
{
    for (int i = 0; i < LOOPS; i++) {
        if (acceptors[i] != NULL)
            acceptor_stop(acceptors[i]);
        loop_drain(loops[i]);
        loop_free(loops[i]);
        for (int j = 0; j < servers[i].count; j++)
            close(servers[i].fds[j]);
    }
    for (int i = 0; i < called; i++)
        close(callers[i]);
    listen_close(listeners);
    listen_free(listeners);
}

static void call(int count)
{
    for (int i = 0; i < count; i++)
        callers[called++] = loopback_connect(&address);
}

static void leave(int i)
{
    ck_assert_int_gt(servers[i].count, 0);
    close(servers[i].fds[--servers[i].count]);
    server_app_leave(&apps[i], &quota);
}

static int open_of(int i)
{
    ck_assert_int_eq(atomic_load(&apps[i].open), servers[i].count);
    return servers[i].count;
}

/* ---- who gets it ---- */

START_TEST(one_loop_takes_all)
{
    accept_on(1);
    call(40);
    turn(0);
    ck_assert_int_eq(open_of(0), 40);
    ck_assert_int_eq(servers[0].handed, 0);
    ck_assert_int_eq(atomic_load(&quota.open), 40);
}
END_TEST

/* Before the fourth comes, the other loop is no longer idle. */
START_TEST(four_on_two_are_three_to_one)
{
    accept_on(2);
    call(4);
    turn(0);
    ck_assert_int_eq(open_of(0), 3);
    ck_assert_int_eq(open_of(1), 1);
}
END_TEST

START_TEST(eight_on_two_are_five_to_three)
{
    accept_on(2);
    for (int i = 0; i < 8; i++) {
        call(1);
        turn(0);
    }
    ck_assert_int_eq(open_of(0), 5);
    ck_assert_int_eq(open_of(1), 3);
    ck_assert_int_eq(servers[1].handed, 3);
}
END_TEST

START_TEST(eight_at_once_too)
{
    accept_on(2);
    call(8);
    turn(0);
    ck_assert_int_eq(open_of(0), 5);
    ck_assert_int_eq(open_of(1), 3);
}
END_TEST

START_TEST(share_is_of_what_is_open)
{
    accept_on(2);
    call(8);
    turn(0);
    for (int i = 0; i < 5; i++)
        leave(0);
    call(4);
    turn(0);
    ck_assert_int_eq(open_of(0), 4);
    ck_assert_int_eq(servers[1].handed, 3);
}
END_TEST

START_TEST(least_busy_gets_it)
{
    accept_on(3);
    call(1);
    turn(1);
    ck_assert_int_eq(open_of(1), 1);
    call(30);
    turn(0);
    for (int i = 0; i < 3; i++)
        ck_assert_int_le(open_of(i), (31 + 2) / 3 + ACCEPT_SLACK);
    ck_assert_int_eq(open_of(0) + open_of(1) + open_of(2), 31);
    ck_assert_int_ge(servers[2].handed, servers[1].handed);
}
END_TEST

/* ---- the limit ---- */

static bool is_closed(int caller)
{
    char byte;

    return recv(caller, &byte, 1, MSG_DONTWAIT) == 0;
}

START_TEST(over_the_limit_is_closed)
{
    int64_t refused = metric_sum(METRIC_CONNECTIONS_REFUSED, 0);

    accept_on(2);
    atomic_store(&quota.limit, 3);
    call(2);
    turn(0);
    call(3);
    turn(1);
    ck_assert_int_eq(open_of(0) + open_of(1), 3);
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(is_closed(callers[i]), i >= 3);
    ck_assert_int_eq(metric_sum(METRIC_CONNECTIONS_REFUSED, 0) - refused, 2);
    leave(0);
    call(1);
    turn(0);
    ck_assert(!is_closed(callers[5]));
    ck_assert_int_eq(atomic_load(&quota.open), 3);
}
END_TEST

/* ---- the want of descriptors ---- */

/* The next descriptor to be opened is one too many. */
static void exhaust(void)
{
    int next = loopback_socket();
    const struct rlimit limit = {(rlim_t)next, limit_before.rlim_max};

    close(next);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void relieve(void)
{
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit_before), 0);
}

/* Two sockets that are made before, and connected after. */
static void call_when_exhausted(void)
{
    for (int i = 0; i < 2; i++)
        callers[called++] = loopback_socket();
    exhaust();
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(connect(callers[i], (struct sockaddr *)&address, sizeof(address)), 0);
}

/* Not even in the set, so that the loop does not spin on a socket that stays readable. */
static bool is_paused(int i)
{
    relieve(); /* to read it */
    bool is_there = epoll_entry(uv_backend_fd(loop_uv(loops[i])), listen_fd(listeners, 0)) != 0;
    exhaust();
    return !is_there;
}

START_TEST(pauses_without_descriptors)
{
    accept_on(2);
    turn(0);
    turn(1);
    call_when_exhausted();
    ck_assert(!is_paused(0));
    turn(0);
    turn(1);
    ck_assert(is_paused(0));
    ck_assert(is_paused(1));
    ck_assert(atomic_load(&quota.starved));
    ck_assert_int_eq(atomic_load(&quota.open), 0);

    relieve();
    while (open_of(0) < 2)
        uv_run(loop_uv(loops[0]), UV_RUN_ONCE);
    turn(0);
    ck_assert(!atomic_load(&quota.starved));
    call(1);
    turn(0);
    ck_assert_int_eq(open_of(0) + open_of(1), 3);
}
END_TEST

START_TEST(stops_while_paused)
{
    accept_on(1);
    turn(0);
    call_when_exhausted();
    turn(0);
    ck_assert(is_paused(0));
    acceptor_stop(acceptors[0]);
    acceptors[0] = NULL;
    relieve();
    loop_drain(loops[0]);
    ck_assert_int_eq(open_of(0), 0);
}
END_TEST

/* ---- the end ---- */

START_TEST(stop_leaves_the_backlog)
{
    accept_on(1);
    turn(0);
    call(3);
    acceptor_stop(acceptors[0]);
    acceptors[0] = NULL;
    turn(0);
    ck_assert_int_eq(open_of(0), 0);
    ck_assert(accept_rest(listeners, &group));
    ck_assert_int_eq(open_of(0), 3);
}
END_TEST

START_TEST(rest_goes_to_the_least_busy)
{
    accept_on(3);
    call(3);
    turn(1);
    for (int i = 0; i < 3; i++) {
        acceptor_stop(acceptors[i]);
        acceptors[i] = NULL;
    }
    call(9);
    ck_assert(accept_rest(listeners, &group));
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(open_of(i), 4);
    ck_assert_int_eq(servers[0].handed, 4);
    ck_assert_int_eq(servers[1].handed, 2);
}
END_TEST

START_TEST(rest_waits_for_descriptors)
{
    accept_on(1);
    acceptor_stop(acceptors[0]);
    acceptors[0] = NULL;
    call_when_exhausted();
    ck_assert(!accept_rest(listeners, &group));
    relieve();
    ck_assert(accept_rest(listeners, &group));
    ck_assert_int_eq(open_of(0), 2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("acceptor");
    TCase *tests = tcase_create("acceptor");

    tcase_add_checked_fixture(tests, start, stop);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, one_loop_takes_all);
    tcase_add_test(tests, four_on_two_are_three_to_one);
    tcase_add_test(tests, eight_on_two_are_five_to_three);
    tcase_add_test(tests, eight_at_once_too);
    tcase_add_test(tests, share_is_of_what_is_open);
    tcase_add_test(tests, least_busy_gets_it);
    tcase_add_test(tests, over_the_limit_is_closed);
    tcase_add_test(tests, pauses_without_descriptors);
    tcase_add_test(tests, stops_while_paused);
    tcase_add_test(tests, stop_leaves_the_backlog);
    tcase_add_test(tests, rest_goes_to_the_least_busy);
    tcase_add_test(tests, rest_waits_for_descriptors);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
