/*
 * A turn is taken from the meter only for a lookup that has a place in the queue, so none is lost
 * to a lookup that is refused. Where others wait, an arrival's turn may come before theirs (a
 * reload made the rate faster): it goes to the first of them, and the arrival has the last.
 */
#include "lookup/turn_line.h"

#include "base/check.h"
#include "base/mem.h"

#define SPACE_AT_FIRST 16

/* ---- the ring of turns ---- */

static struct mono_time *turn_at(const struct turn_line *line, size_t i)
{
    return &line->turns[(line->head + i) & (line->space - 1)];
}

static void grow(struct turn_line *line)
{
    size_t space = line->space == 0 ? SPACE_AT_FIRST : 2 * line->space;
    struct mono_time *turns = mem_alloc(space * sizeof(*turns));

    for (size_t i = 0; i < line->count; i++)
        turns[i] = *turn_at(line, i);
    mem_free(line->turns);
    line->turns = turns;
    line->space = space;
    line->head = 0;
}

/* From the end, for it is nearly always the latest. */
static void insert(struct turn_line *line, struct mono_time turn)
{
    size_t i = line->count;

    if (line->count == line->space)
        grow(line);
    line->count++;
    for (; i > 0 && mono_before(turn, *turn_at(line, i - 1)); i--)
        *turn_at(line, i) = *turn_at(line, i - 1);
    *turn_at(line, i) = turn;
}

static void drop_first(struct turn_line *line)
{
    line->head = (line->head + 1) & (line->space - 1);
    line->count--;
}

/* The latest first: so a crowd that leaves gives all its turns back. */
static void give_back(struct turn_line *line)
{
    while (line->count > line->waiters &&
           rate_give_back(line->meter, &line->rate, *turn_at(line, line->count - 1)))
        line->count--;
}

/* Turns that are left over and past are nobody's. They are the first ones only if nobody waits. */
static void forget_past(struct turn_line *line, struct mono_time now)
{
    while (line->waiters == 0 && line->count > 0 && mono_before(*turn_at(line, 0), now))
        drop_first(line);
}

/* ---- the waiters ---- */

static void append(struct turn_line *line, struct turn_waiter *waiter)
{
    waiter->prev = line->last;
    waiter->next = NULL;
    if (line->last != NULL)
        line->last->next = waiter;
    else
        line->first = waiter;
    line->last = waiter;
    line->waiters++;
}

static void take_out(struct turn_line *line, struct turn_waiter *waiter)
{
    if (waiter->prev != NULL)
        waiter->prev->next = waiter->next;
    else
        line->first = waiter->next;
    if (waiter->next != NULL)
        waiter->next->prev = waiter->prev;
    else
        line->last = waiter->prev;
    waiter->prev = waiter->next = NULL;
    line->waiters--;
    atomic_fetch_sub_explicit(line->waiting, 1, memory_order_relaxed);
}

/* One of `queue` places, which all workers share. */
static bool take_place(struct turn_line *line, int64_t queue)
{
    int64_t waiting = atomic_load_explicit(line->waiting, memory_order_relaxed);

    do {
        if (waiting >= queue)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(line->waiting, &waiting, waiting + 1,
                                                    memory_order_relaxed, memory_order_relaxed));
    return true;
}

static void leave_place(struct turn_line *line)
{
    atomic_fetch_sub_explicit(line->waiting, 1, memory_order_relaxed);
}

/* ---- taking a turn ---- */

static bool has_left_over(const struct turn_line *line)
{
    return line->count > line->waiters;
}

/* When the turn of one who comes now would be. */
static struct mono_time turn_of_next(const struct turn_line *line, struct mono_time now)
{
    struct mono_time turn = rate_next(line->meter, &line->rate, now);

    if (has_left_over(line))
        turn = mono_min(turn, *turn_at(line, line->waiters));
    if (line->waiters > 0 && mono_before(turn, *turn_at(line, line->waiters - 1)))
        turn = *turn_at(line, line->waiters - 1);
    return turn;
}

/* False: others have taken those up to `latest`. */
static bool take_turn(struct turn_line *line, struct mono_time now, struct mono_time latest)
{
    struct mono_time turn = rate_next(line->meter, &line->rate, now);

    if (has_left_over(line) && !mono_before(turn, *turn_at(line, line->waiters)))
        return true; /* it is in the ring already */
    if (!rate_take(line->meter, &line->rate, now, latest, &turn))
        return false;
    insert(line, turn);
    return true;
}

/* The rate was turned off: nobody waits any more. */
static void let_all_come(struct turn_line *line, struct mono_time now)
{
    for (size_t i = 0; i < line->waiters; i++)
        *turn_at(line, i) = mono_min(*turn_at(line, i), now);
}

static void begin(struct turn_line *line, const struct turns_limits *limits, struct mono_time now)
{
    line->rate = limits->rate;
    if (line->rate.interval == 0)
        let_all_come(line, now);
    forget_past(line, now);
}

bool turn_line_try(struct turn_line *line, const struct turns_limits *limits, struct mono_time now)
{
    struct mono_time turn;

    begin(line, limits, now);
    return (line->waiters == 0 || line->rate.interval == 0) &&
           rate_take(line->meter, &line->rate, now, now, &turn);
}

static bool is_over(struct mono_time latest, struct mono_time turn, struct mono_time now,
                    int64_t *retry_after)
{
    *retry_after = mono_diff(turn, now);
    return mono_before(latest, turn);
}

enum turn_kind turn_line_take(struct turn_line *line, const struct turns_limits *limits,
                              struct mono_time now, struct mono_time latest,
                              struct turn_waiter *waiter, int64_t *retry_after)
{
    MUST(waiter->turns == NULL);
    if (turn_line_try(line, limits, now))
        return TURN_NOW;
    if (is_over(latest, turn_of_next(line, now), now, retry_after) ||
        !take_place(line, limits->queue))
        return TURN_REFUSED;
    if (!take_turn(line, now, latest)) {
        leave_place(line);
        *retry_after = mono_diff(turn_of_next(line, now), now);
        return TURN_REFUSED;
    }
    append(line, waiter);
    return TURN_PARKED;
}

/* ---- its turn comes, or it leaves ---- */

struct mono_time turn_line_next(const struct turn_line *line)
{
    return line->waiters > 0 ? *turn_at(line, 0) : MONO_NEVER;
}

struct turn_waiter *turn_line_come(struct turn_line *line, struct mono_time now)
{
    struct turn_waiter *waiter = line->first;

    if (waiter == NULL || mono_before(now, *turn_at(line, 0)))
        return NULL;
    drop_first(line);
    take_out(line, waiter);
    return waiter;
}

void turn_line_leave(struct turn_line *line, struct turn_waiter *waiter, struct mono_time now)
{
    take_out(line, waiter);
    forget_past(line, now);
    give_back(line);
}

void turn_line_fini(struct turn_line *line)
{
    MUST(line->waiters == 0);
    while (line->count > 0 &&
           rate_give_back(line->meter, &line->rate, *turn_at(line, line->count - 1)))
        line->count--;
    mem_free(line->turns);
}
