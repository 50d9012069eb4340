/* front/status_json.h: the names, and what stands there when little is known. */
#include "front/status_json.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "fleet_stub.h"
#include "overview_fixture.h"
#include "suite.h"

static struct overview *overview;
static json_t *status;

static void begin(size_t upstreams, int64_t ran)
{
    overview = overview_make(upstreams, ran);
    status = NULL;
}

static void make(void)
{
    json_decref(status);
    status = status_json(overview);
    ck_assert_ptr_nonnull(status);
}

static void teardown(void)
{
    json_decref(status);
    overview_unmake(overview);
}

static json_t *get(json_t *object, const char *name)
{
    json_t *value = json_object_get(object, name);

    ck_assert_msg(value != NULL, "no %s", name);
    return value;
}

static void text_is_in(json_t *object, const char *name, const char *want)
{
    ck_assert_str_eq(json_string_value(get(object, name)), want);
}

static void number_is_in(json_t *object, const char *name, double want)
{
    ck_assert_double_eq_tol(json_number_value(get(object, name)), want, 1e-9);
}

/* Each name is there; what is not known is null, and lists are empty. */
START_TEST(test_empty)
{
    static const char *const nulls[] = {"fingerprint",        "age_seconds",
                                        "lifetime_seconds",   "early_expiry_seconds",
                                        "expires_in_seconds", "next_renewal_in_seconds",
                                        "last_error",         "last_error_age_seconds"};

    begin(1, 0);
    overview->ready = false;
    overview->reload.at.ns = 0;
    fixture_reason(overview, READINESS_TOKEN, "location", "no usable token", "503", 0);
    fixture_reason(overview, READINESS_KEYS, NULL, "identity", "no keys", 0);
    make();
    text_is_in(status, "now", "2026-03-04T14:03:10.000Z");
    text_is_in(status, "version", "1.2.3");
    ck_assert(json_is_false(get(status, "ready")));
    ck_assert(json_is_false(get(status, "draining")));
    ck_assert_str_eq(json_string_value(json_array_get(get(status, "reasons"), 0)),
                     "upstream location: no usable token: 503");
    ck_assert_str_eq(json_string_value(json_array_get(get(status, "reasons"), 1)),
                     "identity: no keys");
    ck_assert_uint_eq(json_array_size(get(status, "reasons")), 2);
    json_t *upstream = json_array_get(get(status, "upstreams"), 0);
    for (size_t i = 0; i < ARRAY_LEN(nulls); i++)
        ck_assert_msg(json_is_null(get(get(upstream, "token"), nulls[i])), "%s", nulls[i]);
    text_is_in(get(upstream, "token"), "state", "none");
    ck_assert(json_is_null(get(get(status, "samples"), "end")));
    number_is_in(get(status, "samples"), "interval_seconds", 10);
    ck_assert_uint_eq(json_array_size(get(get(status, "samples"), "requests_per_second")), 0);
    ck_assert_uint_eq(json_array_size(get(upstream, "token_events")), 0);
    ck_assert_uint_eq(json_array_size(get(status, "codes")), 0);
    ck_assert(json_is_null(get(get(status, "reload"), "configuration_taken_at")));
}
END_TEST

/* Columns have a value for each sample, the oldest first; without durations there is none. */
START_TEST(test_samples)
{
    begin(2, 3 * HOUR);
    fixture_samples(overview, 2 * HOUR, 500);
    struct history *history = fixture_history(overview);
    struct history_sample *newest = &history->samples[HISTORY_SAMPLES - 1];
    newest->codes[PROBLEM_DEADLINE] = 30;
    newest->codes[ENDED_OK] = 10;
    newest->codes[PROBLEM_UNKNOWN_POSTCODE] = 0;
    newest->in_flight = 77;
    newest->busy_permille = 250;
    memset(&newest->lookups, 0, sizeof(newest->lookups));
    history->upstreams[1]->samples[HISTORY_SAMPLES - 1].queue_length = 9;
    history->upstreams[1]->samples[HISTORY_SAMPLES - 1].state = KEEPER_SUSPECT;
    make();
    json_t *samples = get(status, "samples");
    const size_t last = HISTORY_SAMPLES - 1;
    const char *name;
    json_t *column;

    json_object_foreach(samples, name, column)
    {
        if (json_is_array(column))
            ck_assert_uint_eq(json_array_size(column), HISTORY_SAMPLES);
    }
    text_is_in(samples, "end", "2026-03-04T14:03:07.000Z");
    ck_assert_double_eq_tol(
        json_number_value(json_array_get(get(samples, "requests_per_second"), last)), 4, 1e-9);
    ck_assert_double_eq_tol(
        json_number_value(json_array_get(get(samples, "worker_busy_ratio"), last)), 0.25, 1e-9);
    ck_assert_int_eq(json_integer_value(json_array_get(get(samples, "in_flight"), last)), 77);
    ck_assert(json_is_null(json_array_get(get(samples, "request_p50_seconds"), last)));
    ck_assert(json_is_real(json_array_get(get(samples, "request_p99_seconds"), 0)));
    json_t *codes = get(samples, "codes_per_second");
    ck_assert_double_eq_tol(
        json_number_value(json_array_get(get(codes, "deadline_exceeded_504"), last)), 3, 1e-9);
    ck_assert_ptr_null(json_object_get(codes, "overloaded_503"));
    json_t *of_upstream = get(json_array_get(get(status, "upstreams"), 1), "samples");
    ck_assert_int_eq(json_integer_value(json_array_get(get(of_upstream, "queue_length"), last)), 9);
    ck_assert_str_eq(json_string_value(json_array_get(get(of_upstream, "token_state"), last)),
                     "in_doubt");
    ck_assert_uint_eq(json_array_size(get(of_upstream, "calls_answered_per_second")),
                      HISTORY_SAMPLES);
}
END_TEST

/* Each class of calls, the queue and the connections have a name of their own. */
START_TEST(test_upstream)
{
    static const char *const classes[HISTORY_CLASSES] = {
        [HISTORY_NONE] = "calls_without_response_per_second",
        [HISTORY_GOOD] = "calls_answered_per_second",
        [HISTORY_REFUSED] = "calls_refused_per_second",
        [HISTORY_LIMITED] = "calls_rate_limited_per_second",
        [HISTORY_CLIENT_ERROR] = "calls_client_error_per_second",
        [HISTORY_SERVER_ERROR] = "calls_server_error_per_second",
    };

    begin(1, HOUR);
    fixture_samples(overview, 30 * SECOND, 500);
    struct history_upstream_sample *newest = &fixture_history(overview)->upstreams[0]->samples[2];
    for (size_t i = 0; i < HISTORY_CLASSES; i++)
        newest->classes[i] = 10 * (uint32_t)(i + 1);
    newest->queue_refused = 40;
    newest->rejected = 20;
    memset(&newest->queued, 0, sizeof(newest->queued));
    newest->queued.cells[3] = 99;
    newest->queued.cells[9] = 1;
    overview->upstreams[0].connections_active = 3;
    overview->upstreams[0].connections_idle = 4;
    overview->upstreams[0].queue_length = 5;
    overview->upstreams[0].waiters = 6;
    make();
    json_t *upstream = json_array_get(get(status, "upstreams"), 0);
    json_t *samples = get(upstream, "samples");
    for (size_t i = 0; i < HISTORY_CLASSES; i++)
        ck_assert_double_eq_tol(json_number_value(json_array_get(get(samples, classes[i]), 2)),
                                (double)(i + 1), 1e-9);
    ck_assert_double_eq_tol(
        json_number_value(json_array_get(get(samples, "queue_refused_per_second"), 2)), 4, 1e-9);
    ck_assert_double_eq_tol(
        json_number_value(json_array_get(get(samples, "token_rejections_per_second"), 2)), 2, 1e-9);
    ck_assert_double_eq_tol(json_number_value(json_array_get(get(samples, "queue_p99_seconds"), 2)),
                            (double)history_percentile(&newest->queued, 0.99) / (double)SECOND,
                            1e-6);
    number_is_in(upstream, "connections_active", 3);
    number_is_in(upstream, "connections_idle", 4);
    number_is_in(upstream, "queue_length", 5);
    number_is_in(get(upstream, "token"), "waiters", 6);
}
END_TEST

START_TEST(test_token)
{
    begin(1, HOUR);
    fixture_token(overview, 0, 6 * MINUTE, FIXTURE_LIFE, FIXTURE_WINDOW);
    fixture_event(overview, 0, HISTORY_REQUEST_FAILED, MINUTE, "503");
    make();
    json_t *upstream = json_array_get(get(status, "upstreams"), 0);
    json_t *token = get(upstream, "token");
    text_is_in(upstream, "name", "location");
    text_is_in(upstream, "address", "https://api.example");
    text_is_in(upstream, "token_endpoint", "https://login.example:8443");
    number_is_in(token, "expires_in_seconds", 54 * 60);
    number_is_in(token, "next_renewal_in_seconds", 49 * 60);
    number_is_in(token, "generation", 1);
    number_is_in(token, "budget_per_hour", 20);
    json_t *events = get(upstream, "token_events");
    ck_assert_uint_eq(json_array_size(events), 2);
    text_is_in(json_array_get(events, 0), "kind", "obtained");
    text_is_in(json_array_get(events, 0), "at", "2026-03-04T13:57:10.000Z");
    text_is_in(json_array_get(events, 0), "renewed_from", "2026-03-04T14:52:10.000Z");
    text_is_in(json_array_get(events, 0), "expires_at", "2026-03-04T14:57:10.000Z");
    text_is_in(json_array_get(events, 1), "kind", "request_failed");
    text_is_in(json_array_get(events, 1), "reason", "503");
    ck_assert(json_is_null(get(json_array_get(events, 1), "expires_at")));
}
END_TEST

/* The member of a fleet, with nulls for what is not known; none without a fleet. */
START_TEST(test_fleet)
{
    const struct mono_time now = {FIXTURE_NOW};

    begin(1, HOUR);
    make();
    ck_assert_ptr_null(
        json_object_get(get(json_array_get(get(status, "upstreams"), 0), "token"), "fleet"));
    stub_be_alone(now);
    overview->upstreams[0].in_fleet = overview->has_store = true;
    overview->upstreams[0].member = stub_member;
    overview->store = stub_store;
    make();
    json_t *fleet = get(get(json_array_get(get(status, "upstreams"), 0), "token"), "fleet");
    text_is_in(fleet, "state", "alone");
    text_is_in(fleet, "state_since", "2026-03-04T14:02:10.000Z");
    text_is_in(fleet, "member", "a.1");
    text_is_in(fleet, "leader", "b.2");
    number_is_in(fleet, "generation", 7);
    number_is_in(fleet, "members", 5);
    text_is_in(fleet, "store_error", "redis.example:6379 cannot be reached (Connection refused)");
    text_is_in(fleet, "store_error_at", "2026-03-04T14:02:10.000Z");
    ck_assert_uint_eq(json_object_size(fleet), 8);
    overview->upstreams[0].member =
        (struct fleet_status){.state = FLEET_JOINING, .since = now, .member = "a.1", .leader = ""};
    overview->store = (struct fleet_link_status){.connected = true, .server = "unix:/x"};
    make();
    fleet = get(get(json_array_get(get(status, "upstreams"), 0), "token"), "fleet");
    text_is_in(fleet, "state", "joining");
    static const char *const nulls[] = {"leader", "generation", "members", "store_error",
                                        "store_error_at"};
    for (size_t i = 0; i < ARRAY_LEN(nulls); i++)
        ck_assert_msg(json_is_null(get(fleet, nulls[i])), "%s", nulls[i]);
}
END_TEST

START_TEST(test_lists)
{
    begin(1, HOUR);
    fixture_samples(overview, HOUR, 40);
    struct condition *condition =
        fixture_condition(overview, CONDITION_DOWN, 4 * MINUTE, "location", "It is down.");
    snprintf(condition->why, sizeof(condition->why), "503");
    condition->until.ns = FIXTURE_NOW + 90 * SECOND;
    fixture_condition(overview, CONDITION_NOTE, 0, NULL, "Look.");
    fixture_condition(overview, CONDITION_WARNING, 0, NULL, "Beware.");
    fixture_problem(overview, PROBLEM_OF_SERVICE, PROBLEM_DEADLINE, SECOND, "g1", "/a");
    fixture_problem(overview, PROBLEM_OF_CALLER, PROBLEM_NOT_FOUND, SECOND, "g2", "/b");
    make();
    json_t *first = json_array_get(get(status, "conditions"), 0);
    text_is_in(first, "level", "down");
    text_is_in(first, "upstream", "location");
    text_is_in(first, "since", "2026-03-04T13:59:10.000Z");
    text_is_in(first, "until", "2026-03-04T14:04:40.000Z");
    text_is_in(first, "what", "It is down.");
    text_is_in(first, "why", "503");
    ck_assert(json_is_null(get(first, "action")));
    ck_assert(json_is_null(get(json_array_get(get(status, "conditions"), 1), "since")));
    ck_assert(json_is_null(get(json_array_get(get(status, "conditions"), 1), "until")));
    text_is_in(json_array_get(get(status, "conditions"), 1), "level", "note");
    text_is_in(json_array_get(get(status, "conditions"), 2), "level", "warning");
    json_t *problem = json_array_get(get(status, "problems"), 0);
    text_is_in(problem, "guid", "g1");
    text_is_in(problem, "code", "deadline_exceeded");
    number_is_in(problem, "status", 504);
    number_is_in(problem, "duration_seconds", 0.012345);
    text_is_in(json_array_get(get(status, "caller_problems"), 0), "path", "/b");
    json_t *code = json_array_get(get(status, "codes"), 1);
    text_is_in(code, "code", "unknown_postcode");
    ck_assert(json_is_false(get(code, "of_service")));
    ck_assert_int_lt(json_integer_value(get(code, "last_5_minutes")),
                     json_integer_value(get(code, "last_2_hours")));
    ck_assert_int_eq(json_integer_value(get(code, "last_2_hours")),
                     json_integer_value(get(code, "since_start")));
}
END_TEST

/* Bytes that are no text do not make it fail, and lose nothing but themselves. */
START_TEST(test_hostile)
{
    static const char hostile[] = "<\"\x01\xff>";

    begin(1, HOUR);
    overview->upstreams[0].name = hostile;
    overview->upstreams[0].token.last_error = hostile;
    fixture_reason(overview, READINESS_TOKEN, hostile, hostile, hostile, 0);
    fixture_event(overview, 0, HISTORY_GONE, MINUTE, hostile);
    fixture_condition(overview, CONDITION_NOTE, 0, hostile, hostile);
    fixture_problem(overview, PROBLEM_OF_CALLER, PROBLEM_NOT_FOUND, SECOND, hostile, hostile);
    make();
    char *text = json_dumps(status, JSON_COMPACT);
    ck_assert_ptr_nonnull(text);
    json_t *again = json_loads(text, 0, NULL);
    ck_assert_ptr_nonnull(again);
    text_is_in(json_array_get(get(again, "caller_problems"), 0), "path", "<\"\x01\xef\xbf\xbd>");
    text_is_in(get(json_array_get(get(again, "upstreams"), 0), "token"), "last_error",
               "<\"\x01\xef\xbf\xbd>");
    json_decref(again);
    free(text);
}
END_TEST

/* Of 32 upstreams eight samples are merged into one. */
START_TEST(test_many_upstreams)
{
    begin(CONFIG_UPSTREAMS_MAX, 3 * HOUR);
    fixture_samples(overview, 2 * HOUR, 40);
    struct history_upstream *own = fixture_history(overview)->upstreams[31];
    for (size_t i = 0; i < 8; i++) {
        own->samples[HISTORY_SAMPLES - 1 - i].classes[HISTORY_NONE] = 5;
        own->samples[HISTORY_SAMPLES - 1 - i].queue_length = (uint32_t)i;
        own->samples[HISTORY_SAMPLES - 1 - i].rate_refused = 10;
        own->samples[HISTORY_SAMPLES - 1 - i].failovers[1] = 20;
        own->samples[HISTORY_SAMPLES - 1 - i].failovers[2] = 10;
    }
    own->samples[HISTORY_SAMPLES - 1].state = KEEPER_OVERDUE;
    for (size_t i = 0; i < HISTORY_EVENTS; i++)
        fixture_event(overview, 31, HISTORY_REQUEST_FAILED, (int64_t)(300 - i) * SECOND, "x");
    make();
    json_t *upstream = json_array_get(get(status, "upstreams"), 31);
    json_t *samples = get(upstream, "samples");
    ck_assert_int_eq(json_integer_value(get(samples, "interval_seconds")), 80);
    ck_assert_uint_eq(json_array_size(get(samples, "queue_length")), HISTORY_SAMPLES / 8);
    ck_assert_double_eq_tol(
        json_number_value(json_array_get(get(samples, "calls_without_response_per_second"), 89)),
        0.5, 1e-9);
    ck_assert_double_eq_tol(
        json_number_value(json_array_get(get(samples, "rate_refused_per_second"), 89)), 1, 1e-9);
    ck_assert_double_eq_tol(
        json_number_value(json_array_get(get(samples, "failovers_per_second"), 89)), 3, 1e-9);
    ck_assert_double_eq_tol(
        json_number_value(json_array_get(get(samples, "failovers_per_second"), 88)), 0, 1e-9);
    ck_assert_int_eq(json_integer_value(json_array_get(get(samples, "queue_length"), 89)), 7);
    ck_assert_str_eq(json_string_value(json_array_get(get(samples, "token_state"), 89)), "overdue");
    ck_assert_uint_eq(json_array_size(get(upstream, "token_events")), HISTORY_EVENTS / 8);
    json_t *last = json_array_get(get(upstream, "token_events"), HISTORY_EVENTS / 8 - 1);
    ck_assert_str_eq(json_string_value(get(last, "at")), "2026-03-04T14:02:25.000Z");
    ck_assert_int_eq(json_integer_value(get(get(status, "samples"), "interval_seconds")), 10);
    ck_assert_uint_eq(json_array_size(get(get(status, "samples"), "in_flight")), HISTORY_SAMPLES);
}
END_TEST

/* Ejected, held, with a rate; and whom a route goes to. */
START_TEST(test_routes)
{
    static char *postcodes[] = {(char *)(uintptr_t) "GY", (char *)(uintptr_t) "JE", NULL};
    struct config_upstream upstreams[] = {{.name = (char *)(uintptr_t) "location", .index = 0},
                                          {.name = (char *)(uintptr_t) "second", .index = 1}};
    struct config_route routes[] = {{.name = (char *)(uintptr_t) "uk",
                                     .prefix = (char *)(uintptr_t) "/uk/",
                                     .postcodes = {postcodes, 2},
                                     .upstreams = {0, 1},
                                     .upstream_count = 2}};
    const struct config config = {
        .upstreams = upstreams, .upstream_count = 2, .routes = routes, .route_count = 1};

    begin(2, HOUR);
    make();
    ck_assert_uint_eq(json_array_size(get(status, "routes")), 0);
    ck_assert(json_is_null(get(json_array_get(get(status, "upstreams"), 0), "ejected_since")));
    overview->readiness.config = &config;
    overview->conditions_left = 3;
    overview->upstreams[0].breaker = (struct breaker_state){
        .ejected = true, .since = {FIXTURE_NOW - MINUTE}, .until = {FIXTURE_NOW + 5 * SECOND}};
    overview->upstreams[1].rate = SECOND / 4;
    overview->upstreams[1].rate_waiting = 9;
    make();
    json_t *route = json_array_get(get(status, "routes"), 0);
    text_is_in(route, "name", "uk");
    text_is_in(route, "prefix", "/uk/");
    text_is_in(route, "serving", "second");
    ck_assert(json_is_true(get(route, "ready")));
    ck_assert(json_is_null(get(route, "unready_since")));
    ck_assert_str_eq(json_string_value(json_array_get(get(route, "postcodes"), 1)), "JE");
    ck_assert_str_eq(json_string_value(json_array_get(get(route, "upstreams"), 1)), "second");
    json_t *upstream = json_array_get(get(status, "upstreams"), 0);
    ck_assert(json_is_true(get(upstream, "ejected")));
    text_is_in(upstream, "ejected_since", "2026-03-04T14:02:10.000Z");
    text_is_in(upstream, "next_trial_at", "2026-03-04T14:03:15.000Z");
    ck_assert(json_is_null(get(upstream, "held_until")));
    ck_assert(json_is_null(get(upstream, "rate_per_second")));
    upstream = json_array_get(get(status, "upstreams"), 1);
    number_is_in(upstream, "rate_per_second", 4);
    number_is_in(upstream, "rate_waiting", 9);
    number_is_in(status, "conditions_left", 3);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("status_json");
    TCase *all = tcase_create("status_json");

    tcase_add_checked_fixture(all, NULL, teardown);
    tcase_add_test(all, test_empty);
    tcase_add_test(all, test_samples);
    tcase_add_test(all, test_upstream);
    tcase_add_test(all, test_token);
    tcase_add_test(all, test_fleet);
    tcase_add_test(all, test_lists);
    tcase_add_test(all, test_hostile);
    tcase_add_test(all, test_many_upstreams);
    tcase_add_test(all, test_routes);
    suite_add_tcase(suite, all);
    return run_suite(suite);
}
