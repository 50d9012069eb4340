/*
 * A turn is what libuv does between two waits: timers, then (in a prepare handle, the last thing
 * before epoll_wait) the hooks, then whatever became ready. Work that is cheaper done once for many
 * is gathered in between and done in a hook.
 *
 * Mail is a stack that senders push on and the receiver takes whole and turns over. Taking all at
 * once is what makes it safe: nothing is popped singly, so no address can come back in between.
 * Only a push on an empty stack wakes the receiver: a later one finds the wake-up under way.
 */
#include "runtime/loop_internal.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"

static struct mail *turned_over(struct mail *newest)
{
    struct mail *oldest = NULL;

    while (newest != NULL) {
        struct mail *next = newest->next;

        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    return oldest;
}

/* False when there was none. */
static bool deliver_mail(struct loop *loop)
{
    struct mail *mail = turned_over(atomic_exchange(&loop->mail, NULL));
    bool any = mail != NULL;

    while (mail != NULL) {
        struct mail *next = mail->next; /* deliver may free it, or send it on */

        mail->deliver(mail);
        mail = next;
    }
    return any;
}

void loop_mail(struct loop *to, struct mail *mail)
{
    MAGIC_OK(to, LOOP_MAGIC);
    MUST(mail->deliver != NULL);
    struct mail *below = atomic_load_explicit(&to->mail, memory_order_relaxed);
    do {
        mail->next = below;
    } while (!atomic_compare_exchange_weak(&to->mail, &below, mail));
    /* From here on the mail may be delivered and gone: only `below` is still ours to look at. */
    if (below == NULL)
        MUST(uv_async_send(&to->wake) == 0);
}

static void on_wake(uv_async_t *wake)
{
    MAGIC_CAST(struct loop, loop, wake->data, LOOP_MAGIC);

    loop_awake(&loop->uv);
    deliver_mail(loop);
    if (atomic_load(&loop->stopping))
        uv_stop(&loop->uv);
}

static void end_turn(struct loop *loop)
{
    loop_awake(&loop->uv);
    for (struct turn_hook *hook = loop->hooks; hook != NULL; hook = loop->next_hook) {
        loop->next_hook = hook->next;
        hook->run(hook);
    }
    log_flush();
    loop->now.ns = 0;
}

static void on_turn_end(uv_prepare_t *turn_end)
{
    MAGIC_CAST(struct loop, loop, turn_end->data, LOOP_MAGIC);

    end_turn(loop);
    loop_begin_wait(loop);
}

/* Tried with 1.48.0. The variable is libuv's own; later versions need it no more. */
void loop_prepare_library(void)
{
    const unsigned first = 1u << 16 | 45u << 8, fixed = 1u << 16 | 49u << 8;
    if (uv_version() >= first && uv_version() < fixed)
        setenv("UV_USE_IO_URING", "0", 1);
}

struct loop *loop_new(void)
{
    struct loop *loop = mem_zalloc(sizeof(*loop));

    MAGIC_SET(loop, LOOP_MAGIC);
    if (uv_loop_init(&loop->uv) != 0)
        goto out;
    if (uv_async_init(&loop->uv, &loop->wake, on_wake) != 0)
        goto out_loop;
    MUST(uv_prepare_init(&loop->uv, &loop->turn_end) == 0);
    MUST(uv_prepare_start(&loop->turn_end, on_turn_end) == 0);
    loop->wake.data = loop;
    loop->turn_end.data = loop;
    return loop;

out_loop:
    MUST(uv_loop_close(&loop->uv) == 0);
out:
    mem_free(loop);
    return NULL;
}

void loop_free(struct loop *loop)
{
    MAGIC_OK(loop, LOOP_MAGIC);
    MUST(loop->hooks == NULL);
    while (deliver_mail(loop))
        ;
    timers_close(loop);
    uv_close((uv_handle_t *)&loop->turn_end, NULL);
    uv_close((uv_handle_t *)&loop->wake, NULL);
    loop_drain(loop);
    MUST(uv_loop_close(&loop->uv) == 0);
    timers_free(loop);
    MUST(atomic_load(&loop->mail) == NULL);
    MAGIC_CLEAR(loop);
    mem_free(loop);
}

void loop_run(struct loop *loop)
{
    MAGIC_OK(loop, LOOP_MAGIC);
    /* The wake handle keeps the loop alive, so only uv_stop ends this. */
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    MUST(atomic_exchange(&loop->stopping, false));
    end_turn(loop);
}

void loop_stop(struct loop *loop)
{
    MAGIC_OK(loop, LOOP_MAGIC);
    atomic_store(&loop->stopping, true);
    MUST(uv_async_send(&loop->wake) == 0);
}

static void note_closing(uv_handle_t *handle, void *arg)
{
    bool *closing = arg;

    if (uv_is_closing(handle))
        *closing = true;
}

void loop_drain(struct loop *loop)
{
    bool closing;

    MAGIC_OK(loop, LOOP_MAGIC);
    do {
        uv_run(&loop->uv, UV_RUN_NOWAIT);
        closing = false;
        uv_walk(&loop->uv, note_closing, &closing);
    } while (closing);
}

uv_loop_t *loop_uv(struct loop *loop)
{
    MAGIC_OK(loop, LOOP_MAGIC);
    return &loop->uv;
}

struct mono_time loop_look(struct loop *loop)
{
    MAGIC_OK(loop, LOOP_MAGIC);
    loop->now = mono_now();
    return loop->now;
}

struct mono_time loop_now(struct loop *loop)
{
    MAGIC_OK(loop, LOOP_MAGIC);
    return loop->now.ns != 0 ? loop->now : loop_look(loop);
}

void loop_hook_add(struct loop *loop, struct turn_hook *hook)
{
    struct turn_hook *last = loop->hooks;

    MAGIC_OK(loop, LOOP_MAGIC);
    while (last != NULL && last->next != NULL)
        last = last->next;
    hook->prev = last;
    hook->next = NULL;
    if (last != NULL)
        last->next = hook;
    else
        loop->hooks = hook;
}

void loop_hook_remove(struct loop *loop, struct turn_hook *hook)
{
    MAGIC_OK(loop, LOOP_MAGIC);
    if (loop->next_hook == hook)
        loop->next_hook = hook->next;
    if (hook->prev != NULL)
        hook->prev->next = hook->next;
    else
        loop->hooks = hook->next;
    if (hook->next != NULL)
        hook->next->prev = hook->prev;
    hook->prev = hook->next = NULL;
}
