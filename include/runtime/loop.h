/*
 * One event loop a thread (libuv), with timers, mail, and work gathered for the end of a turn.
 *
 * Everything here belongs to the loop's own thread, but for loop_mail and loop_stop.
 *
 * Mail is how threads speak: a message is a struct of the sender's with a `struct mail` in it; it
 * is pushed on a lock-free list of the receiver's (one compare-and-swap; only the first on an empty
 * list wakes the receiver), and delivered in the receiver's thread in the order each sender sent.
 * Who frees the message is the message's own affair: loop_mail gives it away until `deliver` is
 * called.
 */
#ifndef RUNTIME_LOOP_H
#define RUNTIME_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/clock.h"

struct loop;

/*
 * Once, before the first loop and before any thread. libuv 1.45 to 1.48 changes epoll's set through
 * io_uring, and forgets to take out a descriptor that was duplicated and closed: the loop then
 * spins and misses events (libuv issue 4323). It is told not to.
 */
void loop_prepare_library(void);

/* NULL when the system refuses the descriptors. */
struct loop *loop_new(void);
/*
 * The loop has ended, and what was started on it has been stopped (a handle left open is a bug:
 * MUST). Undelivered mail is delivered first. Nobody may mail it any more.
 */
void loop_free(struct loop *loop);

/* Turns until loop_stop. Flushes the log at the end of each turn. May be called again. */
void loop_run(struct loop *loop);
/* Ends loop_run after the present turn, or after its first when it comes early. Any thread. */
void loop_stop(struct loop *loop);
/* Turns until every handle that was closed has called back; after loop_run, before loop_free. */
void loop_drain(struct loop *loop);

uv_loop_t *loop_uv(struct loop *loop);
/*
 * loop_look reads the clock; loop_now is what was last read in this turn (none was: it reads). So
 * what happens within a request's next step need not ask again. For what may be late by as long as
 * a turn takes (a deadline) loop_now is always good enough; a duration wants a look at its end.
 */
struct mono_time loop_look(struct loop *loop);
struct mono_time loop_now(struct loop *loop);

/*
 * How long the loop has waited for something to happen, in ns since it was made, the wait that it
 * is in included; what is left of the time it was busy, or held up (on a page, or by a limit on CPU
 * time). Any thread.
 */
int64_t loop_waited(const struct loop *loop, struct mono_time now);
/*
 * The first thing in a callback of libuv's for a descriptor, with the loop it came from: the loop
 * waits no more. Timers, alarms, mail and hooks are preceded by it. Left out, the callback counts
 * as waiting.
 */
void loop_awake(uv_loop_t *uv);

struct mail {
    struct mail *next;
    void (*deliver)(struct mail *mail);
};

/* Any thread. Once the receiving loop has ended its run, loop_drain or loop_free delivers. */
void loop_mail(struct loop *to, struct mail *mail);

/*
 * A one-shot timer; fires in the loop's thread, never inside timer_start, at the earliest after
 * `after` ns (none or fewer: in the next turn; libuv's clock, in milliseconds, rounded up; it stops
 * while the machine sleeps). The handle is void once it has fired: `fire` must forget it. Costs no
 * system call; handles are reused.
 */
struct timer;
struct timer *timer_start(struct loop *loop, int64_t after, void (*fire)(void *arg), void *arg);
/* Stops it and sets *timer to NULL; a NULL is allowed. */
void timer_stop(struct timer **timer);

/*
 * An alarm on CLOCK_BOOTTIME (timerfd): fires though the machine slept, late rather than never.
 * Re-armable; MONO_NEVER disarms it. For the token's keeper, not for each request.
 */
struct alarm;
/* NULL when the system refuses the descriptor. Made disarmed. */
struct alarm *alarm_new(struct loop *loop, void (*fire)(void *arg), void *arg);
/* It does not fire any more; its handle is closed in the loop's next turn. NULL is allowed. */
void alarm_free(struct alarm *alarm);
/* A time in the past fires in the next turn. Replaces what was set. */
void alarm_set(struct alarm *alarm, struct mono_time when);

/*
 * Called at the end of each turn, before the loop waits, and once more when loop_run ends; in the
 * order they were added. Embedded; added and removed in the loop's thread, inside a hook too.
 */
struct turn_hook {
    struct turn_hook *prev, *next;
    void (*run)(struct turn_hook *hook);
};
void loop_hook_add(struct loop *loop, struct turn_hook *hook);
void loop_hook_remove(struct loop *loop, struct turn_hook *hook);

#endif
