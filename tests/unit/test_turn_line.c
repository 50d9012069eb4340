/*
 * lookup/turn_line.h in false time: order, leaving, the bounds, and an hour of traffic of several
 * kinds, in which no second has too many turns and no turn is lost while somebody waits.
 */
#include "lookup/turn_line.h"

#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "suite.h"

#define START (1000 * SECOND)
#define MANY 64

static struct rate_meter meter;
static _Atomic int64_t waiting;
static struct turn_line line;
static struct turn_waiter waiters[MANY];
static struct turns_limits limits;

static void setup(void)
{
    memset(&meter, 0, sizeof(meter));
    memset(&line, 0, sizeof(line));
    memset(waiters, 0, sizeof(waiters));
    waiting = 0;
    line.meter = &meter;
    line.waiting = &waiting;
    limits = (struct turns_limits){.rate = {.interval = SECOND, .burst = 1}, .queue = MANY};
}

static struct mono_time at(int64_t after)
{
    return (struct mono_time){START + after};
}

/* Refused: the seconds until a turn, negative; what else: the kind. */
static int64_t arrive(size_t i, int64_t after, int64_t latest)
{
    int64_t retry_after = 0;
    enum turn_kind kind =
        turn_line_take(&line, &limits, at(after), at(latest), &waiters[i], &retry_after);

    return kind == TURN_REFUSED ? -retry_after / SECOND : (int64_t)kind;
}

static void park(size_t i, int64_t after)
{
    ck_assert_int_eq(arrive(i, after, HOUR), TURN_PARKED);
}

static void comes(size_t i, int64_t after)
{
    ck_assert_int_eq(turn_line_next(&line).ns, at(after).ns);
    ck_assert_ptr_null(turn_line_come(&line, at(after - 1)));
    ck_assert_ptr_eq(turn_line_come(&line, at(after)), &waiters[i]);
}

static void ends(void)
{
    ck_assert_int_eq(turn_line_next(&line).ns, MONO_NEVER.ns);
    ck_assert_ptr_null(turn_line_come(&line, MONO_NEVER));
    ck_assert_int_eq(waiting, 0);
    turn_line_fini(&line);
}

START_TEST(in_order_of_arrival)
{
    limits.rate.burst = 2;
    ck_assert_int_eq(arrive(0, 0, 0), TURN_NOW);
    ck_assert_int_eq(arrive(0, 0, 0), TURN_NOW);
    for (size_t i = 0; i < 40; i++)
        park(i, 0);
    ck_assert_int_eq(waiting, 40);
    for (size_t i = 0; i < 40; i++)
        comes(i, ((int64_t)i + 1) * SECOND);
    ends();
}
END_TEST

START_TEST(a_deadline_that_is_too_near)
{
    ck_assert_int_eq(arrive(0, 0, 0), TURN_NOW);
    park(0, 0);
    ck_assert_int_eq(arrive(1, 0, 2 * SECOND - 1), -2);
    ck_assert_int_eq(waiting, 1);
    ck_assert_int_eq(arrive(1, 0, 2 * SECOND), TURN_PARKED);
    comes(0, SECOND);
    comes(1, 2 * SECOND);
    ends();
}
END_TEST

START_TEST(a_full_queue)
{
    limits.queue = 2;
    ck_assert_int_eq(arrive(0, 0, 0), TURN_NOW);
    park(0, 0);
    park(1, 0);
    ck_assert_int_eq(arrive(2, 0, HOUR), -3);
    comes(0, SECOND);
    park(2, SECOND);
    comes(1, 2 * SECOND);
    comes(2, 3 * SECOND);
    limits.queue = 0;
    ck_assert_int_eq(arrive(0, 3 * SECOND, HOUR), -1);
    ck_assert_int_eq(arrive(0, 4 * SECOND, HOUR), TURN_NOW);
    ends();
}
END_TEST

START_TEST(those_behind_move_forward)
{
    ck_assert_int_eq(arrive(0, 0, 0), TURN_NOW);
    for (size_t i = 0; i < 4; i++)
        park(i, 0);
    turn_line_leave(&line, &waiters[1], at(0));
    turn_line_leave(&line, &waiters[0], at(0));
    ck_assert_int_eq(waiting, 2);
    comes(2, SECOND);
    park(0, SECOND);
    comes(3, 2 * SECOND);
    comes(0, 3 * SECOND);
    ends();
}
END_TEST

START_TEST(all_leave)
{
    ck_assert_int_eq(arrive(0, 0, 0), TURN_NOW);
    for (size_t i = 0; i < MANY; i++)
        park(i, 0);
    for (size_t i = 0; i < MANY; i++)
        turn_line_leave(&line, &waiters[i], at(0));
    ck_assert_int_eq(arrive(0, SECOND - 1, SECOND), TURN_PARKED);
    comes(0, SECOND);
    ends();
}
END_TEST

/* Their turns are another worker's, for none was taken after them. */
START_TEST(a_crowd_that_leaves)
{
    struct turn_line other = {.meter = &meter, .waiting = &waiting};
    struct turn_waiter far = {.come = NULL};
    int64_t retry_after;

    ck_assert_int_eq(arrive(0, 0, 0), TURN_NOW);
    for (size_t i = 0; i < MANY; i++)
        park(i, 0);
    for (size_t i = 0; i < MANY; i++)
        turn_line_leave(&line, &waiters[i], at(0));
    ck_assert_int_eq(turn_line_take(&other, &limits, at(0), at(SECOND), &far, &retry_after),
                     TURN_PARKED);
    ck_assert_ptr_eq(turn_line_come(&other, at(SECOND)), &far);
    turn_line_fini(&other);
    ends();
}
END_TEST

/* The other worker has taken the turn after it. */
START_TEST(a_turn_that_is_left_over)
{
    struct turn_line other = {.meter = &meter, .waiting = &waiting};
    struct turn_waiter far = {.come = NULL};
    int64_t retry_after;

    ck_assert_int_eq(arrive(0, 0, 0), TURN_NOW);
    park(0, 0);
    park(1, 0);
    ck_assert_int_eq(turn_line_take(&other, &limits, at(0), at(HOUR), &far, &retry_after),
                     TURN_PARKED);
    turn_line_leave(&line, &waiters[0], at(0));
    park(2, 0);
    comes(1, SECOND);
    comes(2, 2 * SECOND);
    ck_assert_ptr_eq(turn_line_come(&other, at(3 * SECOND)), &far);

    /* Past: it is nobody's, and not the burst's of the next ones either. */
    park(0, 3 * SECOND);
    ck_assert_int_eq(turn_line_take(&other, &limits, at(3 * SECOND), at(HOUR), &far, &retry_after),
                     TURN_PARKED);
    turn_line_leave(&line, &waiters[0], at(3 * SECOND));
    ck_assert_ptr_eq(turn_line_come(&other, at(5 * SECOND)), &far);
    ck_assert_int_eq(arrive(0, 5 * SECOND, HOUR), TURN_PARKED);
    comes(0, 6 * SECOND);
    turn_line_fini(&other);
    ends();
}
END_TEST

START_TEST(a_turn_now_or_none)
{
    ck_assert(turn_line_try(&line, &limits, at(0)));
    ck_assert(!turn_line_try(&line, &limits, at(0)));
    park(0, 0);
    ck_assert(!turn_line_try(&line, &limits, at(2 * SECOND)));
    comes(0, SECOND);
    ck_assert(turn_line_try(&line, &limits, at(2 * SECOND)));
    ends();
}
END_TEST

/* The arrival's turn is sooner than theirs: the first of them has it. */
START_TEST(a_faster_rate)
{
    limits.rate.interval = MINUTE;
    ck_assert_int_eq(arrive(0, 0, 0), TURN_NOW);
    park(0, 0);
    park(1, 0);
    limits.rate.interval = SECOND;
    ck_assert_int_eq(arrive(2, SECOND, MINUTE), -119);
    ck_assert_int_eq(arrive(2, SECOND, 2 * MINUTE), TURN_PARKED);
    comes(0, 2 * SECOND);
    comes(1, MINUTE);
    comes(2, 2 * MINUTE);
    ends();
}
END_TEST

START_TEST(no_rate_any_more)
{
    ck_assert_int_eq(arrive(0, 0, 0), TURN_NOW);
    park(0, 0);
    park(1, 0);
    limits.rate.interval = 0;
    ck_assert_int_eq(arrive(2, 10 * MILLISECOND, SECOND), TURN_NOW);
    comes(0, 10 * MILLISECOND);
    comes(1, 10 * MILLISECOND);
    ends();
}
END_TEST

#define THREADS 4

static _Atomic int64_t most;

static void *come_and_go(void *arg)
{
    struct turn_line own = {.meter = &meter, .waiting = &waiting};
    struct turn_waiter mine[8] = {{.come = NULL}};
    int64_t retry_after;

    (void)arg;
    for (int round = 0; round < 2000; round++) {
        size_t parked = 0;
        while (parked < 8 && turn_line_take(&own, &limits, at(0), at(HOUR), &mine[parked],
                                            &retry_after) == TURN_PARKED)
            parked++;
        int64_t now = waiting, seen = most;
        while (now > seen && !atomic_compare_exchange_weak(&most, &seen, now))
            ;
        while (parked > 0)
            turn_line_leave(&own, &mine[--parked], at(0));
    }
    turn_line_fini(&own);
    return NULL;
}

/* The queue has twenty places, for which four times eight come. */
START_TEST(the_queue_of_all_workers)
{
    pthread_t threads[THREADS];
    struct mono_time turn;

    limits.queue = 20;
    limits.rate.interval = MICROSECOND;
    most = 0;
    ck_assert(rate_take(&meter, &limits.rate, at(0), at(0), &turn));
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, come_and_go, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    ck_assert_int_le(most, 20);
    ck_assert_int_eq(waiting, 0);
    turn_line_fini(&line);
}
END_TEST

/* ---- an hour of traffic ---- */

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
    setup();
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
    Suite *s = suite_create("turn_line");
    TCase *tc = tcase_create("turn_line");

    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, in_order_of_arrival);
    tcase_add_test(tc, a_deadline_that_is_too_near);
    tcase_add_test(tc, a_full_queue);
    tcase_add_test(tc, those_behind_move_forward);
    tcase_add_test(tc, all_leave);
    tcase_add_test(tc, a_crowd_that_leaves);
    tcase_add_test(tc, a_turn_that_is_left_over);
    tcase_add_test(tc, a_turn_now_or_none);
    tcase_add_test(tc, a_faster_rate);
    tcase_add_test(tc, no_rate_any_more);
    tcase_add_test(tc, the_queue_of_all_workers);
    tcase_add_loop_test(tc, an_hour, 0, (int)ARRAY_LEN(traffics));
    suite_add_tcase(s, tc);
    return run_suite(s);
}
