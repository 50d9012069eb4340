/*
 * One word, `until`, says in which state the breaker is, and every change of the state is one
 * compare-and-swap of it: of many that fail or ask at once, one ejects and one has the trial.
 * `failures` counts on beside it; `ejections` and `since` are written by the one that ejects.
 */
#include "lookup/breaker.h"

/* A lookup tells of its end a little after its deadline: no other trial begins between the two. */
#define TRIAL_SLACK (1 * SECOND)

static int64_t time_left_out(uint32_t ejections)
{
    int64_t time = BREAKER_EJECTED;

    for (uint32_t i = 1; i < ejections && time < BREAKER_EJECTED_MAX; i++)
        time *= 2;
    return time < BREAKER_EJECTED_MAX ? time : BREAKER_EJECTED_MAX;
}

static int64_t until_of(const struct breaker *breaker)
{
    return atomic_load_explicit(&breaker->until, memory_order_relaxed);
}

static bool change(struct breaker *breaker, int64_t from, int64_t to)
{
    return atomic_compare_exchange_strong_explicit(&breaker->until, &from, to, memory_order_relaxed,
                                                   memory_order_relaxed);
}

enum breaker_pass breaker_ask(struct breaker *breaker, struct mono_time now,
                              struct mono_time trial_end)
{
    int64_t until = until_of(breaker);

    if (until == 0)
        return BREAKER_CLOSED;
    if (now.ns < until)
        return BREAKER_EJECTED_NOW;
    if (mono_before(trial_end, now))
        trial_end = now;
    return change(breaker, until, mono_add(trial_end, TRIAL_SLACK).ns) ? BREAKER_TRIAL
                                                                       : BREAKER_EJECTED_NOW;
}

bool breaker_good(struct breaker *breaker, struct mono_time called)
{
    int64_t until = until_of(breaker);

    if (until == 0) {
        if (atomic_load_explicit(&breaker->failures, memory_order_relaxed) != 0)
            atomic_store_explicit(&breaker->failures, 0, memory_order_relaxed);
        return false;
    }
    if (called.ns < atomic_load_explicit(&breaker->since, memory_order_relaxed) ||
        !change(breaker, until, 0))
        return false;
    atomic_store_explicit(&breaker->failures, 0, memory_order_relaxed);
    return true;
}

static bool eject_first(struct breaker *breaker, struct mono_time now)
{
    if (!change(breaker, 0, mono_add(now, BREAKER_EJECTED).ns))
        return false;
    atomic_store_explicit(&breaker->ejections, 1, memory_order_relaxed);
    atomic_store_explicit(&breaker->since, now.ns, memory_order_relaxed);
    return true;
}

static bool eject_again(struct breaker *breaker, int64_t until, struct mono_time now)
{
    uint32_t ejections = atomic_load_explicit(&breaker->ejections, memory_order_relaxed);

    if (ejections < UINT32_MAX)
        ejections++;
    if (!change(breaker, until, mono_add(now, time_left_out(ejections)).ns))
        return false;
    atomic_store_explicit(&breaker->ejections, ejections, memory_order_relaxed);
    return true;
}

/* Counted up to the largest number there is. */
static uint32_t count_failure(struct breaker *breaker)
{
    uint32_t failures = atomic_load_explicit(&breaker->failures, memory_order_relaxed);

    while (failures < UINT32_MAX &&
           !atomic_compare_exchange_weak_explicit(&breaker->failures, &failures, failures + 1,
                                                  memory_order_relaxed, memory_order_relaxed))
        ;
    return failures < UINT32_MAX ? failures + 1 : failures;
}

bool breaker_failed(struct breaker *breaker, int64_t eject_after, bool trial, struct mono_time now)
{
    uint32_t failures = count_failure(breaker);
    int64_t until = until_of(breaker);

    if (until != 0)
        return trial && eject_again(breaker, until, now);
    return failures >= eject_after && eject_first(breaker, now);
}

void breaker_abandoned(struct breaker *breaker, struct mono_time now)
{
    int64_t until = until_of(breaker);

    if (until != 0)
        change(breaker, until, now.ns);
}

struct breaker_state breaker_read(const struct breaker *breaker)
{
    int64_t until = until_of(breaker);
    int64_t since = atomic_load_explicit(&breaker->since, memory_order_relaxed);

    return (struct breaker_state){
        .ejected = until != 0,
        .since = {until != 0 ? since : 0},
        .until = {until},
        .failures = atomic_load_explicit(&breaker->failures, memory_order_relaxed),
    };
}
