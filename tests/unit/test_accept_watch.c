/*
 * A watch reports a connection, and nothing while it is paused, in either place. In the loop's own
 * set the kernel knows it as exclusive: one connection wakes one of many loops.
 *
 * The test's own epoll_ctl stands in front of the system's, to play a kernel without the flag.
 */
#include "front/accept_watch.h"

#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>

#include "base/check.h"
#include "loopback.h"
#include "suite.h"

static bool knows_exclusive;

int epoll_ctl(int set, int op, int fd, struct epoll_event *event)
{
    int (*real)(int, int, int, struct epoll_event *);

    *(void **)&real = dlsym(RTLD_NEXT, "epoll_ctl");
    if (!knows_exclusive && op == EPOLL_CTL_ADD && (event->events & EPOLLEXCLUSIVE) != 0) {
        errno = EINVAL;
        return -1;
    }
    return real(set, op, fd, event);
}

/* ---- one loop ---- */

static struct loop *loop;
static struct sockaddr_in address;
static int listener;
static struct accept_watch watch;
static unsigned reports;
static bool is_closed;

static void start(void)
{
    knows_exclusive = true;
    reports = 0;
    is_closed = false;
    listener = loopback_listener(&address);
    loop = loop_new();
    ck_assert_ptr_nonnull(loop);
}

static void stop(void)
{
    loop_drain(loop);
    loop_free(loop);
    close(listener);
}

static void turn(void)
{
    for (int i = 0; i < 5; i++)
        uv_run(loop_uv(loop), UV_RUN_NOWAIT);
}

static bool accept_one(int fd)
{
    int taken = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (taken >= 0)
        close(taken);
    return taken >= 0;
}

static void report(struct accept_watch *self)
{
    reports++;
    ck_assert(accept_one(self->fd));
}

static void closed(struct accept_watch *self)
{
    ck_assert_ptr_eq(self, &watch);
    is_closed = true;
}

static void begin(enum accept_watch_place place, void (*ready)(struct accept_watch *watch))
{
    ck_assert_int_eq(accept_watch_start(&watch, loop, listener, place, ready), ERR_OK);
    turn();
}

static void end(void)
{
    accept_watch_close(&watch, closed);
    loop_drain(loop);
    ck_assert(is_closed);
}

static const enum accept_watch_place places[] = {ACCEPT_WATCH_LOOP_SET, ACCEPT_WATCH_OWN_SET};

START_TEST(reports_each_connection)
{
    begin(places[_i], report);
    for (unsigned i = 1; i <= 3; i++) {
        int caller = loopback_connect(&address);
        turn();
        ck_assert_uint_eq(reports, i);
        close(caller);
    }
    end();
}
END_TEST

START_TEST(reports_nothing_while_paused)
{
    begin(places[_i], report);
    accept_watch_pause(&watch);
    int caller = loopback_connect(&address);
    turn();
    ck_assert_uint_eq(reports, 0);
    accept_watch_resume(&watch);
    turn();
    ck_assert_uint_eq(reports, 1);
    close(caller);
    end();
}
END_TEST

static void pause_and_resume(struct accept_watch *self)
{
    report(self);
    accept_watch_pause(self);
    accept_watch_resume(self);
}

/* In the very turn that libuv reports it in, and before libuv heard of it at all. */
START_TEST(resumes_within_a_turn)
{
    ck_assert_int_eq(accept_watch_start(&watch, loop, listener, places[_i], pause_and_resume),
                     ERR_OK);
    accept_watch_pause(&watch);
    accept_watch_resume(&watch);
    accept_watch_resume(&watch);
    turn();
    for (unsigned i = 1; i <= 3; i++) {
        int caller = loopback_connect(&address);
        turn();
        ck_assert_uint_eq(reports, i);
        close(caller);
    }
    if (places[_i] == ACCEPT_WATCH_LOOP_SET)
        ck_assert_uint_eq(epoll_entry(uv_backend_fd(loop_uv(loop)), listener),
                          EPOLLIN | EPOLLEXCLUSIVE | EPOLLERR | EPOLLHUP);
    end();
}
END_TEST

START_TEST(closes_while_paused)
{
    begin(places[_i], report);
    accept_watch_pause(&watch);
    end();
    ck_assert_uint_eq(epoll_entry(uv_backend_fd(loop_uv(loop)), listener), 0);
}
END_TEST

START_TEST(closes_before_a_turn)
{
    ck_assert_int_eq(accept_watch_start(&watch, loop, listener, places[_i], report), ERR_OK);
    end();
    ck_assert_uint_eq(epoll_entry(uv_backend_fd(loop_uv(loop)), listener), 0);
}
END_TEST

static struct accept_watch first;

static void start_the_other(struct accept_watch *self)
{
    report(self);
    ck_assert_int_eq(accept_watch_start(&watch, loop, listener, ACCEPT_WATCH_LOOP_SET, report),
                     ERR_OK);
}

static void first_closed(struct accept_watch *self)
{
    (void)self;
}

/* libuv puts it into its set before it waits the next time, which is after the check handles. */
START_TEST(started_when_the_loop_has_waited)
{
    struct sockaddr_in other_address;
    int other = loopback_listener(&other_address);

    ck_assert_int_eq(
        accept_watch_start(&first, loop, other, ACCEPT_WATCH_LOOP_SET, start_the_other), ERR_OK);
    turn();
    int caller = loopback_connect(&other_address);
    turn();
    ck_assert_uint_eq(reports, 1);
    ck_assert_uint_eq(epoll_entry(uv_backend_fd(loop_uv(loop)), listener),
                      EPOLLIN | EPOLLEXCLUSIVE | EPOLLERR | EPOLLHUP);
    close(caller);
    accept_watch_close(&first, first_closed);
    end();
    close(other);
}
END_TEST

/* ---- the flag ---- */

START_TEST(exclusive_in_the_loops_set)
{
    begin(ACCEPT_WATCH_LOOP_SET, report);
    ck_assert_uint_eq(epoll_entry(uv_backend_fd(loop_uv(loop)), listener),
                      EPOLLIN | EPOLLEXCLUSIVE | EPOLLERR | EPOLLHUP);
    accept_watch_pause(&watch);
    ck_assert_uint_eq(epoll_entry(uv_backend_fd(loop_uv(loop)), listener), 0);
    accept_watch_resume(&watch);
    turn();
    ck_assert_uint_eq(epoll_entry(uv_backend_fd(loop_uv(loop)), listener),
                      EPOLLIN | EPOLLEXCLUSIVE | EPOLLERR | EPOLLHUP);
    end();
}
END_TEST

START_TEST(exclusive_in_its_own_set)
{
    begin(ACCEPT_WATCH_OWN_SET, report);
    ck_assert_uint_eq(epoll_entry(uv_backend_fd(loop_uv(loop)), listener), 0);
    ck_assert_uint_eq(epoll_entry(uv_backend_fd(loop_uv(loop)), watch.set),
                      EPOLLIN | EPOLLERR | EPOLLHUP);
    ck_assert_uint_eq(epoll_entry(watch.set, listener),
                      EPOLLIN | EPOLLEXCLUSIVE | EPOLLERR | EPOLLHUP);
    end();
}
END_TEST

START_TEST(works_without_the_flag)
{
    knows_exclusive = false;
    begin(places[_i], report);
    int caller = loopback_connect(&address);
    turn();
    ck_assert_uint_eq(reports, 1);
    close(caller);
    end();
}
END_TEST

START_TEST(place_depends_on_the_version)
{
    static const struct {
        unsigned major, minor, patch;
        enum accept_watch_place place;
    } cases[] = {
        {1, 43, 0, ACCEPT_WATCH_OWN_SET},  {1, 44, 0, ACCEPT_WATCH_LOOP_SET},
        {1, 44, 2, ACCEPT_WATCH_LOOP_SET}, {1, 48, 0, ACCEPT_WATCH_LOOP_SET},
        {1, 50, 0, ACCEPT_WATCH_LOOP_SET}, {1, 51, 0, ACCEPT_WATCH_LOOP_SET},
        {1, 52, 1, ACCEPT_WATCH_LOOP_SET}, {1, 53, 0, ACCEPT_WATCH_OWN_SET},
        {2, 0, 0, ACCEPT_WATCH_OWN_SET},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        ck_assert_int_eq(
            accept_watch_place(cases[i].major << 16 | cases[i].minor << 8 | cases[i].patch),
            cases[i].place);
}
END_TEST

/* ---- many loops ---- */

#define LOOPS 8
#define CONNECTIONS 200

struct waiter {
    struct accept_watch watch;
    struct loop *loop;
    pthread_t thread;
    atomic_int tid;
    struct mail close;
};

static struct waiter waiters[LOOPS];
static atomic_uint accepted;

static void count(struct accept_watch *self)
{
    while (accept_one(self->fd))
        atomic_fetch_add(&accepted, 1);
}

static void *live(void *arg)
{
    struct waiter *waiter = arg;

    atomic_store(&waiter->tid, (int)gettid());
    loop_run(waiter->loop);
    loop_drain(waiter->loop);
    return NULL;
}

static void waiter_closed(struct accept_watch *self)
{
    loop_stop(CONTAINER_OF(self, struct waiter, watch)->loop);
}

static void close_waiter(struct mail *mail)
{
    accept_watch_close(&CONTAINER_OF(mail, struct waiter, close)->watch, waiter_closed);
}

static void start_waiters(enum accept_watch_place place)
{
    for (int i = 0; i < LOOPS; i++) {
        struct waiter *waiter = &waiters[i];
        atomic_store(&waiter->tid, 0);
        waiter->loop = loop_new();
        ck_assert_ptr_nonnull(waiter->loop);
        ck_assert_int_eq(accept_watch_start(&waiter->watch, waiter->loop, listener, place, count),
                         ERR_OK);
        ck_assert_int_eq(pthread_create(&waiter->thread, NULL, live, waiter), 0);
    }
}

static void stop_waiters(void)
{
    for (int i = 0; i < LOOPS; i++) {
        waiters[i].close.deliver = close_waiter;
        loop_mail(waiters[i].loop, &waiters[i].close);
        pthread_join(waiters[i].thread, NULL);
        loop_free(waiters[i].loop);
    }
}

static bool read_of_task(int tid, const char *file, char *text, size_t size)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/self/task/%d/%s", tid, file);
    FILE *open = fopen(path, "re");
    if (open == NULL)
        return false;
    const bool good = fgets(text, (int)size, open) != NULL;
    fclose(open);
    return good;
}

/*
 * By the kernel's own word: in epoll_wait, and not in one that does not wait. Where the kernel does
 * not tell the call (it is "running" while the thread sleeps), any sleep is taken for it.
 */
static bool is_asleep(const struct waiter *waiter)
{
    char stat[512] = "", call[256] = "";
    const int tid = atomic_load(&waiter->tid);

    if (tid == 0)
        return false;
    ck_assert(read_of_task(tid, "stat", stat, sizeof(stat)));
    if (strstr(stat, ") S ") == NULL)
        return false;
    if (!read_of_task(tid, "syscall", call, sizeof(call)) || call[0] < '0' || call[0] > '9')
        return strncmp(call, "running", 7) != 0;
    const long number = strtol(call, NULL, 10);
#ifdef SYS_epoll_wait
    if (number == SYS_epoll_wait)
        return true;
#endif
    return number == SYS_epoll_pwait;
}

static void wait_until_all_sleep(void)
{
    for (int i = 0; i < LOOPS; i++)
        while (!is_asleep(&waiters[i]))
            sched_yield();
}

/* Of all waiters so far: each time that one sleeps again it has been woken. */
static long sleeps(void)
{
    static const char name[] = "voluntary_ctxt_switches:";
    char path[64], line[256];
    long sum = 0;

    for (int i = 0; i < LOOPS; i++) {
        snprintf(path, sizeof(path), "/proc/self/task/%d/status", atomic_load(&waiters[i].tid));
        FILE *file = fopen(path, "re");
        ck_assert_ptr_nonnull(file);
        while (fgets(line, sizeof(line), file) != NULL)
            if (strncmp(line, name, strlen(name)) == 0)
                sum += strtol(line + strlen(name), NULL, 10);
        fclose(file);
    }
    return sum;
}

/* How often a waiter was woken. */
static long count_wakes(enum accept_watch_place place)
{
    atomic_store(&accepted, 0);
    start_waiters(place);
    wait_until_all_sleep();
    const long before = sleeps();
    for (unsigned i = 1; i <= CONNECTIONS; i++) {
        int caller = loopback_connect(&address);
        while (atomic_load(&accepted) < i)
            sched_yield();
        wait_until_all_sleep();
        close(caller);
    }
    const long woken = sleeps() - before;
    stop_waiters();
    ck_assert_int_ge(woken, CONNECTIONS);
    return woken;
}

/* A loop that was not asleep takes one too, now and then. Without the flag most are woken. */
START_TEST(a_connection_wakes_one_loop)
{
    const long exclusive = count_wakes(ACCEPT_WATCH_LOOP_SET);
    const long shared = count_wakes(ACCEPT_WATCH_OWN_SET);

    ck_assert_int_lt(2 * exclusive, shared);
}
END_TEST

START_TEST(none_is_left_waiting)
{
    int callers[CONNECTIONS];

    start_waiters(places[_i]);
    for (int round = 1; round <= 5; round++) {
        for (int i = 0; i < CONNECTIONS; i++)
            callers[i] = loopback_connect(&address);
        while (atomic_load(&accepted) < (unsigned)round * CONNECTIONS)
            sched_yield();
        for (int i = 0; i < CONNECTIONS; i++)
            close(callers[i]);
    }
    stop_waiters();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("accept_watch");
    TCase *tests = tcase_create("watch");

    tcase_add_checked_fixture(tests, start, stop);
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, reports_each_connection, 0, 2);
    tcase_add_loop_test(tests, reports_nothing_while_paused, 0, 2);
    tcase_add_loop_test(tests, resumes_within_a_turn, 0, 2);
    tcase_add_loop_test(tests, closes_while_paused, 0, 2);
    tcase_add_loop_test(tests, closes_before_a_turn, 0, 2);
    tcase_add_test(tests, started_when_the_loop_has_waited);
    tcase_add_test(tests, exclusive_in_the_loops_set);
    tcase_add_test(tests, exclusive_in_its_own_set);
    tcase_add_loop_test(tests, works_without_the_flag, 0, 2);
    tcase_add_test(tests, place_depends_on_the_version);
    tcase_add_test(tests, a_connection_wakes_one_loop);
    tcase_add_loop_test(tests, none_is_left_waiting, 0, 2);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
