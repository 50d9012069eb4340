/* The keeper in false time: renewals, failures, dying tokens, reloads. 401s: test_keeper_rejected.
 */
#include "keeper_world.h"

#include "base/check.h"
#include "base/log.h"
#include "suite.h"

/* Renewals. */

START_TEST(a_day_of_short_tokens)
{
    struct world *world = world_new();

    world->lifetime = MINUTE; /* early at 48 s, unusable at 57 s */
    world->latency = 200 * MILLISECOND;
    world_start(world);
    world_run(world, 300 * MILLISECOND);
    world->must_have_token = true;
    world_run_until(world, mono_add(WORLD_START, 24 * HOUR - 1));

    ck_assert_uint_eq(world->requests, 24 * 3600 / 48);
    ck_assert_uint_eq(world_status(world).charged_last_hour, 0);
    ck_assert_uint_eq(world_status(world).requests_last_hour, 3600 / 48);
    ck_assert_int_eq(metric_upstream_sum(METRIC_TOKEN_REQUESTS, 0, 0), 24 * 3600 / 48);
    ck_assert_int_eq(metric_upstream_sum(METRIC_TOKEN_REQUESTS, 0, 1), 0);
    ck_assert_int_eq(metric_upstream_sum(METRIC_TOKEN_REQUEST_DURATION, 0, METRIC_HISTOGRAM_COUNT),
                     24 * 3600 / 48);
    ck_assert_int_eq(metric_upstream_sum(METRIC_TOKEN_REQUEST_DURATION, 0, METRIC_HISTOGRAM_SUM),
                     24 * 3600 / 48 * 200 * MILLISECOND);
    ck_assert_int_eq(evictions(EVICTED_REPLACED), 24 * 3600 / 48 - 1);
    ck_assert_int_eq(evictions(EVICTED_EXPIRED), 0);
    world_free(world);
}
END_TEST

START_TEST(jitter_delays_a_renewal)
{
    struct world *world = world_new();

    world->lifetime = 100 * SECOND;
    world->random = UINT32_MAX; /* early 18 s instead of 20 */
    world_start(world);
    world_run(world, 82 * SECOND - 1);
    ck_assert_uint_eq(world->requests, 1);
    world_run(world, 1);
    ck_assert_uint_eq(world->requests, 2);
    world_free(world);
}
END_TEST

START_TEST(four_second_tokens_from_a_slow_endpoint)
{
    struct world *world = world_new();

    world->lifetime = 4 * SECOND;
    world->latency = 400 * MILLISECOND;
    world->random = randoms[_i];
    world_start(world);
    world_run(world, 500 * MILLISECOND);
    world->must_have_token = true;
    for (struct mono_time end = mono_add(world->now, 10 * MINUTE); mono_before(world->now, end);)
        world_run(world, 7 * MILLISECOND);
    ck_assert_uint_le(world->requests, 600 * 10 / 32 + 1);
    world_free(world);
}
END_TEST

START_TEST(one_second_tokens_do_not_storm)
{
    struct world *world = world_new();

    world->lifetime = SECOND;
    world->latency = MILLISECOND;
    world_start(world);
    world_run(world, HOUR);
    ck_assert_uint_gt(world->requests, 3000);
    for (size_t i = 1; i < world->requests; i++)
        ck_assert_int_ge(mono_diff(world->made[i], world->made[i - 1]), SECOND);
    world_free(world);
}
END_TEST

/* No margin configured: it cannot be renewed ahead, but there is another as soon as it is gone. */
START_TEST(without_a_margin)
{
    struct world *world = world_new();

    world->settings.early_expiry = 0;
    world_start(world);
    world_run(world, HOUR - 10 * SECOND - 1);
    ck_assert_uint_eq(world->requests, 1);
    world_run(world, 1);
    ck_assert_uint_eq(world->requests, 2);
    world_free(world);
}
END_TEST

/* A machine that slept: everything is late, and sorted out by one tick. */
START_TEST(after_a_sleep)
{
    struct world *world = world_new();

    world_start(world);
    world_run(world, SECOND);
    world->now = mono_add(world->now, 10 * HOUR);
    keeper_tick(world->keeper, world->now);
    ck_assert_ptr_null(world->view->token);
    ck_assert(!world->view->failed);
    ck_assert_uint_eq(world->requests, 2);
    ck_assert_int_eq(evictions(EVICTED_EXPIRED), 1);
    world_run(world, SECOND);
    ck_assert_uint_eq(world_generation(world), 2);
    world_free(world);
}
END_TEST

/* A token that is there when the keeper starts. */
START_TEST(restored)
{
    struct world *world = world_new();
    struct token_grant grant = {.type = "Bearer", .value = "old", .lifetime = HOUR};
    struct mono_time requested = mono_add(WORLD_START, -10 * MINUTE);

    world_make(world);
    ck_assert(!keeper_restore(world->keeper, &grant, mono_add(WORLD_START, -HOUR), WORLD_START));
    ck_assert(keeper_restore(world->keeper, &grant, requested, WORLD_START));
    keeper_start(world->keeper, world->now);
    ck_assert_uint_eq(world->requests, 0);
    ck_assert_str_eq(token_authorization(world_token(world)), "Bearer old");
    world_run(world, 45 * MINUTE - 1);
    ck_assert_uint_eq(world->requests, 0);
    world_run(world, SECOND);
    ck_assert_uint_eq(world->requests, 1);
    ck_assert_uint_eq(world_generation(world), 2);
    world_free(world);
}
END_TEST

/* Prefetch off. */

START_TEST(without_prefetch_a_lookup_asks)
{
    struct world *world = world_new();

    world->settings.prefetch = false;
    world_start(world);
    ck_assert_int_eq(world_status(world).state, KEEPER_NONE);
    ck_assert(world_status(world).ready);
    world_run(world, HOUR);
    ck_assert_uint_eq(world->requests, 0);

    keeper_wanted(world->keeper, world->view->sequence, "first", world->now);
    keeper_wanted(world->keeper, world->view->sequence, "second", world->now);
    ck_assert_uint_eq(world->requests, 1);
    ck_assert_str_eq(world->guid, "first");
    world_run(world, SECOND);
    ck_assert_uint_eq(world_generation(world), 1);

    /* It is not renewed for nobody, and leaves when it has expired. */
    world_run(world, HOUR);
    ck_assert_uint_eq(world->requests, 1);
    ck_assert_ptr_null(world->view->token);
    ck_assert_ptr_null(keeper_token(world->keeper, world->now));
    ck_assert_int_eq(evictions(EVICTED_EXPIRED), 1);
    ck_assert_int_eq(world->wake.ns, MONO_NEVER.ns);
    world_free(world);
}
END_TEST

START_TEST(without_prefetch_a_used_token_is_renewed)
{
    struct world *world = world_new();

    world->settings.prefetch = false;
    world_start(world);
    keeper_wanted(world->keeper, world->view->sequence, "g", world->now);
    world_run(world, 56 * MINUTE);
    world->must_have_token = true;
    keeper_wanted(world->keeper, world->view->sequence, "early", world->now);
    ck_assert_uint_eq(world->requests, 2);
    ck_assert_int_eq(world_status(world).state, KEEPER_RENEWING);
    world_run(world, SECOND);
    ck_assert_uint_eq(world_generation(world), 2);
    world_free(world);
}
END_TEST

/* A worker whose clock is ahead finds a token early that is not yet: it is renewed when it is. */
START_TEST(wanted_before_it_is_early)
{
    struct world *world = world_new();

    world->settings.prefetch = false;
    world_start(world);
    keeper_wanted(world->keeper, world->view->sequence, "g", world->now);
    world_run_until(world, mono_add(WORLD_START, 55 * MINUTE - 1));
    keeper_wanted(world->keeper, world->view->sequence, "g", world->now);
    ck_assert_uint_eq(world->requests, 1);
    world_run(world, 1);
    ck_assert_uint_eq(world->requests, 2);
    world_free(world);
}
END_TEST

START_TEST(without_prefetch_a_failure_waits_for_a_lookup)
{
    struct world *world = world_new();

    world->settings.prefetch = false;
    world->random = UINT32_MAX;
    world->endpoint = endpoint_down;
    world_start(world);
    uint64_t first = world->view->sequence;
    keeper_wanted(world->keeper, first, "g", world->now);
    world_run(world, 10 * MINUTE);
    ck_assert_uint_eq(world->requests, 1);
    ck_assert(world->view->failed);
    ck_assert(mono_before(world->view->retry_at, world->now));

    keeper_wanted(world->keeper, first, "stale", world->now);
    ck_assert_uint_eq(world->requests, 1);
    keeper_wanted(world->keeper, world->view->sequence, "again", world->now);
    ck_assert_uint_eq(world->requests, 2);
    world_free(world);
}
END_TEST

/*
 * Not ready while lookups are turned away; then the next one asks, and a load balancer has to send
 * one, for nobody else would.
 */
START_TEST(without_prefetch_a_failure_is_over_with_its_wait)
{
    struct world *world = world_new();

    world->settings.prefetch = false;
    world->random = UINT32_MAX;
    world->endpoint = endpoint_down;
    world_start(world);
    world_run(world, MINUTE);
    ck_assert(world_status(world).ready);
    keeper_wanted(world->keeper, world->view->sequence, "g", world->now);
    ck_assert(world_status(world).ready);
    world_run(world, world->latency);
    const struct mono_time failed = world->now;
    ck_assert(!world_status(world).ready);
    ck_assert_int_eq(world_status(world).lacking_since.ns, failed.ns);
    world_run(world, SECOND - 1);
    ck_assert(!world_status(world).ready);
    world_run(world, 1);
    ck_assert(world_status(world).ready);
    ck_assert_int_eq(world_status(world).next_request_in, -1);
    /* What the next one comes to is not known before it has: the last one failed. */
    keeper_wanted(world->keeper, world->view->sequence, "g", world->now);
    ck_assert(!world_status(world).ready);
    ck_assert_int_eq(world_status(world).lacking_since.ns, failed.ns);
    world->endpoint = endpoint_fresh;
    world_run(world, world->latency);
    ck_assert(world_status(world).ready);
    world_free(world);
}
END_TEST

/* It is nobody's wait that ends: none is asked for until an hour has room, or for ever. */
START_TEST(without_prefetch_a_used_up_budget)
{
    struct world *world = world_new();

    world->settings.prefetch = false;
    world->settings.budget = 0;
    world_start(world);
    keeper_wanted(world->keeper, world->view->sequence, "g", world->now);
    world_run(world, SECOND);
    keeper_forget(world->keeper, world->now);
    ck_assert(world_status(world).ready);
    keeper_wanted(world->keeper, world->view->sequence, "g", world->now);
    ck_assert_uint_eq(world->requests, 1);
    world_run(world, 24 * HOUR);
    ck_assert(!world_status(world).ready);
    ck_assert_int_eq(world_status(world).state, KEEPER_EXHAUSTED);
    world_free(world);
}
END_TEST

/* A worker whose clock is a little ahead asks before the keeper's wait is over: it is served then.
 */
START_TEST(asked_too_soon)
{
    struct world *world = world_new();

    world->settings.prefetch = false;
    world->random = UINT32_MAX;
    world->endpoint = endpoint_down;
    world_start(world);
    keeper_wanted(world->keeper, world->view->sequence, "g", world->now);
    world_run(world, world->latency);
    world->endpoint = endpoint_fresh;
    keeper_wanted(world->keeper, world->view->sequence, "g", world->now);
    ck_assert_uint_eq(world->requests, 1);
    world_run(world, SECOND);
    ck_assert_uint_eq(world->requests, 2);
    world_run(world, SECOND);
    ck_assert_uint_eq(world_generation(world), 1);
    world_free(world);
}
END_TEST

/* Reloads. */

START_TEST(a_reload_keeps_the_token)
{
    struct world *world = world_new();

    world_start(world);
    world_run(world, MINUTE);
    keeper_reconfigure(world->keeper, &world->settings, false, world->now);
    ck_assert_uint_eq(world_generation(world), 1);
    ck_assert_uint_eq(world->requests, 1);
    world_free(world);
}
END_TEST

START_TEST(other_credentials_drop_it)
{
    struct world *world = world_new();

    world_start(world);
    world_run(world, MINUTE);
    keeper_reconfigure(world->keeper, &world->settings, true, world->now);
    ck_assert_ptr_null(world->view->token);
    ck_assert(!world->view->failed);
    ck_assert_uint_eq(world->requests, 2);
    world_run(world, SECOND);
    ck_assert_uint_eq(world_generation(world), 2);
    ck_assert_uint_eq(world_status(world).charged_last_hour, 0);
    world_free(world);
}
END_TEST

START_TEST(other_credentials_start_afresh)
{
    struct world *world = world_new();

    world->settings.budget = 0;
    world->endpoint = endpoint_denying;
    world_start(world);
    world_run(world, SECOND);
    ck_assert(world->view->failed);
    world->endpoint = endpoint_fresh;
    keeper_reconfigure(world->keeper, &world->settings, true, world->now);
    ck_assert(!world->view->failed);
    world_run(world, SECOND);
    ck_assert_uint_eq(world_generation(world), 1);
    ck_assert_uint_eq(world->requests, 2);
    world_free(world);
}
END_TEST

START_TEST(a_reload_makes_a_lost_request_again)
{
    struct world *world = world_new();

    world->settings.prefetch = false;
    world_start(world);
    keeper_wanted(world->keeper, world->view->sequence, "who-asked", world->now);
    world->pending = false; /* the caller has dropped it */
    world->guid[0] = '\0';
    keeper_reconfigure(world->keeper, &world->settings, false, world->now);
    ck_assert_uint_eq(world->requests, 2);
    ck_assert_str_eq(world->guid, "who-asked");
    world_run(world, SECOND);
    ck_assert_uint_eq(world_generation(world), 1);
    world_free(world);
}
END_TEST

START_TEST(a_reload_ends_a_wait)
{
    struct world *world = world_new();

    world->endpoint = endpoint_down;
    world->random = UINT32_MAX;
    world_start(world);
    world_run(world, 30 * SECOND);
    world->endpoint = endpoint_fresh;
    keeper_reconfigure(world->keeper, &world->settings, false, world->now);
    ck_assert(world->pending);
    world_run(world, SECOND);
    ck_assert_uint_eq(world_generation(world), 1);
    world_free(world);
}
END_TEST

START_TEST(prefetch_switched_on)
{
    struct world *world = world_new();

    world->settings.prefetch = false;
    world_start(world);
    world->settings.prefetch = true;
    keeper_reconfigure(world->keeper, &world->settings, false, world->now);
    ck_assert_uint_eq(world->requests, 1);
    world_free(world);
}
END_TEST

/* What is told. */

START_TEST(status_of_a_valid_token)
{
    struct world *world = world_new();

    world_start(world);
    ck_assert_int_eq(world_status(world).state, KEEPER_FETCHING);
    ck_assert(!world_status(world).ready);
    world_run(world, MINUTE);
    struct keeper_status status = world_status(world);
    ck_assert_int_eq(status.state, KEEPER_VALID);
    ck_assert_str_eq(status.state_name, "valid");
    ck_assert(status.ready);
    ck_assert_uint_eq(status.generation, 1);
    ck_assert_uint_eq(strlen(status.fingerprint), 8);
    ck_assert_int_eq(status.age, MINUTE);
    ck_assert_int_eq(status.lifetime, HOUR);
    ck_assert_int_eq(status.refresh_window, 5 * MINUTE);
    ck_assert_int_eq(status.expires_in, 59 * MINUTE);
    ck_assert_int_eq(status.next_request_in, 54 * MINUTE);
    ck_assert_uint_eq(status.requests_last_hour, 1);
    ck_assert_uint_eq(status.charged_last_hour, 0);
    ck_assert_ptr_null(status.last_error);
    world_free(world);
}
END_TEST

static size_t occurrences(const char *text, const char *what)
{
    size_t count = 0;

    for (; (text = strstr(text, what)) != NULL; text += strlen(what))
        count++;
    return count;
}

/* Everything that was logged since log_start. */
static const char *logged(FILE *file)
{
    static char text[1 << 20];

    log_stop();
    rewind(file);
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    return text;
}

START_TEST(logs_once_and_no_token)
{
    struct world *world = world_new();
    FILE *file = tmpfile();

    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(log_start(fileno(file)), ERR_OK);
    log_configure(LOG_LEVEL_DEBUG, LOG_FORMAT_TEXT);
    world->lifetime = 299 * SECOND;
    world_start(world);
    world_run(world, HOUR);
    keeper_reconfigure(world->keeper, &world->settings, false, world->now);
    world_run(world, HOUR);
    world->settings.early_expiry = 2 * MINUTE;
    keeper_reconfigure(world->keeper, &world->settings, false, world->now);
    world_run(world, HOUR);
    world->endpoint = endpoint_cached;
    world_run(world, 530 * SECOND);
    world->endpoint = endpoint_broken;
    world->random = UINT32_MAX / 2; /* 30 s each: the budget lasts half an hour */
    world_run(world, 50 * MINUTE);
    ck_assert(!keeper_refresh(world->keeper, world->now));
    world->endpoint = endpoint_fresh;
    world_run(world, 10 * HOUR);
    (void)world_refused(world, 0);
    world_run(world, SECOND);
    (void)world_refused(world, 0);
    keeper_forget(world->keeper, world->now);
    world_run(world, SECOND);
    world_free(world);

    const char *text = logged(file);
    ck_assert_uint_eq(occurrences(text, "20 % is used"), 2);
    ck_assert_uint_eq(occurrences(text, "expires no later"), 1);
    ck_assert_uint_ge(occurrences(text, "token obtained"), 20);
    ck_assert_uint_ge(occurrences(text, "answered 500"), 2);
    ck_assert_uint_eq(occurrences(text, "has recovered"), 1);
    ck_assert_uint_eq(occurrences(text, "budget of token requests is used up"), 1);
    ck_assert_uint_eq(occurrences(text, "it is suspect"), 1);
    ck_assert_uint_eq(occurrences(text, "GUID: guid-of-401 - the upstream rejected the token"), 1);
    ck_assert_uint_eq(occurrences(text, "value-"), 0);
    fclose(file);
}
END_TEST

static void add_renewals(Suite *s)
{
    TCase *tc = tcase_create("renewals");

    tcase_add_test(tc, a_day_of_short_tokens);
    tcase_add_test(tc, jitter_delays_a_renewal);
    tcase_add_loop_test(tc, four_second_tokens_from_a_slow_endpoint, 0, (int)ARRAY_LEN(randoms));
    tcase_add_test(tc, one_second_tokens_do_not_storm);
    tcase_add_test(tc, without_a_margin);
    tcase_add_test(tc, after_a_sleep);
    tcase_add_test(tc, restored);
    suite_add_tcase(s, tc);
}

static void add_settings(Suite *s)
{
    TCase *tc = tcase_create("settings");

    tcase_add_test(tc, without_prefetch_a_lookup_asks);
    tcase_add_test(tc, without_prefetch_a_used_token_is_renewed);
    tcase_add_test(tc, wanted_before_it_is_early);
    tcase_add_test(tc, without_prefetch_a_failure_waits_for_a_lookup);
    tcase_add_test(tc, without_prefetch_a_failure_is_over_with_its_wait);
    tcase_add_test(tc, without_prefetch_a_used_up_budget);
    tcase_add_test(tc, asked_too_soon);
    tcase_add_test(tc, a_reload_keeps_the_token);
    tcase_add_test(tc, other_credentials_drop_it);
    tcase_add_test(tc, other_credentials_start_afresh);
    tcase_add_test(tc, a_reload_makes_a_lost_request_again);
    tcase_add_test(tc, a_reload_ends_a_wait);
    tcase_add_test(tc, prefetch_switched_on);
    tcase_add_test(tc, status_of_a_valid_token);
    tcase_add_test(tc, logs_once_and_no_token);
    suite_add_tcase(s, tc);
}

int main(void)
{
    Suite *s = suite_create("keeper");

    log_configure(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    add_renewals(s);
    add_settings(s);
    return run_suite(s);
}
