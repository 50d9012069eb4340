/* front/departures.h: callers that leave are told apart from callers that are quiet. */
#include "front/departures.h"

#include <check.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loopback.h"
#include "suite.h"

/* More than are reported in one turn. */
#define MANY 150

struct caller {
    int ours;
    int theirs;
    int left;
    int readable;
};

static struct loop *loop;
static struct departures departures;
static struct caller callers[MANY];

static void left(void *who)
{
    struct caller *caller = who;

    caller->left++;
}

static void readable(void *who)
{
    struct caller *caller = who;

    caller->readable++;
}

static void connect_caller(struct caller *caller)
{
    int ends[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    *caller = (struct caller){.ours = ends[0], .theirs = ends[1]};
    ck_assert_int_eq(departures_watch(&departures, caller->ours, caller), ERR_OK);
}

static void connect_by_tcp(struct caller *caller)
{
    struct sockaddr_in address;
    const int listener = loopback_listener(&address);

    *caller = (struct caller){.theirs = loopback_connect(&address)};
    caller->ours = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    ck_assert_int_ge(caller->ours, 0);
    ck_assert_int_eq(departures_watch(&departures, caller->ours, caller), ERR_OK);
    close(listener);
}

static void make(void)
{
    loop = loop_new();
    ck_assert_ptr_nonnull(loop);
    ck_assert_int_eq(departures_start(&departures, loop, left), ERR_OK);
    departures.readable = readable;
    connect_caller(&callers[0]);
}

static void clean(void)
{
    departures_stop(&departures);
    loop_drain(loop);
    loop_free(loop);
}

static void stop(void *arg)
{
    (void)arg;
    loop_stop(loop);
}

/* Two: libuv looks at descriptors after the timers of a turn. */
static void turn(void)
{
    for (int i = 0; i < 2; i++) {
        timer_start(loop, 0, stop, NULL);
        loop_run(loop);
    }
}

START_TEST(test_data_is_no_departure)
{
    ck_assert_int_eq(write(callers[0].theirs, "x", 1), 1);
    turn();
    ck_assert_int_eq(callers[0].left, 0);
}
END_TEST

START_TEST(test_close)
{
    close(callers[0].theirs);
    turn();
    ck_assert_int_ge(callers[0].left, 1);
}
END_TEST

START_TEST(test_sending_half)
{
    shutdown(callers[0].theirs, SHUT_WR);
    turn();
    ck_assert_int_ge(callers[0].left, 1);
}
END_TEST

/* How a TCP connection ends; whether bytes that nobody reads came first, or with it. */
enum ending { CLOSES, CLOSES_ITS_HALF, RESETS, ENDINGS };
enum bytes { NONE, EARLIER, WITH_THE_END, BYTES };

static void leave(const struct caller *caller, enum ending ending, enum bytes bytes)
{
    const struct linger reset = {.l_onoff = 1, .l_linger = 0};

    if (bytes != NONE)
        ck_assert_int_eq(write(caller->theirs, "x", 1), 1);
    if (bytes == EARLIER)
        turn();
    ck_assert_int_eq(caller->left, 0);
    if (ending == RESETS)
        setsockopt(caller->theirs, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    if (ending == CLOSES_ITS_HALF)
        shutdown(caller->theirs, SHUT_WR);
    else
        close(caller->theirs);
}

START_TEST(test_by_tcp)
{
    struct caller *caller = &callers[1];

    connect_by_tcp(caller);
    turn();
    leave(caller, (enum ending)(_i / BYTES), (enum bytes)(_i % BYTES));
    turn();
    ck_assert_int_ge(caller->left, 1);
    const int told = caller->left;
    turn();
    ck_assert_int_eq(caller->left, told);
    close(caller->ours);
}
END_TEST

/* A level would be reported in each turn. */
START_TEST(test_told_once)
{
    close(callers[0].theirs);
    turn();
    const int told = callers[0].left;
    turn();
    turn();
    ck_assert_int_eq(callers[0].left, told);
}
END_TEST

START_TEST(test_closing_ends_the_watch)
{
    close(callers[0].theirs);
    close(callers[0].ours);
    turn();
    ck_assert_int_eq(callers[0].left, 0);
}
END_TEST

START_TEST(test_many_at_once)
{
    for (int i = 1; i < MANY; i++)
        connect_caller(&callers[i]);
    for (int i = 0; i < MANY; i++)
        close(callers[i].theirs);
    for (int i = 0; i < MANY / 10; i++)
        turn();
    for (int i = 0; i < MANY; i++)
        ck_assert_int_ge(callers[i].left, 1);
}
END_TEST

static void watch_reading(bool on)
{
    departures_watch_reading(&departures, callers[0].ours, &callers[0], on);
}

START_TEST(test_more_to_read)
{
    watch_reading(true);
    turn();
    ck_assert_int_eq(callers[0].readable, 0);
    ck_assert_int_eq(write(callers[0].theirs, "x", 1), 1);
    turn();
    ck_assert_int_eq(callers[0].readable, 1);
    watch_reading(false);
    ck_assert_int_eq(write(callers[0].theirs, "x", 1), 1);
    turn();
    ck_assert_int_eq(callers[0].readable, 1);
    ck_assert_int_eq(callers[0].left, 0);
}
END_TEST

/* It came before anybody asked. */
START_TEST(test_there_already)
{
    ck_assert_int_eq(write(callers[0].theirs, "x", 1), 1);
    turn();
    watch_reading(true);
    turn();
    ck_assert_int_eq(callers[0].readable, 1);
}
END_TEST

/* Also when it is our side that ends it, as at the end of header_timeout. */
START_TEST(test_nothing_will_come)
{
    watch_reading(true);
    shutdown(callers[0].ours, SHUT_RDWR);
    turn();
    ck_assert_int_ge(callers[0].readable, 1);
    ck_assert_int_ge(callers[0].left, 1);
}
END_TEST

START_TEST(test_refused)
{
    ck_assert_int_eq(departures_watch(&departures, -1, &callers[0]), ERR_SYSTEM);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("departures");
    TCase *tcase = tcase_create("departures");

    tcase_add_checked_fixture(tcase, make, clean);
    tcase_add_test(tcase, test_data_is_no_departure);
    tcase_add_test(tcase, test_close);
    tcase_add_test(tcase, test_sending_half);
    tcase_add_loop_test(tcase, test_by_tcp, 0, ENDINGS * BYTES);
    tcase_add_test(tcase, test_told_once);
    tcase_add_test(tcase, test_closing_ends_the_watch);
    tcase_add_test(tcase, test_many_at_once);
    tcase_add_test(tcase, test_more_to_read);
    tcase_add_test(tcase, test_there_already);
    tcase_add_test(tcase, test_nothing_will_come);
    tcase_add_test(tcase, test_refused);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
