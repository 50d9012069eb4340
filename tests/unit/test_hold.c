/* lookup/hold.h in false time: what a 429 says, for how long it holds, what ends it. */
#include "lookup/hold.h"

#include <check.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "base/check.h"
#include "suite.h"

#define START (1000 * SECOND)
/* Sun, 06 Nov 1994 08:49:37 GMT, and a part of a second. */
#define WALL ((struct wall_time){784111777 * SECOND + 1})

static struct hold hold;

static void setup(void)
{
    hold.word = 0;
}

static struct mono_time at(int64_t after)
{
    return (struct mono_time){START + after};
}

static void begin(const char *retry_after, int64_t after)
{
    hold_begin(&hold, retry_after, at(after), WALL);
}

static struct hold_state state(int64_t after)
{
    return hold_read(&hold, at(after));
}

static bool is_free(int64_t after)
{
    return !state(after).held && !state(after).unsaid;
}

START_TEST(not_held_at_first)
{
    ck_assert(is_free(0));
    hold_end(&hold);
    ck_assert(is_free(0));
}
END_TEST

START_TEST(what_is_said)
{
    static const struct {
        const char *text;
        int64_t held, retry_after; /* seconds */
    } cases[] = {
        {"1", 1, 1},
        {"30", 30, 30},
        {" 30\t", 30, 30},
        {"60", 60, 60},
        {"61", 60, 61},
        {"3600", 60, 3600},
        {"99999999999999999999999999", 60, 86400},
        {"Sun, 06 Nov 1994 08:49:47 GMT", 10, 10},
        {"Sunday, 06-Nov-94 08:49:47 GMT", 10, 10},
        {"Sun Nov  6 08:49:47 1994", 10, 10},
        {"Sun, 06 Nov 1994 09:49:37 GMT", 60, 3600},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        setup();
        begin(cases[i].text, 0);
        ck_assert_msg(state(0).held && !state(0).unsaid, "%s", cases[i].text);
        ck_assert_int_eq(state(0).retry_after, cases[i].retry_after * SECOND);
        ck_assert_int_eq(state(0).until.ns, at(cases[i].held * SECOND).ns);
        ck_assert(state(cases[i].held * SECOND - 1).held);
        ck_assert_int_eq(state(cases[i].held * SECOND - 1).retry_after,
                         (cases[i].retry_after - cases[i].held) * SECOND + 1);
        ck_assert_msg(is_free(cases[i].held * SECOND), "%s", cases[i].text);
    }
}
END_TEST

/* The time is over: at once again, as the upstream says. */
START_TEST(nothing_is_left_of_it)
{
    static const char *const texts[] = {"0", "Sun, 06 Nov 1994 08:49:37 GMT",
                                        "Sun, 06 Nov 1994 08:49:36 GMT"};

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        begin(texts[i], 0);
        ck_assert_msg(is_free(0), "%s", texts[i]);
    }
}
END_TEST

START_TEST(what_is_not_said)
{
    static const char *const texts[] = {NULL, "", " ", "soon", "-1", "+1", "1.5", "1, 2"};

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        setup();
        begin(texts[i], 0);
        ck_assert_msg(state(0).unsaid && !state(0).held, "%zu", i);
        ck_assert_int_eq(state(0).until.ns, at(SECOND).ns);
        ck_assert(state(SECOND - 1).unsaid);
        ck_assert(is_free(SECOND));
    }
}
END_TEST

START_TEST(a_good_response_ends_only_what_is_not_said)
{
    begin(NULL, 0);
    hold_end(&hold);
    ck_assert(is_free(0));

    begin("10", 0);
    hold_end(&hold);
    ck_assert(state(0).held);
    ck_assert(state(10 * SECOND - 1).held);
    ck_assert(is_free(10 * SECOND));
}
END_TEST

START_TEST(another_429)
{
    begin("10", 0);
    begin(NULL, SECOND);
    ck_assert(state(9 * SECOND).held);
    begin("5", 2 * SECOND);
    ck_assert_int_eq(state(2 * SECOND).until.ns, at(7 * SECOND).ns);
    begin(NULL, 8 * SECOND);
    ck_assert(state(8 * SECOND).unsaid);
}
END_TEST

/* Until a whole millisecond, and never for less than was said. */
START_TEST(parts_of_a_millisecond)
{
    begin("1", 1);
    ck_assert(state(SECOND).held);
    ck_assert_int_eq(state(SECOND).until.ns, at(SECOND + MILLISECOND).ns);
    ck_assert(is_free(SECOND + MILLISECOND));
    begin("0", 1);
    ck_assert(is_free(1));
}
END_TEST

#define ROUNDS 20000

static _Atomic unsigned arrived;

/* Both threads, at the same moment. */
static void meet(unsigned times)
{
    arrived++;
    for (unsigned spins = 0; arrived < times * 2; spins++)
        if (spins > 10000)
            sched_yield();
}

static void *guess(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < ROUNDS; i++) {
        meet(3 * i + 1);
        begin(NULL, 0);
        hold_end(&hold);
        meet(3 * i + 2);
        meet(3 * i + 3);
    }
    return NULL;
}

/* Whatever the other thread does meanwhile, what was said holds. */
START_TEST(threads_mix_nothing)
{
    pthread_t other;
    unsigned lost = 0;

    arrived = 0;
    ck_assert_int_eq(pthread_create(&other, NULL, guess, NULL), 0);
    for (unsigned i = 0; i < ROUNDS; i++) {
        meet(3 * i + 1);
        begin("10", 0);
        meet(3 * i + 2);
        lost += !state(5 * SECOND).held;
        setup();
        meet(3 * i + 3);
    }
    pthread_join(other, NULL);
    ck_assert_uint_eq(lost, 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("hold");
    TCase *tc = tcase_create("hold");

    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, not_held_at_first);
    tcase_add_test(tc, what_is_said);
    tcase_add_test(tc, nothing_is_left_of_it);
    tcase_add_test(tc, what_is_not_said);
    tcase_add_test(tc, a_good_response_ends_only_what_is_not_said);
    tcase_add_test(tc, another_429);
    tcase_add_test(tc, parts_of_a_millisecond);
    tcase_add_test(tc, threads_mix_nothing);
    suite_add_tcase(s, tc);
    return run_suite(s);
}
