/* runtime/loop.h: mail, timers, alarms, hooks, stopping. */
#include "runtime/loop.h"

#include <check.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"
#include "suite.h"

static struct loop *loop;

static void make_loop(void)
{
    loop = loop_new();
    ck_assert_ptr_nonnull(loop);
}

static void free_loop(void)
{
    loop_free(loop);
}

static void stop(void *arg)
{
    (void)arg;
    loop_stop(loop);
}

/* Notes what happened, in order, for a test to compare. */
static char story[64];
static size_t story_len;

static void note(char c)
{
    if (story_len < sizeof(story) - 1)
        story[story_len++] = c;
    story[story_len] = '\0';
}

static void note_arg(void *arg)
{
    const char *c = arg;

    note(*c);
}

/* Mail */

#define SENDERS 4
#define LETTERS 5000

struct letter {
    struct mail mail;
    size_t sender;
    int number;
};

static int received[SENDERS];
static int received_all;
static bool order_kept = true;

static void on_letter(struct mail *mail)
{
    struct letter *letter = CONTAINER_OF(mail, struct letter, mail);

    order_kept = order_kept && letter->number == received[letter->sender];
    received[letter->sender]++;
    mem_free(letter);
    if (++received_all == SENDERS * LETTERS)
        loop_stop(loop);
}

static void send_letter(size_t sender, int number)
{
    struct letter *letter = mem_zalloc(sizeof(*letter));

    letter->mail.deliver = on_letter;
    letter->sender = sender;
    letter->number = number;
    loop_mail(loop, &letter->mail);
}

static void *send_letters(void *arg)
{
    for (int i = 0; i < LETTERS; i++)
        send_letter((size_t)(uintptr_t)arg, i);
    return NULL;
}

START_TEST(test_mail_keeps_each_senders_order)
{
    pthread_t threads[SENDERS];

    for (size_t i = 0; i < SENDERS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, send_letters, (void *)i), 0);
    loop_run(loop);
    for (size_t i = 0; i < SENDERS; i++) {
        pthread_join(threads[i], NULL);
        ck_assert_int_eq(received[i], LETTERS);
    }
    ck_assert(order_kept);
}
END_TEST

START_TEST(test_undelivered_mail_is_delivered_by_free)
{
    send_letter(0, 0);
    send_letter(0, 1);
    ck_assert_int_eq(received[0], 0);
    loop_free(loop);
    ck_assert_int_eq(received[0], 2);
    ck_assert(order_kept);
    make_loop();
}
END_TEST

static void on_chain_letter(struct mail *mail)
{
    struct letter *letter = CONTAINER_OF(mail, struct letter, mail);

    note('m');
    if (--letter->number > 0)
        loop_mail(loop, mail); /* on its way again */
    else
        loop_stop(loop);
}

START_TEST(test_mail_may_send_mail)
{
    struct letter letter = {.mail.deliver = on_chain_letter, .number = 5};

    loop_mail(loop, &letter.mail);
    loop_run(loop);
    ck_assert_str_eq(story, "mmmmm");
    letter.number = 3;
    loop_mail(loop, &letter.mail);
    loop_drain(loop); /* one turn delivers what there is */
    ck_assert_str_eq(story, "mmmmmm");
    loop_run(loop);
    ck_assert_str_eq(story, "mmmmmmmm");
}
END_TEST

/* Timers */

static uint64_t started_at;
static bool too_early;

static void check_after(void *arg)
{
    const int64_t *after = arg;

    too_early = too_early || uv_hrtime() - started_at < (uint64_t)*after;
    note('t');
    if (story_len == 4)
        loop_stop(loop);
}

START_TEST(test_timers_are_never_early)
{
    static int64_t afters[] = {1, 999 * MICROSECOND, MILLISECOND, 3 * MILLISECOND + 1};

    started_at = uv_hrtime();
    for (size_t i = 0; i < ARRAY_LEN(afters); i++)
        timer_start(loop, afters[i], check_after, &afters[i]);
    loop_run(loop);
    ck_assert_str_eq(story, "tttt");
    ck_assert(!too_early);
}
END_TEST

START_TEST(test_timer_order_and_stop)
{
    struct timer *stopped = timer_start(loop, MILLISECOND, note_arg, "x");

    timer_start(loop, 20 * MILLISECOND, note_arg, "c");
    timer_start(loop, 10 * MILLISECOND, note_arg, "b");
    timer_start(loop, 0, note_arg, "0");
    timer_start(loop, -SECOND, note_arg, "1");
    timer_start(loop, 30 * MILLISECOND, stop, NULL);
    ck_assert_str_eq(story, ""); /* never inside timer_start */
    timer_stop(&stopped);
    ck_assert_ptr_null(stopped);
    timer_stop(&stopped);
    loop_run(loop);
    ck_assert_str_eq(story, "01bc");
}
END_TEST

static int fired;

static void start_next(void *arg)
{
    if (++fired < 1000)
        timer_start(loop, 0, start_next, arg);
    else
        loop_stop(loop);
}

static void count_timer(uv_handle_t *handle, void *arg)
{
    int *count = arg;

    *count += handle->type == UV_TIMER;
}

START_TEST(test_timer_handles_are_reused)
{
    int handles = 0;

    timer_start(loop, 0, start_next, NULL);
    loop_run(loop);
    for (int i = 0; i < 1000; i++) {
        struct timer *timer = timer_start(loop, HOUR, stop, NULL);

        timer_stop(&timer);
    }
    uv_walk(loop_uv(loop), count_timer, &handles);
    ck_assert_int_eq(fired, 1000);
    ck_assert_int_eq(handles, 1);
}
END_TEST

START_TEST(test_stopping_a_fired_timer_is_a_bug)
{
    struct timer *timer = timer_start(loop, 0, stop, NULL);

    loop_run(loop);
    timer_stop(&timer);
}
END_TEST

START_TEST(test_a_live_timer_at_the_end_is_a_bug)
{
    timer_start(loop, HOUR, stop, NULL);
    loop_free(loop);
}
END_TEST

/* Alarms */

static struct alarm *alarm_one;
static struct mono_time alarm_due;

static void on_alarm(void *arg)
{
    (void)arg;
    note(mono_before(mono_now(), alarm_due) ? 'e' : 'a'); /* e: early */
    loop_stop(loop);
}

START_TEST(test_alarm_fires_once_and_again)
{
    alarm_one = alarm_new(loop, on_alarm, NULL);
    ck_assert_ptr_nonnull(alarm_one);
    alarm_due = mono_add(mono_now(), 5 * MILLISECOND);
    alarm_set(alarm_one, alarm_due);
    loop_run(loop);
    ck_assert_str_eq(story, "a");
    timer_start(loop, 10 * MILLISECOND, stop, NULL);
    loop_run(loop);
    ck_assert_str_eq(story, "a");
    static const int64_t past[] = {1, 0, -5, INT64_MIN};
    for (size_t i = 0; i < ARRAY_LEN(past); i++) {
        alarm_due = (struct mono_time){.ns = past[i]};
        alarm_set(alarm_one, alarm_due);
        loop_run(loop);
    }
    ck_assert_str_eq(story, "aaaaa");
    alarm_free(alarm_one);
    alarm_free(NULL);
}
END_TEST

static void disarm(struct turn_hook *hook)
{
    /* It is due by now, but has not been delivered. */
    alarm_set(alarm_one, MONO_NEVER);
    loop_hook_remove(loop, hook);
}

START_TEST(test_alarm_disarmed_and_freed_do_not_fire)
{
    struct turn_hook hook = {.run = disarm};
    struct alarm *freed = alarm_new(loop, on_alarm, NULL);

    alarm_one = alarm_new(loop, on_alarm, NULL);
    alarm_set(alarm_one, (struct mono_time){.ns = 1});
    loop_hook_add(loop, &hook);
    alarm_set(freed, (struct mono_time){.ns = 1});
    alarm_free(freed);
    timer_start(loop, 10 * MILLISECOND, stop, NULL);
    loop_run(loop);
    ck_assert_str_eq(story, "");
    alarm_free(alarm_one);
}
END_TEST

/* Hooks and turns */

struct noting_hook {
    struct turn_hook hook;
    char c;
    struct turn_hook *removes[2];
};

static void run_noting(struct turn_hook *hook)
{
    struct noting_hook *noting = CONTAINER_OF(hook, struct noting_hook, hook);

    note(noting->c);
    for (size_t i = 0; i < ARRAY_LEN(noting->removes); i++) {
        if (noting->removes[i] != NULL)
            loop_hook_remove(loop, noting->removes[i]);
        noting->removes[i] = NULL;
    }
}

START_TEST(test_hooks_run_in_order_and_may_remove)
{
    struct noting_hook hooks[4];

    for (size_t i = 0; i < ARRAY_LEN(hooks); i++) {
        hooks[i] = (struct noting_hook){.hook.run = run_noting, .c = (char)('a' + i)};
        loop_hook_add(loop, &hooks[i].hook);
    }
    hooks[1].removes[0] = &hooks[1].hook; /* itself */
    hooks[1].removes[1] = &hooks[2].hook; /* the next, which then does not run */
    loop_stop(loop);
    loop_run(loop);
    /* One turn's end, and the one when the run ends. */
    ck_assert_str_eq(story, "abd"
                            "ad");
    loop_hook_remove(loop, &hooks[0].hook);
    loop_hook_remove(loop, &hooks[3].hook);
}
END_TEST

static int turns_seen;

static void stop_at_third_turn(struct turn_hook *hook)
{
    (void)hook;
    if (++turns_seen < 3)
        timer_start(loop, 0, note_arg, "t"); /* so that there is a next turn */
    else
        loop_stop(loop);
}

START_TEST(test_hooks_run_once_a_turn)
{
    struct turn_hook hook = {.run = stop_at_third_turn};

    loop_hook_add(loop, &hook);
    timer_start(loop, 0, note_arg, "t");
    loop_run(loop);
    ck_assert_str_eq(story, "ttt");
    ck_assert_int_eq(turns_seen, 4); /* the end of the run is one more */
    loop_hook_remove(loop, &hook);
}
END_TEST

static void *stop_from_elsewhere(void *arg)
{
    (void)arg;
    loop_stop(loop);
    return NULL;
}

START_TEST(test_stop_from_any_thread_and_run_again)
{
    for (int i = 0; i < 100; i++) {
        pthread_t thread;

        ck_assert_int_eq(pthread_create(&thread, NULL, stop_from_elsewhere, NULL), 0);
        loop_run(loop);
        pthread_join(thread, NULL);
    }
}
END_TEST

/* Closes the handle it points to in its turn. */
static void on_closed(uv_handle_t *handle)
{
    note('c');
    if (handle->data != NULL)
        uv_close(handle->data, on_closed);
}

START_TEST(test_drain_waits_for_closing)
{
    uv_timer_t handles[3];

    for (size_t i = 0; i < ARRAY_LEN(handles); i++) {
        uv_timer_init(loop_uv(loop), &handles[i]);
        handles[i].data = i > 0 ? &handles[i - 1] : NULL;
    }
    uv_close((uv_handle_t *)&handles[2], on_closed);
    ck_assert_str_eq(story, "");
    loop_drain(loop);
    ck_assert_str_eq(story, "ccc");
}
END_TEST

/* Waiting */

#define SPAN (30 * MILLISECOND)

static void spin(void)
{
    const struct mono_time end = mono_add(mono_now(), SPAN);

    while (mono_before(mono_now(), end))
        ;
}

static void spin_and_stop(void *arg)
{
    (void)arg;
    spin();
    loop_stop(loop);
}

static void spin_for_mail(struct mail *mail)
{
    (void)mail;
    spin_and_stop(NULL);
}

static int readable[2];

static void spin_for_descriptor(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    loop_awake(poll->loop);
    uv_close((uv_handle_t *)poll, NULL);
    spin_and_stop(NULL);
}

#define WAITS 20
#define WAIT (50 * MILLISECOND)

static atomic_bool waits_end;

static void wait_again(void *arg)
{
    static int count;

    (void)arg;
    if (++count < WAITS) {
        timer_start(loop, WAIT, wait_again, NULL);
        return;
    }
    atomic_store(&waits_end, true);
    loop_stop(loop);
}

/*
 * How often a loop had waited for less than before, by most of a wait. (By less it may: the thread
 * can be held up between its look at the clock and what it notes.)
 */
static void *watch_waits(void *arg)
{
    static size_t drops;
    int64_t before = 0;

    (void)arg;
    while (!atomic_load(&waits_end)) {
        const int64_t waited = loop_waited(loop, mono_now());

        drops += waited < before - WAIT * 3 / 4;
        before = waited;
    }
    return &drops;
}

/* Whenever another thread looks, no wait is missing that was there before. */
START_TEST(test_no_wait_is_missed)
{
    pthread_t watcher;
    void *drops;

    timer_start(loop, WAIT, wait_again, NULL);
    ck_assert_int_eq(pthread_create(&watcher, NULL, watch_waits, NULL), 0);
    loop_run(loop);
    ck_assert_int_eq(pthread_join(watcher, &drops), 0);
    ck_assert_uint_eq(*(size_t *)drops, 0);
}
END_TEST

/* What the loop calls is not waiting, by whichever way it is called; all the rest is. */
START_TEST(test_waiting_is_what_is_not_work)
{
    struct mail mail = {.deliver = spin_for_mail};
    struct alarm *alarm = NULL;
    uv_poll_t poll;
    const struct mono_time began = mono_now();
    const int64_t before = loop_waited(loop, began);

    ck_assert_int_eq(pipe(readable), 0);
    switch (_i) {
    case 0:
        timer_start(loop, SPAN, spin_and_stop, NULL);
        break;
    case 1:
        loop_mail(loop, &mail);
        break;
    case 2:
        alarm = alarm_new(loop, spin_and_stop, NULL);
        alarm_set(alarm, mono_add(began, SPAN));
        break;
    default:
        ck_assert_int_eq(uv_poll_init(loop_uv(loop), &poll, readable[0]), 0);
        ck_assert_int_eq(uv_poll_start(&poll, UV_READABLE, spin_for_descriptor), 0);
        ck_assert_int_eq(write(readable[1], "", 1), 1);
    }
    loop_run(loop);
    const struct mono_time end = mono_now();
    const int64_t waited = loop_waited(loop, end) - before;
    ck_assert_int_ge(waited, 0);
    ck_assert_int_le(waited, mono_diff(end, began) - SPAN);
    alarm_free(alarm);
}
END_TEST

static unsigned turns;

static void count_turn(struct turn_hook *hook)
{
    (void)hook;
    turns++;
}

static void *run_loop(void *arg)
{
    (void)arg;
    loop_run(loop);
    return NULL;
}

/* A loop that nothing wakes: its wait counts before it has ended, for another thread. */
START_TEST(test_the_present_wait_counts)
{
    struct turn_hook hook = {.run = count_turn};
    pthread_t thread;

    loop_hook_add(loop, &hook);
    ck_assert_int_eq(loop_waited(loop, mono_now()), 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, run_loop, NULL), 0);
    while (loop_waited(loop, mono_now()) < SPAN)
        sched_yield();
    loop_stop(loop);
    pthread_join(thread, NULL);
    ck_assert_uint_le(turns, 2); /* the wait, and the end */
    loop_hook_remove(loop, &hook);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("loop");
    TCase *tcase = tcase_create("loop");

    tcase_add_checked_fixture(tcase, make_loop, free_loop);
    tcase_add_test(tcase, test_mail_keeps_each_senders_order);
    tcase_add_test(tcase, test_undelivered_mail_is_delivered_by_free);
    tcase_add_test(tcase, test_mail_may_send_mail);
    tcase_add_test(tcase, test_timers_are_never_early);
    tcase_add_test(tcase, test_timer_order_and_stop);
    tcase_add_test(tcase, test_timer_handles_are_reused);
    tcase_add_test_raise_signal(tcase, test_stopping_a_fired_timer_is_a_bug, SIGABRT);
    tcase_add_test_raise_signal(tcase, test_a_live_timer_at_the_end_is_a_bug, SIGABRT);
    tcase_add_test(tcase, test_alarm_fires_once_and_again);
    tcase_add_test(tcase, test_alarm_disarmed_and_freed_do_not_fire);
    tcase_add_test(tcase, test_hooks_run_in_order_and_may_remove);
    tcase_add_test(tcase, test_hooks_run_once_a_turn);
    tcase_add_test(tcase, test_stop_from_any_thread_and_run_again);
    tcase_add_test(tcase, test_drain_waits_for_closing);
    tcase_add_loop_test(tcase, test_waiting_is_what_is_not_work, 0, 4);
    tcase_add_test(tcase, test_no_wait_is_missed);
    tcase_add_test(tcase, test_the_present_wait_counts);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
