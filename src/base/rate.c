/*
 * The generic cell rate algorithm in its form of "virtual scheduling". `due` is when the next turn
 * would be if all came evenly, and a turn may be up to burst - 1 intervals before its due time.
 *
 * A reload may make the window (burst intervals, which is how far `due` of a meter that nobody
 * waits for can lie ahead) shorter. A `due` that was reckoned with the window of before could then
 * be hours away, and would stop everybody until then. So whoever comes first with another window
 * bounds it; one caller wins that compare-and-swap, so that a turn which is taken after it is not
 * forgotten.
 */
#include "base/rate.h"

static int64_t multiply(int64_t count, int64_t interval)
{
    int64_t product;

    return __builtin_mul_overflow(count, interval, &product) ? INT64_MAX : product;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

struct rate rate_share(const struct rate *rate, int64_t members)
{
    if (members < 2)
        return *rate;
    return (struct rate){.interval = multiply(members, rate->interval),
                         .burst = later(rate->burst / members, 1)};
}

/* When a turn is that is taken at `now`. */
static struct mono_time turn_of(int64_t due, const struct rate *rate, struct mono_time now)
{
    int64_t early = multiply(rate->burst - 1, rate->interval);
    int64_t turn = mono_diff((struct mono_time){due}, (struct mono_time){early});

    return (struct mono_time){later(turn, now.ns)};
}

static int64_t bounded(int64_t due, int64_t window, struct mono_time now)
{
    int64_t bound = mono_add(now, window).ns;

    return due < bound ? due : bound;
}

/* The rate may be another one than that which `due` was reckoned with. */
static void follow(struct rate_meter *meter, int64_t window, struct mono_time now)
{
    int64_t before = atomic_load_explicit(&meter->window, memory_order_relaxed);
    int64_t due;

    if (before == window ||
        !atomic_compare_exchange_strong_explicit(&meter->window, &before, window,
                                                 memory_order_relaxed, memory_order_relaxed))
        return;
    due = atomic_load_explicit(&meter->due, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&meter->due, &due, bounded(due, window, now),
                                                  memory_order_relaxed, memory_order_relaxed))
        ;
}

bool rate_take(struct rate_meter *meter, const struct rate *rate, struct mono_time now,
               struct mono_time latest, struct mono_time *turn)
{
    int64_t due, next;

    *turn = now;
    if (rate->interval == 0)
        return true;
    follow(meter, multiply(rate->burst, rate->interval), now);
    due = atomic_load_explicit(&meter->due, memory_order_relaxed);
    do {
        *turn = turn_of(due, rate, now);
        if (mono_before(latest, *turn))
            return false;
        next = mono_add((struct mono_time){later(due, now.ns)}, rate->interval).ns;
    } while (!atomic_compare_exchange_weak_explicit(&meter->due, &due, next, memory_order_relaxed,
                                                    memory_order_relaxed));
    return true;
}

bool rate_give_back(struct rate_meter *meter, const struct rate *rate, struct mono_time turn)
{
    int64_t window = multiply(rate->burst, rate->interval);
    int64_t due = mono_add(turn, window).ns; /* as it was left by the one who took it */

    return rate->interval != 0 && due != INT64_MAX &&
           atomic_load_explicit(&meter->window, memory_order_relaxed) == window &&
           atomic_compare_exchange_strong_explicit(&meter->due, &due, due - rate->interval,
                                                   memory_order_relaxed, memory_order_relaxed);
}

struct mono_time rate_next(const struct rate_meter *meter, const struct rate *rate,
                           struct mono_time now)
{
    int64_t window = multiply(rate->burst, rate->interval);
    int64_t due = atomic_load_explicit(&meter->due, memory_order_relaxed);

    if (rate->interval == 0)
        return now;
    if (atomic_load_explicit(&meter->window, memory_order_relaxed) != window)
        due = bounded(due, window, now);
    return turn_of(due, rate, now);
}
