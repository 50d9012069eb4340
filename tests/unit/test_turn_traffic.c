/*
 * lookup/turn_line.h in false time: an hour of traffic of several kinds, in one worker and in more,
 * in which no second has too many turns, no turn is lost while somebody waits, each waits no longer
 * than its deadline, and a worker's callers come in their order.
 */
#include "lookup/turn_line.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "suite.h"

#define START (1000 * SECOND)

static struct rate_meter meter;
static _Atomic int64_t waiting;
static struct turns_limits limits;

static struct mono_time at(int64_t after)
{
    return (struct mono_time){START + after};
}

#define WORKERS 3
#define CALLERS 512

struct caller {
    struct turn_waiter waiter;
    uint64_t number; /* of its worker's arrivals */
    struct mono_time latest;
    bool waits;
};

struct worker {
    struct turn_line line;
    struct caller callers[CALLERS];
    uint64_t arrivals, last_come;
    size_t waits;
};

struct traffic {
    const char *name;
    int64_t (*gap)(int64_t now); /* from one arrival to the next */
    size_t workers;
    uint32_t leave; /* of a hundred arrivals, so many times a caller who waits leaves */
};

static struct worker *workers;
static uint32_t seed;
static int64_t turns, last_turn, most_ahead;
static bool all_waited; /* since the last turn somebody has waited all the time */

static uint32_t dice(uint32_t sides)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % sides;
}

static int64_t too_many(int64_t now)
{
    (void)now;
    return 10 * MILLISECOND;
}

static int64_t too_few(int64_t now)
{
    (void)now;
    return 25 * MILLISECOND;
}

static int64_t in_bursts(int64_t now)
{
    return now / SECOND % 5 == 0 && now % SECOND < 100 * MILLISECOND ? MILLISECOND / 2 : SECOND / 2;
}

static int64_t on_and_off(int64_t now)
{
    return now / MINUTE % 2 == 0 ? 6 * MILLISECOND : 2 * SECOND;
}

static int64_t by_chance(int64_t now)
{
    (void)now;
    return 1 + dice(40000) * MICROSECOND;
}

static const struct traffic traffics[] = {
    {"too many", too_many, 1, 0},
    {"too few", too_few, 1, 0},
    {"bursts", in_bursts, 1, 0},
    {"on and off", on_and_off, 1, 0},
    {"by chance", by_chance, 1, 0},
    {"too many leave", too_many, 1, 60},
    {"by chance leave", by_chance, 1, 20},
    {"bursts leave", in_bursts, 1, 50},
    {"workers", too_many, WORKERS, 0},
    {"workers in bursts", in_bursts, WORKERS, 0},
    {"workers leave", too_many, WORKERS, 40},
    {"workers by chance", by_chance, WORKERS, 30},
};

/*
 * Of any two turns: between them is time for those between them, but for a burst. It is enough to
 * know which earlier turn was the furthest behind an even pace.
 */
static void had_turn(struct mono_time now, const struct traffic *traffic)
{
    const struct rate *rate = &limits.rate;
    int64_t ahead = now.ns - turns * rate->interval;

    ck_assert_msg(turns == 0 || ahead >= most_ahead - (rate->burst - 1) * rate->interval,
                  "%s: too many turns", traffic->name);
    ck_assert_msg(!all_waited || now.ns - last_turn <= rate->interval, "%s: a turn is lost",
                  traffic->name);
    if (turns == 0 || ahead > most_ahead)
        most_ahead = ahead;
    last_turn = now.ns;
    turns++;
}

static void caller_arrives(struct worker *worker, struct mono_time now,
                           const struct traffic *traffic)
{
    struct caller *caller = &worker->callers[worker->arrivals % CALLERS];
    int64_t retry_after;

    ck_assert(!caller->waits);
    caller->latest = mono_add(now, (1 + dice(5)) * SECOND);
    caller->number = worker->arrivals++;
    switch (turn_line_take(&worker->line, &limits, now, caller->latest, &caller->waiter,
                           &retry_after)) {
    case TURN_NOW:
        had_turn(now, traffic);
        break;
    case TURN_PARKED:
        caller->waits = true;
        worker->waits++;
        break;
    case TURN_REFUSED:
        ck_assert_int_gt(retry_after, 0);
        break;
    }
}

static void caller_leaves(struct worker *worker, struct mono_time now)
{
    struct caller *caller = &worker->callers[dice(CALLERS)];

    if (!caller->waits)
        return;
    turn_line_leave(&worker->line, &caller->waiter, now);
    caller->waits = false;
    worker->waits--;
}

static void turns_come(struct worker *worker, struct mono_time now, const struct traffic *traffic)
{
    struct turn_waiter *waiter;

    while ((waiter = turn_line_come(&worker->line, now)) != NULL) {
        struct caller *caller = CONTAINER_OF(waiter, struct caller, waiter);
        ck_assert(caller->waits);
        ck_assert(!mono_before(caller->latest, now));
        ck_assert_msg(caller->number >= worker->last_come, "%s: out of order", traffic->name);
        worker->last_come = caller->number;
        caller->waits = false;
        worker->waits--;
        had_turn(now, traffic);
    }
}

static size_t all_waiters(const struct traffic *traffic)
{
    size_t count = 0;

    for (size_t i = 0; i < traffic->workers; i++)
        count += workers[i].waits;
    ck_assert_int_eq((int64_t)count, waiting);
    ck_assert_int_le(waiting, limits.queue);
    return count;
}

static struct mono_time next_turn(const struct traffic *traffic)
{
    struct mono_time next = MONO_NEVER;

    for (size_t i = 0; i < traffic->workers; i++)
        next = mono_min(next, turn_line_next(&workers[i].line));
    return next;
}

static void step(const struct traffic *traffic, struct mono_time now, bool arrival)
{
    int64_t before = turns;

    for (size_t i = 0; i < traffic->workers; i++)
        turns_come(&workers[i], now, traffic);
    if (arrival)
        caller_arrives(&workers[dice((uint32_t)traffic->workers)], now, traffic);
    if (dice(100) < traffic->leave)
        caller_leaves(&workers[dice((uint32_t)traffic->workers)], now);
    /* A turn that a worker has left over is another worker's loss; in one worker none is. */
    all_waited = (all_waited || turns > before) && all_waiters(traffic) > 0 &&
                 (traffic->workers == 1 || traffic->leave == 0);
}

static void begin(const struct traffic *traffic)
{
    memset(&meter, 0, sizeof(meter));
    waiting = 0;
    workers = mem_zalloc(traffic->workers * sizeof(*workers));
    for (size_t i = 0; i < traffic->workers; i++) {
        workers[i].line.meter = &meter;
        workers[i].line.waiting = &waiting;
    }
    limits =
        (struct turns_limits){.rate = {.interval = 20 * MILLISECOND, .burst = 10}, .queue = 100};
    seed = 1;
    turns = last_turn = most_ahead = 0;
    all_waited = false;
}

START_TEST(an_hour)
{
    const struct traffic *traffic = &traffics[_i];
    struct mono_time arrival = at(0);

    begin(traffic);
    while (mono_before(arrival, at(HOUR))) {
        struct mono_time turn = next_turn(traffic);
        const bool arrives = mono_before(arrival, turn);
        step(traffic, arrives ? arrival : turn, arrives);
        if (arrives)
            arrival = mono_add(arrival, traffic->gap(mono_diff(arrival, at(0))));
    }
    while (next_turn(traffic).ns != MONO_NEVER.ns)
        step(traffic, next_turn(traffic), false);
    ck_assert_uint_eq(all_waiters(traffic), 0);
    if (traffic->gap == too_many && traffic->workers == 1)
        ck_assert_int_ge(turns, HOUR / limits.rate.interval);
    for (size_t i = 0; i < traffic->workers; i++)
        turn_line_fini(&workers[i].line);
    mem_free(workers);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("turn_traffic");
    TCase *tc = tcase_create("turn_traffic");

    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, an_hour, 0, (int)ARRAY_LEN(traffics));
    suite_add_tcase(s, tc);
    return run_suite(s);
}
