/* lookup/health.h in false time: when lookups are down, since when, and what ends it. */
#include "lookup/health.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "suite.h"

#define START (1000 * SECOND)
#define GENERATION 7

static struct lookup_health health;

static void setup(void)
{
    memset(&health, 0, sizeof(health));
}

static struct mono_time at(int64_t after)
{
    return (struct mono_time){START + after};
}

/* A lookup that ended so, so long after the start. */
static void ended(enum lookup_result_kind kind, int status, int64_t after)
{
    const struct lookup_result result = {.kind = kind, .status = status, .error = CLIENT_REFUSED};

    lookup_health_note(&health, &result, GENERATION, at(after));
}

static struct health_state state_with(uint64_t generation, bool have, int64_t after)
{
    struct health_state state;

    lookup_health_read(&health, generation, have, at(after), &state);
    return state;
}

static struct health_state state(int64_t after)
{
    return state_with(GENERATION, true, after);
}

START_TEST(nothing_is_known_at_first)
{
    ck_assert(!state(0).failing);
    ck_assert(!state(0).down);
    ended(LOOKUP_ADDRESS, 200, 0);
    ck_assert(!state(HOUR).failing);
}
END_TEST

/* The first and the last of them are five seconds apart, and not the first and now. */
START_TEST(down_after_five_seconds_of_failures)
{
    ended(LOOKUP_BUSY, 503, 0);
    ck_assert(state(0).failing);
    ck_assert(!state(20 * SECOND).down);
    ended(LOOKUP_BUSY, 503, 5 * SECOND - 1);
    ck_assert(!state(5 * SECOND).down);
    ended(LOOKUP_BUSY, 503, 5 * SECOND);
    const struct health_state now = state(6 * SECOND);
    ck_assert(now.down);
    ck_assert_int_eq(now.since.ns, START);
    ck_assert_int_eq(now.last.ns, START + 5 * SECOND);
    ck_assert_int_eq(now.failure.reason, HEALTH_STATUS);
    ck_assert_int_eq(now.failure.status, 503);
}
END_TEST

/* How each lookup can end, and whether that is a failure. */
static const struct {
    enum lookup_result_kind kind;
    int status;
    bool fails;
    enum health_reason reason;
} endings[] = {
    {LOOKUP_ADDRESS, 200, false, 0},
    {LOOKUP_NOT_MODIFIED, 304, false, 0},
    {LOOKUP_INVALID, 422, false, 0},
    {LOOKUP_UNKNOWN, 404, false, 0},
    {LOOKUP_RATE_LIMITED, 429, true, HEALTH_RATE_LIMITED},
    {LOOKUP_BUSY, 503, true, HEALTH_STATUS},
    {LOOKUP_UPSTREAM_STATUS, 500, true, HEALTH_STATUS},
    {LOOKUP_UPSTREAM_STATUS, 302, true, HEALTH_STATUS},
    {LOOKUP_UPSTREAM_STATUS, 402, true, HEALTH_STATUS},
    {LOOKUP_MALFORMED, 200, true, HEALTH_MALFORMED},
    {LOOKUP_FAILED, 0, true, HEALTH_NO_RESPONSE},
    {LOOKUP_REJECTED, 403, true, HEALTH_REJECTED},
    {LOOKUP_NO_TOKEN, 0, true, HEALTH_NO_TOKEN},
};

START_TEST(each_ending)
{
    ended(endings[_i].kind, endings[_i].status, 0);
    ended(endings[_i].kind, endings[_i].status, 5 * SECOND);
    const struct health_state now = state_with(GENERATION, false, 5 * SECOND);
    ck_assert_int_eq(now.down, endings[_i].fails);
    if (!endings[_i].fails)
        return;
    ck_assert_int_eq(now.failure.reason, endings[_i].reason);
    ck_assert_int_eq(now.failure.status, endings[_i].status);
    ck_assert_uint_eq(now.failure.generation, GENERATION);
    ck_assert_int_eq(now.failure.error, CLIENT_REFUSED);
}
END_TEST

/* One is enough, though it knew of no such postcode; what fails next begins anew. */
START_TEST(a_good_lookup_ends_it)
{
    for (int i = 0; i <= 10; i++)
        ended(LOOKUP_FAILED, 0, i * SECOND);
    ck_assert(state(10 * SECOND).down);
    ended(LOOKUP_UNKNOWN, 404, 10 * SECOND);
    ck_assert(!state(10 * SECOND).failing);
    ended(LOOKUP_FAILED, 0, 11 * SECOND);
    ck_assert(!state(11 * SECOND).down);
    ck_assert_int_eq(state(11 * SECOND).since.ns, START + 11 * SECOND);
}
END_TEST

/* One good lookup among many that fail. */
START_TEST(some_good_ones_keep_it_up)
{
    for (int i = 0; i < 600; i++)
        ended(i % 40 == 39 ? LOOKUP_ADDRESS : LOOKUP_BUSY, 503, i * 100 * MILLISECOND);
    ck_assert(!state(MINUTE).down);
}
END_TEST

/* Nobody has looked anything up for half a minute: it is not known any more, and begins anew. */
START_TEST(silence_ends_it)
{
    ended(LOOKUP_BUSY, 503, 0);
    ended(LOOKUP_BUSY, 503, 10 * SECOND);
    ck_assert(state(40 * SECOND).down);
    ck_assert(!state(40 * SECOND + 1).failing);
    ended(LOOKUP_BUSY, 503, 41 * SECOND);
    ck_assert(state(41 * SECOND).failing);
    ck_assert(!state(41 * SECOND).down);
    ended(LOOKUP_BUSY, 503, 46 * SECOND);
    ck_assert(state(46 * SECOND).down);
    ck_assert_int_eq(state(46 * SECOND).since.ns, START + 41 * SECOND);
}
END_TEST

/* A probe every 20 s is traffic; one every 31 s leaves nothing known. */
START_TEST(sparse_probes)
{
    ended(LOOKUP_BUSY, 503, 0);
    ended(LOOKUP_BUSY, 503, 20 * SECOND);
    ck_assert(state(20 * SECOND).down);
    setup();
    for (int i = 0; i < 10; i++) {
        ended(LOOKUP_BUSY, 503, i * 31 * SECOND);
        ck_assert(!state(i * 31 * SECOND).down);
    }
}
END_TEST

/* The same token in another life is the same one; a failure of another kind is not its affair. */
START_TEST(another_token_ends_what_the_token_was_to_blame_for)
{
    ended(LOOKUP_REJECTED, 401, 0);
    ended(LOOKUP_REJECTED, 401, 6 * SECOND);
    ck_assert(state(7 * SECOND).down);
    ck_assert(!state_with(GENERATION + 1, true, 7 * SECOND).failing);
    ck_assert(state_with(GENERATION + 1, false, 7 * SECOND).down);
    ended(LOOKUP_BUSY, 503, 8 * SECOND);
    ck_assert(state_with(GENERATION + 1, true, 8 * SECOND).down);
}
END_TEST

/* The other one is rejected as well: it was down all the time. */
START_TEST(another_token_that_is_rejected_too)
{
    ended(LOOKUP_REJECTED, 401, 0);
    ended(LOOKUP_REJECTED, 401, 6 * SECOND);
    const struct lookup_result result = {.kind = LOOKUP_REJECTED, .status = 401};
    lookup_health_note(&health, &result, GENERATION + 1, at(8 * SECOND));
    ck_assert(state_with(GENERATION + 1, true, 8 * SECOND).down);
    ck_assert_int_eq(state_with(GENERATION + 1, true, 8 * SECOND).since.ns, START);
}
END_TEST

START_TEST(no_token_until_there_is_one)
{
    const struct lookup_result result = {.kind = LOOKUP_NO_TOKEN};

    lookup_health_note(&health, &result, 0, at(0));
    lookup_health_note(&health, &result, 0, at(6 * SECOND));
    ck_assert(state_with(1, false, 6 * SECOND).down);
    ck_assert(!state_with(1, true, 6 * SECOND).down);
}
END_TEST

/* A deadline blames what was waited for. */
START_TEST(deadlines)
{
    lookup_health_timed_out(&health, true, GENERATION, at(0));
    lookup_health_timed_out(&health, true, GENERATION, at(9 * SECOND));
    ck_assert(state(9 * SECOND).down);
    ck_assert_int_eq(state(9 * SECOND).failure.reason, HEALTH_TIMED_OUT);
    lookup_health_timed_out(&health, false, 0, at(9 * SECOND));
    ck_assert_int_eq(state_with(0, false, 9 * SECOND).failure.reason, HEALTH_NO_TOKEN);
}
END_TEST

static const struct {
    struct health_failure failure;
    const char *text;
} texts[] = {
    {{.reason = HEALTH_NO_TOKEN}, "no token is available"},
    {{.reason = HEALTH_REJECTED, .status = 401}, "the upstream rejected the token (status 401)"},
    {{.reason = HEALTH_REJECTED, .status = 403}, "the upstream responded with 403"},
    {{.reason = HEALTH_NO_RESPONSE, .error = CLIENT_REFUSED},
     "the upstream refused the connection"},
    {{.reason = HEALTH_TIMED_OUT}, "the upstream did not respond within request_timeout"},
    {{.reason = HEALTH_QUEUED}, "no connection to the upstream was free within request_timeout"},
    {{.reason = HEALTH_RATE_LIMITED, .status = 429}, "the upstream responded with 429"},
    {{.reason = HEALTH_MALFORMED, .status = 200}, "the upstream's response is not an address"},
    {{.reason = HEALTH_STATUS, .status = 500}, "the upstream responded with 500"},
};

START_TEST(each_text)
{
    char text[HEALTH_TEXT];

    health_failure_text(&texts[_i].failure, text);
    ck_assert_str_eq(text, texts[_i].text);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("health");
    TCase *tc = tcase_create("health");

    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_test(tc, nothing_is_known_at_first);
    tcase_add_test(tc, down_after_five_seconds_of_failures);
    tcase_add_loop_test(tc, each_ending, 0, ARRAY_LEN(endings));
    tcase_add_test(tc, a_good_lookup_ends_it);
    tcase_add_test(tc, some_good_ones_keep_it_up);
    tcase_add_test(tc, silence_ends_it);
    tcase_add_test(tc, sparse_probes);
    tcase_add_test(tc, another_token_ends_what_the_token_was_to_blame_for);
    tcase_add_test(tc, another_token_that_is_rejected_too);
    tcase_add_test(tc, no_token_until_there_is_one);
    tcase_add_test(tc, deadlines);
    tcase_add_loop_test(tc, each_text, 0, ARRAY_LEN(texts));
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return run_suite(suite());
}
