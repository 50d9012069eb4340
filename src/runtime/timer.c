/*
 * One-shot timers. libuv wants a handle closed, and that takes a turn, before its memory may go; a
 * request that starts and stops a deadline would pay for both. So a timer that has fired or was
 * stopped goes on the loop's idle list with its handle still open, and all are closed with the
 * loop. There are as many as were ever live at once.
 */
#include "runtime/loop_internal.h"

#include "base/check.h"
#include "base/mem.h"

#define TIMER_LIVE 0x71be0001u
#define TIMER_IDLE 0x71be0002u

struct timer {
    unsigned magic; /* which of the two it is */
    uv_timer_t handle;
    struct timer *next; /* of all */
    void (*fire)(void *arg);
    union {
        void *arg;               /* of a live one */
        struct timer *next_idle; /* of the idle ones */
    };
};

/* There is one for each connection of a caller, so it is kept small. */
static struct loop *loop_of(const struct timer *timer)
{
    return CONTAINER_OF(timer->handle.loop, struct loop, uv);
}

static struct timer *timer_make(struct loop *loop)
{
    struct timer *timer = mem_zalloc(sizeof(*timer));

    MAGIC_SET(timer, TIMER_IDLE);
    MUST(uv_timer_init(&loop->uv, &timer->handle) == 0);
    timer->handle.data = timer;
    timer->next = loop->timers;
    loop->timers = timer;
    return timer;
}

static struct timer *timer_take(struct loop *loop)
{
    struct timer *timer = loop->timers_idle;

    if (timer == NULL)
        return timer_make(loop);
    MAGIC_OK(timer, TIMER_IDLE);
    loop->timers_idle = timer->next_idle;
    return timer;
}

static void timer_give_back(struct timer *timer)
{
    struct loop *loop = loop_of(timer);

    MAGIC_SET(timer, TIMER_IDLE);
    timer->next_idle = loop->timers_idle;
    loop->timers_idle = timer;
}

static void on_timer(uv_timer_t *handle)
{
    MAGIC_CAST(struct timer, timer, handle->data, TIMER_LIVE);
    void (*fire)(void *arg) = timer->fire;
    void *arg = timer->arg;

    loop_awake(handle->loop);
    timer_give_back(timer);
    fire(arg);
}

/*
 * libuv counts from the loop's own "now", in whole milliseconds and as old as the turn. Counted
 * from the real now, and rounded up, the timer cannot come early.
 */
static uint64_t timeout_of(struct loop *loop, int64_t after)
{
    uint64_t now = uv_now(&loop->uv);

    if (after <= 0)
        return 0;
    uint64_t due = (uv_hrtime() + (uint64_t)after + MILLISECOND - 1) / MILLISECOND;
    return due > now ? due - now : 0;
}

struct timer *timer_start(struct loop *loop, int64_t after, void (*fire)(void *arg), void *arg)
{
    MAGIC_OK(loop, LOOP_MAGIC);
    struct timer *timer = timer_take(loop);

    MAGIC_SET(timer, TIMER_LIVE);
    timer->fire = fire;
    timer->arg = arg;
    MUST(uv_timer_start(&timer->handle, on_timer, timeout_of(loop, after), 0) == 0);
    return timer;
}

void timer_stop(struct timer **timer)
{
    if (*timer == NULL)
        return;
    MAGIC_OK(*timer, TIMER_LIVE);
    uv_timer_stop(&(*timer)->handle);
    timer_give_back(*timer);
    *timer = NULL;
}

void timers_close(struct loop *loop)
{
    for (struct timer *timer = loop->timers; timer != NULL; timer = timer->next) {
        MAGIC_OK(timer, TIMER_IDLE); /* what was started has been stopped */
        uv_close((uv_handle_t *)&timer->handle, NULL);
    }
}

void timers_free(struct loop *loop)
{
    while (loop->timers != NULL) {
        struct timer *timer = loop->timers;

        loop->timers = timer->next;
        MAGIC_CLEAR(timer);
        mem_free(timer);
    }
}
