/* front/exposition.h: two upstreams beside each other. */
#include "front/exposition.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "cache/outcome.h"
#include "fleet_stub.h"
#include "front/readiness.h"
#include "lookup/failover.h"
#include "suite.h"

static struct store *store;
static const struct reload_status reload = {.at = {.ns = 1750 * MILLISECOND}, .failed = true};
static const double busy[] = {0.25, 1};
static struct exposition exposition;
static struct readiness readiness = {.ready = true};

static uint32_t port_random(void *arg)
{
    (void)arg;
    return 0;
}

static struct keeper *keeper_of(const char *name, size_t index)
{
    const struct keeper_settings settings = {
        .upstream = name, .index = index, .store_key = name, .budget = 60, .workers = 1};
    const struct keeper_ports ports = {.random = port_random};

    return keeper_new(&settings, &ports, store);
}

static void setup(void)
{
    store = store_new(2);
    exposition = (struct exposition){
        .upstreams = {{.name = "u", .index = 4, .keeper = keeper_of("u", 4), .store = store},
                      {.name = "v", .index = 1, .keeper = keeper_of("v", 1)}},
        .upstream_count = 2,
        .reload = &reload,
        .busy = busy,
        .worker_count = ARRAY_LEN(busy),
    };
}

static void teardown(void)
{
    for (size_t i = 0; i < exposition.upstream_count; i++)
        keeper_free(exposition.upstreams[i].keeper);
    store_free(store);
}

/* Each family once, with the series of each upstream, and nothing of other indexes. */
START_TEST(test_upstreams)
{
    struct buf out;

    metric_upstream_add(METRIC_UPSTREAM_REQUESTS, 4, 200, 7);
    metric_upstream_add(METRIC_UPSTREAM_REQUESTS, 1, 0, 8);
    metric_upstream_add(METRIC_UPSTREAM_REQUESTS, 0, 500, 9);
    metric_upstream_observe(METRIC_UPSTREAM_DURATION, 1, 2 * SECOND);
    metric_upstream_add(METRIC_UPSTREAM_QUEUE_DURATION, 1, 0, 1); /* not counted yet */
    metric_add(METRIC_CONNECTIONS, 0, 3);
    buf_init(&out, EXPOSITION_MAX);
    exposition_write(&exposition, &readiness, &out);
    const char *text = buf_text(&out);
    ck_assert_ptr_nonnull(strstr(
        text, "# TYPE postcoded_upstream_requests_total counter\n"
              "postcoded_upstream_requests_total{upstream=\"u\",status=\"200\"} 7\n"
              "postcoded_upstream_requests_total{upstream=\"v\",status=\"none\"} 8\n# HELP"));
    ck_assert_ptr_nonnull(
        strstr(text, "postcoded_upstream_duration_seconds_count{upstream=\"u\"} 0\n"
                     "postcoded_upstream_duration_seconds_bucket{upstream=\"v\",le=\"5e-05\"} 0"));
    ck_assert_ptr_nonnull(
        strstr(text, "postcoded_upstream_duration_seconds_bucket{upstream=\"v\",le=\"2.5\"} 1\n"));
    ck_assert_ptr_nonnull(
        strstr(text, "postcoded_upstream_queue_seconds_bucket{upstream=\"v\",le=\"+Inf\"} 1\n"));
    ck_assert_ptr_nonnull(strstr(text, "duration_seconds_sum{upstream=\"v\"} 2\n"));
    ck_assert_ptr_nonnull(strstr(text, "gauge\npostcoded_token_waiters{upstream=\"u\"} 0\n"
                                       "postcoded_token_waiters{upstream=\"v\"} 0\n# HELP"));
    ck_assert_ptr_nonnull(
        strstr(text, "postcoded_token_expiry_timestamp_seconds{upstream=\"u\"} 0.000\n"
                     "postcoded_token_expiry_timestamp_seconds{upstream=\"v\"} 0.000\n"));
    ck_assert_ptr_nonnull(strstr(text, "gauge\npostcoded_connections 3\n# HELP"));
    buf_fini(&out);
}
END_TEST

/* The ten of the contract, from the start. */
START_TEST(test_identity_reasons)
{
    static const char *const reasons[] = {"absent",      "malformed", "signature", "expired",
                                          "not_yet",     "audience",  "issuer",    "algorithm",
                                          "unknown_key", "claim"};
    struct buf out;

    metric_add(METRIC_IDENTITY_REJECTED, 3, 2);
    buf_init(&out, EXPOSITION_MAX);
    exposition_write(&exposition, &readiness, &out);
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
        char line[128];
        snprintf(line, sizeof(line), "\npostcoded_identity_rejected_total{reason=\"%s\"} %d\n",
                 reasons[i], i == 3 ? 2 : 0);
        ck_assert_msg(strstr(buf_text(&out), line) != NULL, "no %s", line);
    }
    buf_fini(&out);
}
END_TEST

/* `has` occurs behind the family's head. */
static void ck_family(const char *text, const char *name, const char *has)
{
    char head[128];
    snprintf(head, sizeof(head), "\n# TYPE %s ", name);
    const char *at = strstr(text, head);
    ck_assert_msg(at != NULL, "no %s", name);
    at = strchr(at + 1, '\n') + 1;
    ck_assert_msg(strncmp(at, has, strlen(has)) == 0, "%s is not %s but %.200s", name, has, at);
}

/* What is read from owners: one upstream has a token, the other has none. */
START_TEST(test_owners)
{
    const struct token_grant grant = {.type = "Bearer", .value = "v", .lifetime = 1800 * SECOND};
    const struct mono_time now = mono_now();
    struct buf out;

    ck_assert(keeper_restore(exposition.upstreams[1].keeper, &grant, now, now));
    buf_init(&out, EXPOSITION_MAX);
    readiness.ready = _i == 1;
    exposition_write(&exposition, &readiness, &out);
    const char *text = buf_text(&out);
    ck_family(text, "postcoded_ready", _i == 1 ? "postcoded_ready 1\n" : "postcoded_ready 0\n");
    ck_family(text, "postcoded_token_lifetime_seconds",
              "postcoded_token_lifetime_seconds{upstream=\"u\"} 0.000\n"
              "postcoded_token_lifetime_seconds{upstream=\"v\"} 1800.000\n");
    ck_family(text, "postcoded_token_budget",
              "postcoded_token_budget{upstream=\"u\"} 60\n"
              "postcoded_token_budget{upstream=\"v\"} 60\n");
    ck_family(text, "postcoded_token_budget_remaining",
              "postcoded_token_budget_remaining{upstream=\"u\"} 60\n"
              "postcoded_token_budget_remaining{upstream=\"v\"} 60\n");
    ck_family(text, "postcoded_token_state",
              "postcoded_token_state{upstream=\"u\",state=\"none\"} 1\n"
              "postcoded_token_state{upstream=\"u\",state=\"fetching\"} 0\n"
              "postcoded_token_state{upstream=\"u\",state=\"backing_off\"} 0\n"
              "postcoded_token_state{upstream=\"u\",state=\"budget_used_up\"} 0\n"
              "postcoded_token_state{upstream=\"u\",state=\"valid\"} 0\n"
              "postcoded_token_state{upstream=\"u\",state=\"renewing\"} 0\n"
              "postcoded_token_state{upstream=\"u\",state=\"overdue\"} 0\n"
              "postcoded_token_state{upstream=\"u\",state=\"in_doubt\"} 0\n"
              "postcoded_token_state{upstream=\"v\",state=\"none\"} 0\n");
    ck_assert_ptr_nonnull(strstr(text, "{upstream=\"v\",state=\"valid\"} 1\n"));
    ck_family(text, "postcoded_worker_busy_ratio",
              "postcoded_worker_busy_ratio{worker=\"0\"} 0.250\n"
              "postcoded_worker_busy_ratio{worker=\"1\"} 1.000\n# HELP");
    ck_family(text, "postcoded_reload_timestamp_seconds",
              "postcoded_reload_timestamp_seconds 1.750\n");
    ck_family(text, "postcoded_reload_success", "postcoded_reload_success 0\n");
    buf_fini(&out);
}
END_TEST

/* Both by name; nothing of an upstream that is gone. */
START_TEST(test_failovers)
{
    struct buf out;

    failover_count(4, 1, FAILOVER_STATUS);
    failover_count(4, 1, FAILOVER_STATUS);
    failover_count(1, 4, FAILOVER_HELD);
    failover_count(4, 7, FAILOVER_STATUS);
    failover_count(7, 1, FAILOVER_STATUS);
    buf_init(&out, EXPOSITION_MAX);
    exposition_write(&exposition, &readiness, &out);
    ck_family(buf_text(&out), "postcoded_upstream_failovers_total",
              "postcoded_upstream_failovers_total{from=\"u\",to=\"v\",reason=\"status\"} 2\n"
              "postcoded_upstream_failovers_total{from=\"v\",to=\"u\",reason=\"held\"} 1\n# HELP");
    buf_fini(&out);
}
END_TEST

/* What all workers know of an upstream; nothing of one for which there are no lookups. */
START_TEST(test_state)
{
    static struct upstream_state state;
    const struct mono_time now = mono_now();
    struct buf out;

    exposition.upstreams[1].state = &state;
    ck_assert(breaker_failed(&state.breaker, 1, false, now));
    hold_begin(&state.hold, "7", now, wall_now());
    atomic_store(&state.waiting, 12);
    buf_init(&out, EXPOSITION_MAX);
    exposition_write(&exposition, &readiness, &out);
    ck_family(buf_text(&out), "postcoded_upstream_ejected",
              "postcoded_upstream_ejected{upstream=\"v\"} 1\n# HELP");
    ck_family(buf_text(&out), "postcoded_upstream_held",
              "postcoded_upstream_held{upstream=\"v\"} 1\n# HELP");
    ck_family(buf_text(&out), "postcoded_upstream_rate_waiting",
              "postcoded_upstream_rate_waiting{upstream=\"v\"} 12\n# HELP");
    breaker_good(&state.breaker, MONO_NEVER);
    hold_begin(&state.hold, "0", now, wall_now());
    buf_reset(&out);
    exposition_write(&exposition, &readiness, &out);
    ck_family(buf_text(&out), "postcoded_upstream_ejected",
              "postcoded_upstream_ejected{upstream=\"v\"} 0\n# HELP");
    ck_family(buf_text(&out), "postcoded_upstream_held",
              "postcoded_upstream_held{upstream=\"v\"} 0\n# HELP");
    buf_fini(&out);
}
END_TEST

/* The built-in route has no name, and no series. */
START_TEST(test_routes)
{
    struct config_route routes[] = {{.name = "uk", .upstreams = {0, 1}, .upstream_count = 2},
                                    {.name = "islands", .upstreams = {1}, .upstream_count = 1}};
    const struct config config = {.routes = routes, .route_count = ARRAY_LEN(routes)};
    struct readiness one = {.ready = true, .count = 1, .reason_of = {0, 1}};
    struct buf out;

    one.reasons[0].upstream = "v";
    buf_init(&out, EXPOSITION_MAX);
    exposition_write(&exposition, &one, &out);
    ck_family(buf_text(&out), "postcoded_route_ready", "# HELP");
    buf_reset(&out);
    one.config = &config;
    exposition_write(&exposition, &one, &out);
    ck_family(buf_text(&out), "postcoded_route_ready",
              "postcoded_route_ready{route=\"uk\"} 1\n"
              "postcoded_route_ready{route=\"islands\"} 0\n# HELP");
    buf_fini(&out);
}
END_TEST

/* Of a fleet nothing is told without one, whatever was counted before a reload. */
START_TEST(test_no_fleet)
{
    struct buf out;

    metric_upstream_add(METRIC_FLEET_ASKS, 4, FLEET_ASK_YOURS, 3);
    metric_upstream_add(METRIC_TOKEN_REQUESTS, 4, 2, 3);
    metric_add(METRIC_FLEET_STORE_ERRORS, RESP_AUTH, 3);
    buf_init(&out, EXPOSITION_MAX);
    exposition_write(&exposition, &readiness, &out);
    ck_assert_ptr_null(strstr(buf_text(&out), "fleet"));
    ck_assert_ptr_null(strstr(buf_text(&out), "shared"));
    buf_fini(&out);
}
END_TEST

START_TEST(test_fleet)
{
    struct buf out;

    stub_follow(mono_now());
    exposition.fleet = &stub_fleet;
    for (size_t i = 0; i < exposition.upstream_count; i++)
        exposition.upstreams[i].fleet = &stub_fleet;
    metric_upstream_add(METRIC_FLEET_ASKS, 4, FLEET_ASK_YOURS, 3);
    metric_upstream_add(METRIC_FLEET_LEADS, 4, FLEET_LEAD_SPENT, 2);
    metric_upstream_add(METRIC_TOKEN_REQUESTS, 4, 2, 5);
    metric_add(METRIC_FLEET_STORE_ERRORS, RESP_AUTH, 3);
    metric_observe(METRIC_FLEET_STORE_DURATION, 2 * MILLISECOND);
    buf_init(&out, EXPOSITION_MAX);
    exposition_write(&exposition, &readiness, &out);
    const char *text = buf_text(&out);
    ck_family(text, "postcoded_fleet_state",
              "postcoded_fleet_state{upstream=\"u\",state=\"joining\"} 0\n"
              "postcoded_fleet_state{upstream=\"u\",state=\"following\"} 1\n"
              "postcoded_fleet_state{upstream=\"u\",state=\"leading\"} 0\n"
              "postcoded_fleet_state{upstream=\"u\",state=\"alone\"} 0\n"
              "postcoded_fleet_state{upstream=\"v\",state=\"joining\"} 0\n");
    ck_family(text, "postcoded_fleet_members",
              "postcoded_fleet_members{upstream=\"u\"} 5\n"
              "postcoded_fleet_members{upstream=\"v\"} 5\n# HELP");
    ck_family(text, "postcoded_fleet_asks_total",
              "postcoded_fleet_asks_total{upstream=\"u\",answer=\"newer\"} 0\n"
              "postcoded_fleet_asks_total{upstream=\"u\",answer=\"held\"} 0\n"
              "postcoded_fleet_asks_total{upstream=\"u\",answer=\"recent\"} 0\n"
              "postcoded_fleet_asks_total{upstream=\"u\",answer=\"wait\"} 0\n"
              "postcoded_fleet_asks_total{upstream=\"u\",answer=\"budget\"} 0\n"
              "postcoded_fleet_asks_total{upstream=\"u\",answer=\"yours\"} 3\n");
    ck_family(text, "postcoded_fleet_leads_total",
              "postcoded_fleet_leads_total{upstream=\"u\",result=\"granted\"} 0\n"
              "postcoded_fleet_leads_total{upstream=\"u\",result=\"failed\"} 0\n"
              "postcoded_fleet_leads_total{upstream=\"u\",result=\"spent\"} 2\n");
    ck_family(text, "postcoded_token_requests_total",
              "postcoded_token_requests_total{upstream=\"u\",result=\"success\"} 0\n"
              "postcoded_token_requests_total{upstream=\"u\",result=\"failure\"} 0\n"
              "postcoded_token_requests_total{upstream=\"u\",result=\"shared\"} 5\n");
    ck_family(text, "postcoded_fleet_store_errors_total",
              "postcoded_fleet_store_errors_total{kind=\"unreachable\"} 0\n"
              "postcoded_fleet_store_errors_total{kind=\"tls\"} 0\n"
              "postcoded_fleet_store_errors_total{kind=\"auth\"} 3\n");
    ck_assert_ptr_nonnull(strstr(text, "\npostcoded_fleet_store_duration_seconds_count 1\n"));
    ck_family(text, "postcoded_fleet_late_puts_total",
              "postcoded_fleet_late_puts_total{upstream=\"u\"} 0\n");
    /* An upstream may have no member yet. */
    stub_has_member = false;
    buf_reset(&out);
    exposition_write(&exposition, &readiness, &out);
    ck_family(buf_text(&out), "postcoded_fleet_state", "# HELP");
    buf_fini(&out);
}
END_TEST

/* Of a cache nothing is told without one, whatever was counted before a reload. */
START_TEST(test_no_cache)
{
    struct buf out;

    metric_add(METRIC_CACHE, CACHE_HIT, 3);
    metric_add(METRIC_CACHE_EVICTIONS, 0, 3);
    buf_init(&out, EXPOSITION_MAX);
    exposition_write(&exposition, &readiness, &out);
    ck_assert_ptr_null(strstr(buf_text(&out), "cache"));
    buf_fini(&out);
}
END_TEST

START_TEST(test_cache)
{
    static int some; /* nobody looks into it */
    struct buf out;

    exposition.cache = (struct cache *)&some;
    metric_add(METRIC_CACHE, CACHE_HIT, 30);
    metric_add(METRIC_CACHE, CACHE_JOINED, 2);
    metric_add(METRIC_CACHE_STALE_IF_ERROR, 0, 4);
    metric_add(METRIC_CACHE_ITEMS, 0, 7);
    metric_add(METRIC_CACHE_BYTES, 0, 1400);
    metric_add(METRIC_CACHE_EVICTIONS, 0, 5);
    buf_init(&out, EXPOSITION_MAX);
    exposition_write(&exposition, &readiness, &out);
    ck_family(buf_text(&out), "postcoded_cache_total",
              "postcoded_cache_total{result=\"hit\"} 30\n"
              "postcoded_cache_total{result=\"miss\"} 0\n"
              "postcoded_cache_total{result=\"stale\"} 0\n"
              "postcoded_cache_total{result=\"revalidated\"} 0\n"
              "postcoded_cache_total{result=\"bypass\"} 0\n"
              "postcoded_cache_total{result=\"joined\"} 2\n# HELP");
    ck_family(buf_text(&out), "postcoded_cache_stale_if_error_total",
              "postcoded_cache_stale_if_error_total 4\n");
    ck_family(buf_text(&out), "postcoded_cache_items", "postcoded_cache_items 7\n");
    ck_family(buf_text(&out), "postcoded_cache_bytes", "postcoded_cache_bytes 1400\n");
    ck_family(buf_text(&out), "postcoded_cache_evictions_total",
              "postcoded_cache_evictions_total 5\n");
    buf_fini(&out);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("exposition");
    TCase *tcase = tcase_create("exposition");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, test_upstreams);
    tcase_add_test(tcase, test_identity_reasons);
    tcase_add_loop_test(tcase, test_owners, 0, 2);
    tcase_add_test(tcase, test_failovers);
    tcase_add_test(tcase, test_state);
    tcase_add_test(tcase, test_routes);
    tcase_add_test(tcase, test_no_fleet);
    tcase_add_test(tcase, test_fleet);
    tcase_add_test(tcase, test_no_cache);
    tcase_add_test(tcase, test_cache);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
