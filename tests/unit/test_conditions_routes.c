/* front/conditions.h with several upstreams: what is told of routes, and of an upstream in them. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "front/conditions.h"
#include "front/history_internal.h"
#include "front/overview_routes.h"
#include "lookup/failover.h"
#include "suite.h"

#define NOW ((struct mono_time){.ns = 100000 * SECOND})
#define NOON ((struct wall_time){.ns = INT64_C(1790942400) * SECOND}) /* 2026-10-02T12:00:00Z */

#define UPSTREAMS 3
#define ROUTES 5

/* The configuration has them in the order of their names here, the overview in another. */
enum { MAIN, SPARE, ISLANDS };
static const size_t shown_at[UPSTREAMS] = {2, 0, 1};

static struct overview *overview;
static struct history *history;
static struct config config;
static struct config_upstream upstreams[UPSTREAMS];
static struct config_route routes[ROUTES];

static struct mono_time ago(int64_t duration)
{
    return mono_add(NOW, -duration);
}

static struct overview_upstream *of(size_t upstream)
{
    return &overview->upstreams[shown_at[upstream]];
}

static struct history_upstream_sample *own_at(size_t upstream, size_t age)
{
    return &history->upstreams[of(upstream)->index]->samples[HISTORY_SAMPLES - 1 - age];
}

static void route(size_t at, const char *name, size_t first, size_t second)
{
    routes[at] = (struct config_route){.name = (char *)(uintptr_t)name,
                                       .upstreams = {first, second},
                                       .upstream_count = first == second ? 1 : 2};
}

static void add_upstream(size_t upstream, const char *name)
{
    upstreams[upstream] =
        (struct config_upstream){.name = (char *)(uintptr_t)name, .index = 10 + upstream};
    *of(upstream) = (struct overview_upstream){.name = name,
                                               .index = 10 + upstream,
                                               .eject_after = 5,
                                               .rate_queue = 100,
                                               .budget = 60,
                                               .token = {.state = KEEPER_VALID,
                                                         .state_name = "valid",
                                                         .ready = true,
                                                         .fingerprint = "01234567",
                                                         .expires_in = HOUR,
                                                         .usable_for = HOUR}};
    history_begin(history, 10 + upstream, name);
}

static void setup(void)
{
    history = history_new(ago(HISTORY_SPAN));
    history->taken = HISTORY_SAMPLES;
    overview = calloc(1, sizeof(*overview));
    ck_assert_ptr_nonnull(overview);
    overview->now = NOW;
    overview->wall = NOON;
    overview->ready = true;
    overview->history = history;
    overview->request_timeout = 5 * SECOND;
    overview->upstream_count = UPSTREAMS;
    history->taken = 0;
    add_upstream(MAIN, "main");
    add_upstream(SPARE, "spare");
    add_upstream(ISLANDS, "isles");
    history->taken = HISTORY_SAMPLES;
    for (size_t age = 0; age < HISTORY_SAMPLES; age++) {
        history->samples[HISTORY_SAMPLES - 1 - age] = (struct history_sample){
            .at = ago((int64_t)age * HISTORY_INTERVAL), .length = HISTORY_INTERVAL};
        history->samples[HISTORY_SAMPLES - 1 - age].codes[ENDED_OK] = 10;
        for (size_t i = 0; i < UPSTREAMS; i++)
            own_at(i, age)->classes[HISTORY_GOOD] = 10;
    }
    route(0, "uk", MAIN, SPARE);
    route(1, "islands", ISLANDS, ISLANDS);
    for (size_t i = 2; i < ROUTES; i++)
        route(i, i == 2 ? "north" : i == 3 ? "south" : "west", MAIN, SPARE);
    config = (struct config){
        .upstreams = upstreams, .upstream_count = UPSTREAMS, .routes = routes, .route_count = 2};
    overview->readiness = (struct readiness){.ready = true, .config = &config};
}

static void teardown(void)
{
    free(overview);
    history_free(history);
}

/* Its lookups fail; as readiness_gather and overview_init find it. */
static void fails(size_t upstream, int64_t since)
{
    struct readiness *readiness = &overview->readiness;

    of(upstream)->health =
        (struct health_state){.failing = true,
                              .down = true,
                              .since = ago(since),
                              .last = ago(SECOND),
                              .failure = {.reason = HEALTH_STATUS, .status = 503}};
    of(upstream)->unready = true;
    readiness->reasons[readiness->count++] =
        (struct readiness_reason){.cause = READINESS_LOOKUPS, .since = ago(since)};
    readiness->reason_of[upstream] = (unsigned char)readiness->count;
}

static void eject(size_t upstream, int64_t since)
{
    of(upstream)->breaker = (struct breaker_state){
        .ejected = true, .since = ago(since), .until = mono_add(NOW, 20 * SECOND)};
}

static void hold(size_t upstream, bool said)
{
    of(upstream)->hold =
        (struct hold_state){.held = said, .unsaid = !said, .until = mono_add(NOW, 20 * SECOND)};
}

static void has(const char *text, const char *part)
{
    ck_assert_msg(strstr(text, part) != NULL, "no \"%s\" in \"%s\"", part, text);
}

static void fill(size_t count)
{
    overview_routes_read(overview);
    conditions_fill(overview);
    for (size_t i = 0; i < overview->condition_count; i++)
        if (overview->condition_count != count)
            printf("    %s: %s: %s\n", overview->conditions[i].what, overview->conditions[i].why,
                   overview->conditions[i].action);
    ck_assert_uint_eq(overview->condition_count, count);
}

static const struct condition *is(size_t at, enum condition_level level, const char *what)
{
    ck_assert_uint_lt(at, overview->condition_count);
    const struct condition *found = &overview->conditions[at];

    ck_assert_str_eq(found->what, what);
    ck_assert_int_eq(found->level, level);
    return found;
}

START_TEST(all_is_well)
{
    fill(0);
    ck_assert_ptr_eq(overview_serving(overview, &routes[0]), of(MAIN));
}
END_TEST

START_TEST(another_stands_in_for_one_that_is_ejected)
{
    eject(MAIN, 40 * SECOND);
    fill(1);
    const struct condition *found = is(
        0, CONDITION_WARNING, "Lookups of route uk go to spare: main is left out after failures");
    ck_assert_str_eq(found->upstream, "main");
    ck_assert_int_eq(found->since.ns, ago(40 * SECOND).ns);
    ck_assert_str_eq(found->why, "5 or more lookups in a row failed; one is sent to it as a "
                                 "trial from 12:00:20 UTC on");
    ck_assert_ptr_eq(overview_serving(overview, &routes[0]), of(SPARE));
}
END_TEST

/* One upstream of many routes is one thing that is wrong. */
START_TEST(many_routes_are_told_at_once)
{
    config.route_count = ROUTES;
    eject(MAIN, SECOND);
    fill(1);
    is(0, CONDITION_WARNING,
       "Lookups of routes uk, north, south and 1 more go to other upstreams: main is left out "
       "after failures");
}
END_TEST

/* The last of a list is asked all the same, and so is the only one. */
START_TEST(an_ejected_one_with_nobody_behind_it)
{
    eject(SPARE, SECOND);
    eject(ISLANDS, SECOND);
    fill(0);
    eject(MAIN, SECOND);
    fill(0); /* what fails is told by itself */
    ck_assert_ptr_eq(overview_serving(overview, &routes[0]), of(SPARE));
}
END_TEST

START_TEST(held_by_a_429)
{
    hold(MAIN, true);
    fill(1);
    const struct condition *found =
        is(0, CONDITION_WARNING, "Lookups of route uk go to spare: main said 429");
    ck_assert_str_eq(found->why,
                     "nothing is sent to it until 12:00:20 UTC, as its Retry-After said");
    hold(ISLANDS, true);
    fill(2);
    is(0, CONDITION_WARNING, "Lookups get 429, for the upstream said so");
    ck_assert_str_eq(overview->conditions[0].upstream, "isles");
    hold(ISLANDS, false);
    fill(1);
}
END_TEST

/* Callers notice nothing: it is no more than a warning, and no time is told at which they will. */
START_TEST(one_that_is_down_while_another_serves)
{
    fails(MAIN, 2 * MINUTE);
    fill(2);
    is(0, CONDITION_WARNING, "The upstream answers with errors");
    const struct condition *found =
        is(1, CONDITION_WARNING, "Lookups of route uk go to spare: main fails");
    ck_assert_int_eq(found->since.ns, ago(2 * MINUTE).ns);
    ck_assert(of(MAIN)->covered);
    ck_assert(!of(ISLANDS)->covered);
}
END_TEST

START_TEST(one_without_a_token_while_another_serves)
{
    struct keeper_status *token = &of(MAIN)->token;

    overview->readiness.count = overview->readiness.reason_of[MAIN] = 1;
    overview->readiness.reasons[0].cause = READINESS_TOKEN;
    of(MAIN)->unready = true;
    *token = (struct keeper_status){.state = KEEPER_BACKOFF,
                                    .state_name = "backing_off",
                                    .last_error = "the token endpoint responded with 503",
                                    .last_error_age = 5 * SECOND,
                                    .lacking_since = ago(MINUTE),
                                    .next_request_in = -1,
                                    .cause = {.kind = TOKEN_CAUSE_FAILED}};
    fill(2);
    const struct condition *found =
        is(0, CONDITION_WARNING, "The token endpoint answers with errors");
    ck_assert_str_eq(found->why, "the token endpoint responded with 503; there is no token, and "
                                 "lookups go to others");
    ck_assert_int_eq(found->until.ns, 0);
    is(1, CONDITION_WARNING, "Lookups of route uk go to spare: main has no usable token");
}
END_TEST

START_TEST(a_route_without_any)
{
    fails(ISLANDS, 2 * MINUTE);
    fill(2);
    is(0, CONDITION_DOWN, "The upstream answers with errors");
    const struct condition *found = is(1, CONDITION_DOWN, "No lookup of route islands is answered");
    ck_assert_ptr_null(found->upstream);
    ck_assert_int_eq(found->since.ns, ago(2 * MINUTE).ns);
    fails(MAIN, 3 * MINUTE);
    fails(SPARE, MINUTE);
    fill(4);
    is(3, CONDITION_DOWN, "No lookup of routes uk, islands is answered");
    ck_assert_int_eq(overview->conditions[3].since.ns, ago(2 * MINUTE).ns);
}
END_TEST

START_TEST(refused_by_rate)
{
    for (size_t age = 1; age < 4; age++) {
        own_at(MAIN, age)->rate_refused = 10;
        own_at(MAIN, age)->failovers[FAILOVER_RATE] = 8;
    }
    of(MAIN)->rate_waiting = 7;
    fill(1);
    const struct condition *found =
        is(0, CONDITION_WARNING, "More lookups come than [upstream] rate allows");
    ck_assert_str_eq(found->why, "30 lookups had no turn in time in the last minute, 24 of them "
                                 "went to another upstream; 7 wait now, and 100 may");
    ck_assert_int_eq(found->since.ns, ago(4 * HISTORY_INTERVAL).ns);
}
END_TEST

/* They end as overloaded, which is no other thing; those beyond them are. */
START_TEST(refused_by_rate_is_no_overload)
{
    struct history_sample *sample = &history->samples[HISTORY_SAMPLES - 1];

    own_at(MAIN, 0)->rate_refused = 10;
    own_at(MAIN, 0)->failovers[FAILOVER_RATE] = 4;
    sample->codes[PROBLEM_OVERLOADED] = 6;
    fill(1);
    sample->codes[PROBLEM_OVERLOADED] = 8;
    fill(2);
    has(overview->conditions[1].why, "2 lookups were refused");
}
END_TEST

START_TEST(refused_by_the_retry_budget)
{
    own_at(SPARE, 0)->retries_refused = 3;
    fill(1);
    const struct condition *found =
        is(0, CONDITION_WARNING, "More lookups have to be sent again than retry_budget allows");
    ck_assert_str_eq(found->upstream, "spare");
    ck_assert_str_eq(found->why,
                     "3 retries and failovers to this upstream were not made in the last minute");
    own_at(SPARE, 0)->retries_refused = 0;
    own_at(SPARE, 20)->retries_refused = 3;
    fill(0);
}
END_TEST

/* They are answered by another upstream, so no code tells of them. */
START_TEST(no_response_and_another_one_answered)
{
    own_at(MAIN, 0)->classes[HISTORY_NONE] = 10;
    fill(0); /* callers who left */
    own_at(MAIN, 0)->failovers[FAILOVER_NO_CONNECTION] = 9;
    fill(1);
    is(0, CONDITION_WARNING, "The upstream cannot be reached, for some lookups");
    ck_assert_str_eq(overview->conditions[0].why,
                     "9 of 70 calls in the last minute had no response");
    own_at(MAIN, 0)->failovers[FAILOVER_NO_CONNECTION] = 0;
    own_at(MAIN, 0)->failovers[FAILOVER_TIMEOUT] = 9;
    fill(1);
    is(0, CONDITION_WARNING, "The upstream does not answer in time, for some lookups");
}
END_TEST

START_TEST(many_are_over_their_quota)
{
    struct history_sample *sample = &history->samples[HISTORY_SAMPLES - 1];

    sample->codes[PROBLEM_QUOTA_EXCEEDED] = 19;
    fill(0);
    sample->codes[PROBLEM_QUOTA_EXCEEDED] = 20;
    fill(1);
    is(0, CONDITION_NOTE, "Many lookups are over their user's quota");
    ck_assert_str_eq(overview->conditions[0].why,
                     "20 of 80 in the last minute (429 quota_exceeded)");
    sample->codes[ENDED_OK] = 200;
    fill(0);
}
END_TEST

START_TEST(how_many_there_was_no_room_for)
{
    struct overview_upstream one;

    fails(ISLANDS, MINUTE);
    one = *of(ISLANDS);
    overview->upstream_count = CONFIG_UPSTREAMS_MAX;
    for (size_t i = UPSTREAMS; i < CONFIG_UPSTREAMS_MAX; i++) {
        overview->upstreams[i] = one;
        overview->upstreams[i].index = 20 + i;
    }
    eject(MAIN, SECOND);
    fill(CONDITIONS_MAX);
    is(CONDITIONS_MAX - 1, CONDITION_DOWN, "The upstream answers with errors");
    /* 30 that are down, the route, and the one that is ejected */
    ck_assert_uint_eq(overview->conditions_left, 32 - CONDITIONS_MAX);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("conditions_routes");
    TCase *tc = tcase_create("conditions_routes");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, all_is_well);
    tcase_add_test(tc, another_stands_in_for_one_that_is_ejected);
    tcase_add_test(tc, many_routes_are_told_at_once);
    tcase_add_test(tc, an_ejected_one_with_nobody_behind_it);
    tcase_add_test(tc, held_by_a_429);
    tcase_add_test(tc, one_that_is_down_while_another_serves);
    tcase_add_test(tc, one_without_a_token_while_another_serves);
    tcase_add_test(tc, a_route_without_any);
    tcase_add_test(tc, refused_by_rate);
    tcase_add_test(tc, refused_by_rate_is_no_overload);
    tcase_add_test(tc, refused_by_the_retry_budget);
    tcase_add_test(tc, no_response_and_another_one_answered);
    tcase_add_test(tc, many_are_over_their_quota);
    tcase_add_test(tc, how_many_there_was_no_room_for);
    suite_add_tcase(s, tc);
    return run_suite(s);
}
