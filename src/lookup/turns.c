/*
 * The line (turn_line.h) with a loop's timer. The timer is set for the first turn of the line and
 * for nothing else: it is set anew when the first turn has come, or becomes an earlier one. When
 * the first waiter leaves, the turn stays, and so does the timer.
 */
#include "lookup/turns.h"

#include "base/check.h"
#include "base/mem.h"
#include "lookup/turn_line.h"

#define TURNS_MAGIC 0x70125001u

struct turns {
    unsigned magic;
    struct loop *loop;
    struct turn_line line;
    struct timer *timer;     /* NULL: it is not set */
    struct mono_time set_to; /* when it fires */
    bool *freed;             /* of a wake that is under way: set when the turns are freed in it */
};

struct turns *turns_new(struct loop *loop, struct rate_meter *meter, _Atomic int64_t *waiting)
{
    struct turns *turns = mem_zalloc(sizeof(*turns));

    MAGIC_SET(turns, TURNS_MAGIC);
    turns->loop = loop;
    turns->line.meter = meter;
    turns->line.waiting = waiting;
    return turns;
}

void turns_free(struct turns *turns)
{
    if (turns == NULL)
        return;
    MAGIC_OK(turns, TURNS_MAGIC);
    if (turns->freed != NULL)
        *turns->freed = true;
    timer_stop(&turns->timer);
    turn_line_fini(&turns->line);
    MAGIC_CLEAR(turns);
    mem_free(turns);
}

static void wake(void *arg);

static void set_timer(struct turns *turns)
{
    struct mono_time next = turn_line_next(&turns->line);

    if (next.ns == MONO_NEVER.ns) {
        timer_stop(&turns->timer);
        return;
    }
    if (turns->timer != NULL && turns->set_to.ns == next.ns)
        return;
    timer_stop(&turns->timer);
    turns->set_to = next;
    turns->timer = timer_start(turns->loop, mono_diff(next, loop_look(turns->loop)), wake, turns);
}

/* A callback may do anything here, so nothing of the turns is kept over one. */
static void wake(void *arg)
{
    MAGIC_CAST(struct turns, turns, arg, TURNS_MAGIC);
    const struct mono_time now = loop_look(turns->loop);
    struct turn_waiter *waiter;
    bool freed = false;

    turns->timer = NULL;
    turns->freed = &freed;
    while ((waiter = turn_line_come(&turns->line, now)) != NULL) {
        waiter->turns = NULL;
        waiter->come(waiter);
        if (freed)
            return;
    }
    turns->freed = NULL;
    set_timer(turns);
}

enum turn_kind turns_take(struct turns *turns, const struct turns_limits *limits,
                          struct mono_time latest, struct turn_waiter *waiter, int64_t *retry_after)
{
    MAGIC_OK(turns, TURNS_MAGIC);
    const struct mono_time now = loop_now(turns->loop);
    enum turn_kind kind = turn_line_take(&turns->line, limits, now, latest, waiter, retry_after);

    if (kind == TURN_PARKED)
        waiter->turns = turns;
    set_timer(turns);
    return kind;
}

bool turns_try(struct turns *turns, const struct turns_limits *limits)
{
    MAGIC_OK(turns, TURNS_MAGIC);
    const struct mono_time now = loop_now(turns->loop);
    const bool taken = turn_line_try(&turns->line, limits, now);

    set_timer(turns);
    return taken;
}

void turn_cancel(struct turn_waiter *waiter)
{
    struct turns *turns = waiter->turns;

    if (turns == NULL)
        return;
    MAGIC_OK(turns, TURNS_MAGIC);
    const struct mono_time now = loop_now(turns->loop);
    waiter->turns = NULL;
    turn_line_leave(&turns->line, waiter, now);
    set_timer(turns);
}
