/* lookup/breaker.h in false time: what ejects, for how long, the trial, threads. */
#include "lookup/breaker.h"

#include <check.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "suite.h"

#define START (1000 * SECOND)
#define AFTER 3

static struct breaker breaker;

static void setup(void)
{
    memset(&breaker, 0, sizeof(breaker));
}

static struct mono_time at(int64_t after)
{
    return (struct mono_time){START + after};
}

/* A trial that begins has ten seconds. */
static enum breaker_pass ask(int64_t after)
{
    return breaker_ask(&breaker, at(after), at(after + 10 * SECOND));
}

static bool failed(int64_t after)
{
    return breaker_failed(&breaker, AFTER, false, at(after));
}

static bool trial_failed(int64_t after)
{
    return breaker_failed(&breaker, AFTER, true, at(after));
}

static void eject(int64_t after)
{
    for (int i = 0; i < AFTER; i++)
        ck_assert(failed(after) == (i == AFTER - 1));
}

START_TEST(failures_in_a_row)
{
    ck_assert(!failed(0));
    ck_assert(!failed(0));
    breaker_good(&breaker, MONO_NEVER);
    ck_assert(!failed(0));
    ck_assert(!failed(0));
    ck_assert_int_eq(ask(0), BREAKER_CLOSED);
    ck_assert(!breaker_read(&breaker).ejected);
    ck_assert_uint_eq(breaker_read(&breaker).failures, 2);
    ck_assert(failed(SECOND));
    ck_assert_int_eq(ask(SECOND), BREAKER_EJECTED_NOW);

    const struct breaker_state state = breaker_read(&breaker);
    ck_assert(state.ejected);
    ck_assert_int_eq(state.since.ns, at(SECOND).ns);
    ck_assert_int_eq(state.until.ns, at(6 * SECOND).ns);
    ck_assert_uint_eq(state.failures, 3);
}
END_TEST

START_TEST(others_that_fail_meanwhile_change_nothing)
{
    eject(0);
    ck_assert(!failed(SECOND));
    ck_assert(!failed(4 * SECOND));
    ck_assert_int_eq(ask(5 * SECOND - 1), BREAKER_EJECTED_NOW);
    ck_assert_int_eq(ask(5 * SECOND), BREAKER_TRIAL);
    ck_assert(!failed(6 * SECOND));
    ck_assert(trial_failed(6 * SECOND));
    ck_assert_int_eq(breaker_read(&breaker).until.ns, at(16 * SECOND).ns);
}
END_TEST

START_TEST(one_trial)
{
    eject(0);
    ck_assert_int_eq(ask(5 * SECOND), BREAKER_TRIAL);
    ck_assert_int_eq(ask(5 * SECOND), BREAKER_EJECTED_NOW);
    ck_assert_int_eq(ask(15 * SECOND), BREAKER_EJECTED_NOW);
    breaker_good(&breaker, MONO_NEVER);
    ck_assert_int_eq(ask(15 * SECOND), BREAKER_CLOSED);
    ck_assert(!breaker_read(&breaker).ejected);
    eject(16 * SECOND);
    ck_assert_int_eq(ask(21 * SECOND - 1), BREAKER_EJECTED_NOW);
    ck_assert_int_eq(ask(21 * SECOND), BREAKER_TRIAL);
}
END_TEST

START_TEST(twice_as_long_each_time)
{
    static const int64_t seconds[] = {5, 10, 20, 40, 60, 60, 60};
    int64_t now = 0;

    eject(now);
    for (size_t i = 0; i < ARRAY_LEN(seconds); i++) {
        ck_assert_int_eq(ask(now + seconds[i] * SECOND - 1), BREAKER_EJECTED_NOW);
        now += seconds[i] * SECOND;
        ck_assert_int_eq(ask(now), BREAKER_TRIAL);
        now += SECOND;
        ck_assert(trial_failed(now));
        ck_assert_int_eq(breaker_read(&breaker).since.ns, at(0).ns);
    }
}
END_TEST

START_TEST(an_abandoned_trial)
{
    breaker_abandoned(&breaker, at(0));
    ck_assert_int_eq(ask(0), BREAKER_CLOSED);
    eject(0);
    ck_assert_int_eq(ask(5 * SECOND), BREAKER_TRIAL);
    breaker_abandoned(&breaker, at(6 * SECOND));
    ck_assert_int_eq(ask(6 * SECOND), BREAKER_TRIAL);
    ck_assert(trial_failed(7 * SECOND));
    ck_assert_int_eq(breaker_read(&breaker).until.ns, at(17 * SECOND).ns);
}
END_TEST

/* It says nothing; a second after its time another one begins, and both can end. */
START_TEST(a_trial_that_vanishes)
{
    eject(0);
    ck_assert_int_eq(ask(5 * SECOND), BREAKER_TRIAL);
    ck_assert_int_eq(ask(16 * SECOND - 1), BREAKER_EJECTED_NOW);
    ck_assert_int_eq(ask(16 * SECOND), BREAKER_TRIAL);
    ck_assert(trial_failed(17 * SECOND));

    /* A deadline that is over already. */
    ck_assert_int_eq(breaker_ask(&breaker, at(27 * SECOND), at(0)), BREAKER_TRIAL);
    ck_assert_int_eq(ask(28 * SECOND - 1), BREAKER_EJECTED_NOW);
    ck_assert_int_eq(ask(28 * SECOND), BREAKER_TRIAL);
}
END_TEST

/* Of many calls under way some still succeed when the others have ejected it. */
START_TEST(a_call_from_before_the_ejection_says_nothing)
{
    eject(SECOND);
    ck_assert(!breaker_good(&breaker, at(SECOND - 1)));
    ck_assert_int_eq(ask(SECOND), BREAKER_EJECTED_NOW);
    ck_assert_uint_eq(breaker_read(&breaker).failures, AFTER);
    ck_assert(breaker_good(&breaker, at(SECOND)));
    ck_assert(!breaker_good(&breaker, at(SECOND)));
    ck_assert_int_eq(ask(SECOND), BREAKER_CLOSED);
    ck_assert_uint_eq(breaker_read(&breaker).failures, 0);
}
END_TEST

/* The trial, which fails later, is one failure of three. */
START_TEST(another_good_response_closes_it)
{
    eject(SECOND);
    ck_assert_int_eq(ask(6 * SECOND), BREAKER_TRIAL);
    breaker_good(&breaker, MONO_NEVER);
    ck_assert(!trial_failed(7 * SECOND));
    ck_assert_int_eq(ask(7 * SECOND), BREAKER_CLOSED);
    ck_assert(!failed(7 * SECOND));
    ck_assert(failed(7 * SECOND));
    ck_assert_int_eq(breaker_read(&breaker).until.ns, at(12 * SECOND).ns);
}
END_TEST

START_TEST(another_eject_after)
{
    for (int i = 0; i < 9; i++)
        ck_assert(!breaker_failed(&breaker, 10, false, at(0)));
    ck_assert(breaker_failed(&breaker, 5, false, at(0)));
    breaker_good(&breaker, MONO_NEVER);
    for (int i = 0; i < 9; i++)
        ck_assert(!breaker_failed(&breaker, 1000000, false, at(0)));
    ck_assert_int_eq(ask(0), BREAKER_CLOSED);
    breaker_good(&breaker, MONO_NEVER);
    ck_assert(breaker_failed(&breaker, 1, false, at(0)));
}
END_TEST

#define THREADS 2
#define ROUNDS 20000

static _Atomic int ejected, trials;
static _Atomic unsigned arrived;

/* All threads, at the same moment: a barrier that sleeps would wake one after the other. */
static void meet(unsigned times)
{
    arrived++;
    for (unsigned spins = 0; arrived < times * THREADS; spins++)
        if (spins > 10000)
            sched_yield();
}

static void *fail_and_ask(void *arg)
{
    unsigned met = 0;

    (void)arg;
    for (int i = 0; i < ROUNDS; i++) {
        meet(++met);
        ejected += breaker_failed(&breaker, 1, false, at(0));
        meet(++met);
        trials += ask(5 * SECOND) == BREAKER_TRIAL;
        meet(++met);
        breaker_good(&breaker, MONO_NEVER);
    }
    return NULL;
}

START_TEST(threads_eject_once_and_try_once)
{
    pthread_t threads[THREADS];

    ejected = trials = 0;
    arrived = 0;
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, fail_and_ask, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    ck_assert_int_eq(ejected, ROUNDS);
    ck_assert_int_eq(trials, ROUNDS);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("breaker");
    TCase *tc = tcase_create("breaker");

    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, failures_in_a_row);
    tcase_add_test(tc, others_that_fail_meanwhile_change_nothing);
    tcase_add_test(tc, one_trial);
    tcase_add_test(tc, twice_as_long_each_time);
    tcase_add_test(tc, an_abandoned_trial);
    tcase_add_test(tc, a_trial_that_vanishes);
    tcase_add_test(tc, a_call_from_before_the_ejection_says_nothing);
    tcase_add_test(tc, another_good_response_closes_it);
    tcase_add_test(tc, another_eject_after);
    tcase_add_test(tc, threads_eject_once_and_try_once);
    suite_add_tcase(s, tc);
    return run_suite(s);
}
