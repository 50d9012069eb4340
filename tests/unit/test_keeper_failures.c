/* The keeper in false time: failures of the token endpoint, and tokens that are no gain. */
#include "keeper_world.h"

#include "base/check.h"
#include "base/log.h"
#include "suite.h"

/* Failures. */

START_TEST(down_while_the_token_is_good)
{
    struct world *world = world_new();

    world->random = UINT32_MAX / 2;
    world_start(world);
    world_run(world, MINUTE);
    world->must_have_token = true;
    world->endpoint = endpoint_down;
    world_run_until(world, mono_add(WORLD_START, HOUR - 11 * SECOND));
    ck_assert(world->view->failed);
    ck_assert_int_eq(world_status(world).state, KEEPER_OVERDUE);
    ck_assert_str_eq(world_status(world).last_error, "refused");
    ck_assert_uint_gt(world->requests, 8);
    ck_assert_uint_lt(world->requests, 20);
    ck_assert_uint_eq(world_status(world).charged_last_hour, 0);

    world->must_have_token = false;
    world_run(world, 5 * SECOND);
    ck_assert_ptr_null(world->view->token);
    ck_assert(world->view->failed);
    ck_assert(!world_status(world).ready);
    ck_assert_int_eq(evictions(EVICTED_EXPIRED), 1);

    world->endpoint = endpoint_fresh;
    world_run(world, MINUTE);
    ck_assert_uint_eq(world_generation(world), 2);
    ck_assert(!world->view->failed);
    ck_assert_ptr_null(world_status(world).last_error);
    world_free(world);
}
END_TEST

/* The waits: 1, 2, 4 ... 60 s with the greatest jitter, and from the beginning after a success. */
START_TEST(waits_double)
{
    static const int64_t waits[] = {1, 2, 4, 8, 16, 32, 60, 60};
    struct world *world = world_new();

    world->random = UINT32_MAX;
    world->endpoint = endpoint_down;
    world->latency = 0;
    world_start(world);
    world_run(world, 0);
    for (size_t i = 0; i < ARRAY_LEN(waits); i++) {
        ck_assert(world->view->failed);
        ck_assert_ptr_null(world->view->token);
        ck_assert_int_eq(mono_diff(world->view->retry_at, world->now), waits[i] * SECOND);
        ck_assert_int_eq(world_status(world).state, KEEPER_BACKOFF);
        world_run(world, waits[i] * SECOND);
        ck_assert_uint_eq(world->requests, i + 2);
    }
    world->endpoint = endpoint_fresh;
    world_run(world, MINUTE);
    ck_assert_int_eq(world_status(world).state, KEEPER_VALID);
    world->endpoint = endpoint_down;
    world_run(world, mono_diff(token_renew_at(world_token(world)), world->now));
    ck_assert_int_eq(mono_diff(world->view->retry_at, world->now), SECOND);
    world_free(world);
}
END_TEST

static const struct {
    world_endpoint *endpoint;
    int64_t retry_after, wait;
} floors[] = {
    {endpoint_broken, 0, 0},
    {endpoint_broken, 7 * SECOND, 7 * SECOND},
    {endpoint_broken, 24 * HOUR, HOUR},
    {endpoint_denying, 0, 60 * SECOND},
    {endpoint_denying, 30 * SECOND, 60 * SECOND},
    {endpoint_denying, 90 * SECOND, 90 * SECOND},
};

START_TEST(retry_after_is_a_floor)
{
    struct world *world = world_new();

    world->endpoint = floors[_i].endpoint;
    world->retry_after = floors[_i].retry_after;
    world->settings.prefetch = false;
    world_start(world);
    keeper_wanted(world->keeper, world->view->sequence, "g", world->now);
    world_run(world, SECOND);
    ck_assert_uint_eq(world->requests, 1);
    ck_assert_int_eq(mono_diff(world->view->retry_at, mono_add(world->made[0], world->latency)),
                     floors[_i].wait);
    world_free(world);
}
END_TEST

START_TEST(refused_credentials_wait_each_time)
{
    struct world *world = world_new();

    world->endpoint = endpoint_denying;
    world->latency = 0;
    world_start(world);
    world_run(world, 10 * MINUTE);
    ck_assert_uint_eq(world->requests, 11);
    ck_assert_str_eq(world_status(world).last_error, "responded with 401: invalid_client");
    world_free(world);
}
END_TEST

/* An answer that is a failure is repeated out of the budget, and not past it. */
START_TEST(failed_answers_are_charged)
{
    struct world *world = world_new();

    world->settings.budget = 5;
    world->endpoint = endpoint_broken;
    world->latency = 0; /* and no jitter: the greatest haste */
    world_start(world);
    world_run(world, 59 * MINUTE);
    ck_assert_uint_eq(world->requests, 1 + 5);
    ck_assert_uint_eq(world_status(world).charged_last_hour, 5);
    ck_assert_int_eq(world_status(world).state, KEEPER_EXHAUSTED);
    ck_assert(world->view->failed);
    ck_assert_int_eq(world->view->retry_at.ns, mono_add(WORLD_START, HOUR).ns);
    ck_assert_int_ge(metric_upstream_sum(METRIC_TOKEN_BUDGET_REFUSED, 0, 0), 1);
    world->endpoint = endpoint_denying; /* the first that is let through again */
    world_run(world, MINUTE + SECOND);
    ck_assert_uint_eq(world->requests, 1 + 5 + 1);
    ck_assert_int_eq(world_status(world).state, KEEPER_BACKOFF);
    world->endpoint = endpoint_fresh;
    world_run(world, 2 * MINUTE);
    ck_assert_uint_eq(world_generation(world), 1);
    ck_assert_int_eq(world_status(world).state, KEEPER_VALID);
    world_free(world);
}
END_TEST

static unsigned second_secrets;

/* Two secrets, and neither is known. */
static struct keeper_result endpoint_denying_both(struct world *world)
{
    second_secrets += keeper_may_repeat(world->keeper, "g", world->now);
    return endpoint_denying(world);
}

START_TEST(second_secrets_are_charged)
{
    struct world *world = world_new();

    second_secrets = 0;
    world->settings.budget = 5;
    world->endpoint = endpoint_denying_both;
    world_start(world);
    world_run(world, 59 * MINUTE);
    ck_assert_uint_eq(world->requests, 3);
    ck_assert_uint_eq(second_secrets, 3);
    ck_assert_uint_eq(world_status(world).charged_last_hour, 5);
    ck_assert_int_eq(world_status(world).state, KEEPER_EXHAUSTED);
    world_free(world);
}
END_TEST

START_TEST(no_budget_no_second_secret)
{
    struct world *world = world_new();

    second_secrets = 0;
    world->settings.budget = 0;
    world->endpoint = endpoint_denying_both;
    world_start(world);
    world_run(world, MINUTE);
    ck_assert_uint_eq(world->requests, 1);
    ck_assert_uint_eq(second_secrets, 0);
    ck_assert_int_ge(metric_upstream_sum(METRIC_TOKEN_BUDGET_REFUSED, 0, 0), 1);
    world_free(world);
}
END_TEST

START_TEST(unanswered_attempts_are_free)
{
    struct world *world = world_new();

    world->settings.budget = 0;
    world->random = UINT32_MAX / 2;
    world->endpoint = endpoint_down;
    world_start(world);
    world_run(world, 10 * MINUTE);
    ck_assert_uint_gt(world->requests, 10);
    world->endpoint = endpoint_fresh;
    world_run(world, MINUTE);
    world->must_have_token = true;
    world_run(world, 24 * HOUR);
    ck_assert_uint_eq(world_status(world).charged_last_hour, 0);
    world_free(world);
}
END_TEST

/* A budget of 0, and a failed answer: nothing more, until the budget is another. */
START_TEST(no_budget_no_repetition)
{
    struct world *world = world_new();

    world->settings.budget = 0;
    world->endpoint = endpoint_broken;
    world_start(world);
    world_run(world, 24 * HOUR);
    ck_assert_uint_eq(world->requests, 1);
    ck_assert(world->view->failed);
    ck_assert_int_eq(world->view->retry_at.ns, MONO_NEVER.ns);
    ck_assert_int_eq(world_status(world).next_request_in, -1);
    ck_assert_int_eq(world_status(world).state, KEEPER_EXHAUSTED);

    world->endpoint = endpoint_fresh;
    world->settings.budget = 1;
    keeper_reconfigure(world->keeper, &world->settings, false, world->now);
    world_run(world, SECOND);
    ck_assert_uint_eq(world_generation(world), 1);
    ck_assert_uint_eq(world_status(world).charged_last_hour, 1);
    world_free(world);
}
END_TEST

/* Dying tokens. */

/* 300 s tokens, cached by the endpoint to the last second: a few requests for each, none charged,
 * and the next token a second after the old one's end at the latest. */
START_TEST(an_endpoint_that_caches)
{
    struct world *world = world_new();

    world->endpoint = endpoint_cached;
    world->lifetime = 300 * SECOND;
    world->random = randoms[_i];
    world_start(world);
    world_run(world, 10 * HOUR);
    ck_assert_uint_ge(world->serial, 10 * 12 - 2);
    ck_assert_uint_le(world->requests, (size_t)world->serial * 70);
    ck_assert_int_eq(metric_upstream_sum(METRIC_TOKEN_REQUESTS, 0, 1), 0);
    ck_assert_uint_eq(world_status(world).charged_last_hour, 0);
    for (size_t i = 1; i < world->requests; i++)
        ck_assert_int_ge(mono_diff(world->made[i], world->made[i - 1]), SECOND);
    if (randoms[_i] == UINT32_MAX)
        ck_assert_uint_le(world->requests, (size_t)world->serial * 9);
    world_free(world);
}
END_TEST

static world_endpoint *const cached[] = {endpoint_cached, endpoint_cached_up};

/* The dates of a dying token are those of its first grant. */
START_TEST(a_dying_token_stays_as_it_was)
{
    struct world *world = world_new();

    world->endpoint = cached[_i];
    world->lifetime = 300 * SECOND;
    world_start(world);
    world_run(world, SECOND);
    struct mono_time unusable_at = token_unusable_at(world_token(world));
    world->must_have_token = true;
    world_run_until(world, mono_add(unusable_at, -1));
    ck_assert_uint_gt(world->requests, 3);
    ck_assert_uint_eq(world_generation(world), 1);
    ck_assert_int_eq(token_unusable_at(world_token(world)).ns, unusable_at.ns);
    ck_assert_int_eq(world_status(world).state, KEEPER_VALID);
    world->must_have_token = false;
    world_run(world, 1);
    ck_assert_uint_eq(world_generation(world), 0);
    ck_assert(world->view->failed);
    world_run(world, SECOND);
    ck_assert_int_eq(world_status(world).state, KEEPER_BACKOFF);
    world_run(world, 16 * SECOND);
    ck_assert_uint_eq(world_generation(world), 2);
    world_free(world);
}
END_TEST

/* Another value that ends when the old one does (a key that is rotated, say). */
static struct keeper_result endpoint_aligned(struct world *world)
{
    (void)endpoint_fresh(world);
    return world_grant(world, mono_diff(world->value_until, world->sent));
}

START_TEST(other_tokens_that_end_at_the_same_time)
{
    struct world *world = world_new();

    world->endpoint = endpoint_aligned;
    world->random = UINT32_MAX;
    world->value_until = mono_add(WORLD_START, HOUR);
    world_start(world);
    world_run(world, SECOND);
    world->must_have_token = true;
    world_run(world, HOUR - 3 * SECOND);
    ck_assert_uint_ge(world->requests, 4);
    ck_assert_uint_le(world->requests, 30);
    ck_assert_uint_eq(world_generation(world), world->requests);
    world_free(world);
}
END_TEST

/* The same value for longer is the same token with new dates, and no lookup sees a change. */
START_TEST(the_same_value_for_longer)
{
    struct world *world = world_new();

    world->endpoint = endpoint_same;
    world_start(world);
    world_run(world, SECOND);
    token_succeeded(world_token(world), 1, world->now);
    struct mono_time success = world->now;
    world->must_have_token = true;
    world_run(world, 55 * MINUTE);
    ck_assert_uint_eq(world->requests, 2);
    ck_assert_uint_eq(world_generation(world), 1);
    ck_assert_int_eq(token_last_success(world_token(world)).ns, success.ns);
    world_run(world, 10 * HOUR);
    ck_assert_uint_eq(world->requests, 1 + 605 / 55);
    ck_assert_int_eq(evictions(EVICTED_REPLACED) + evictions(EVICTED_EXPIRED), 0);
    world_free(world);
}
END_TEST

/* Tokens that have run out when they arrive: as good as none, with the waits of a failure. */
START_TEST(unusable_on_arrival)
{
    struct world *world = world_new();

    world->lifetime = MINUTE;
    world->random = UINT32_MAX;
    world_start(world);
    world_run(world, SECOND);
    world->lifetime = SECOND;
    world->latency = 2 * SECOND;
    world->must_have_token = true; /* the good one is not given up for one of these */
    world_run_until(world, mono_add(token_unusable_at(world_token(world)), -1));
    ck_assert_uint_ge(world->requests, 3);
    ck_assert_uint_eq(world_generation(world), 1);
    world->must_have_token = false;
    world_run(world, 10 * SECOND);
    ck_assert(world->view->failed);
    ck_assert_ptr_null(world->view->token);
    world_run(world, HOUR);
    ck_assert_uint_le(world->requests, 3600 / 62 + 10);
    ck_assert_int_eq(metric_upstream_sum(METRIC_TOKEN_REQUESTS, 0, 1), 0);
    ck_assert_ptr_nonnull(world_status(world).last_error);
    world_free(world);
}
END_TEST

static void add_failures(Suite *s)
{
    TCase *tc = tcase_create("failures");

    tcase_add_test(tc, down_while_the_token_is_good);
    tcase_add_test(tc, waits_double);
    tcase_add_loop_test(tc, retry_after_is_a_floor, 0, (int)ARRAY_LEN(floors));
    tcase_add_test(tc, refused_credentials_wait_each_time);
    tcase_add_test(tc, failed_answers_are_charged);
    tcase_add_test(tc, unanswered_attempts_are_free);
    tcase_add_test(tc, no_budget_no_repetition);
    tcase_add_test(tc, second_secrets_are_charged);
    tcase_add_test(tc, no_budget_no_second_secret);
    tcase_add_loop_test(tc, an_endpoint_that_caches, 0, (int)ARRAY_LEN(randoms));
    tcase_add_loop_test(tc, a_dying_token_stays_as_it_was, 0, (int)ARRAY_LEN(cached));
    tcase_add_test(tc, other_tokens_that_end_at_the_same_time);
    tcase_add_test(tc, the_same_value_for_longer);
    tcase_add_test(tc, unusable_on_arrival);
    suite_add_tcase(s, tc);
}

int main(void)
{
    Suite *s = suite_create("keeper failures");

    log_configure(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    add_failures(s);
    return run_suite(s);
}
