/* front/exposition.h: two upstreams beside each other. */
#include "front/exposition.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "suite.h"

static struct store *store;
static struct exposition exposition;

static uint32_t port_random(void *arg)
{
    (void)arg;
    return 0;
}

static struct keeper *keeper_of(const char *name, size_t index)
{
    const struct keeper_settings settings = {
        .upstream = name, .index = index, .store_key = name, .workers = 1};
    const struct keeper_ports ports = {.random = port_random};

    return keeper_new(&settings, &ports, store);
}

static void setup(void)
{
    store = store_new(2);
    exposition = (struct exposition){
        .upstreams = {{"u", 4, keeper_of("u", 4)}, {"v", 1, keeper_of("v", 1)}},
        .upstream_count = 2,
        .store = store,
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
    metric_add(METRIC_CONNECTIONS, 0, 3);
    buf_init(&out, EXPOSITION_MAX);
    exposition_write(&exposition, &out);
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
    exposition_write(&exposition, &out);
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
        char line[128];
        snprintf(line, sizeof(line), "\npostcoded_identity_rejected_total{reason=\"%s\"} %d\n",
                 reasons[i], i == 3 ? 2 : 0);
        ck_assert_msg(strstr(buf_text(&out), line) != NULL, "no %s", line);
    }
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
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
