/* The keeper in false time: 401s, doubt, and what the budget has to do with them. */
#include "keeper_world.h"

#include "base/check.h"
#include "base/log.h"
#include "suite.h"

START_TEST(a_401_replaces_the_token)
{
    struct world *world = world_with_token();

    ck_assert_int_eq(world_refused(world, SECOND), KEEPER_REPLACING);
    ck_assert_uint_eq(world->requests, 2);
    ck_assert_str_eq(world->guid, "guid-of-401");
    /* Meanwhile lookups go on with it. */
    ck_assert_uint_eq(world_generation(world), 1);
    ck_assert_int_eq(world_status(world).state, KEEPER_RENEWING);
    uint64_t answered = world->view->answered;
    world_run(world, SECOND);
    ck_assert_uint_eq(world_generation(world), 2);
    ck_assert_uint_eq(world->view->answered, answered + 1);
    ck_assert_int_eq(world->view->suspect_until.ns, 0);
    ck_assert_uint_eq(world_status(world).charged_last_hour, 1);
    ck_assert(world_status(world).replacement);
    ck_assert_int_eq(evictions(EVICTED_REJECTED), 1);
    /* And on with renewals. */
    world_run(world, 24 * HOUR);
    ck_assert_int_eq(evictions(EVICTED_REJECTED), 1);
    ck_assert_int_eq(evictions(EVICTED_REPLACED), 1);
    ck_assert_uint_eq(world_status(world).charged_last_hour, 0);
    ck_assert(!world_status(world).replacement);
    world_free(world);
}
END_TEST

START_TEST(three_hundred_401s_make_one_request)
{
    struct world *world = world_with_token();

    for (int i = 0; i < 300; i++)
        ck_assert_int_eq(world_refused(world, i * MILLISECOND), KEEPER_REPLACING);
    world_run(world, SECOND);
    ck_assert_uint_eq(world->requests, 2);
    ck_assert_uint_eq(world_generation(world), 2);
    world_free(world);
}
END_TEST

START_TEST(a_late_401_spares_the_successor)
{
    struct world *world = world_with_token();
    struct mono_time sent = world->now, succeeded_at = {.ns = 17};

    (void)world_refused(world, 0);
    world_run(world, SECOND);
    ck_assert_int_eq(keeper_rejected(world->keeper, 1, sent, "g", world->now, &succeeded_at),
                     KEEPER_SUCCESSOR);
    ck_assert_int_eq(succeeded_at.ns, 0);
    ck_assert_uint_eq(world->requests, 2);
    ck_assert_uint_eq(world_generation(world), 2);
    world_free(world);
}
END_TEST

/* A 401 for a token that has run out meanwhile: the view without it is there before the verdict. */
START_TEST(a_401_for_a_token_that_ran_out)
{
    struct world *world = world_with_token();
    struct mono_time succeeded_at;

    world->endpoint = endpoint_down;
    world->now = mono_add(world->now, 25 * HOUR);
    ck_assert_int_eq(keeper_rejected(world->keeper, 1, WORLD_START, "g", world->now, &succeeded_at),
                     KEEPER_SUCCESSOR);
    ck_assert_ptr_null(world->view->token);
    ck_assert_uint_eq(world->requests, 2);
    ck_assert_uint_eq(world_status(world).charged_last_hour, 0);
    world_free(world);
}
END_TEST

START_TEST(a_success_since_then_saves_the_token)
{
    struct world *world = world_with_token();
    struct mono_time succeeded_at, success = world->now;

    token_succeeded(world_token(world), 1, success);
    ck_assert_int_eq(
        keeper_rejected(world->keeper, 1, mono_add(success, -1), "g", world->now, &succeeded_at),
        KEEPER_STAYS);
    ck_assert_int_eq(succeeded_at.ns, success.ns);
    ck_assert_uint_eq(world->requests, 1);
    /* Sent at the same time or later: the success says nothing. */
    ck_assert_int_eq(keeper_rejected(world->keeper, 1, success, "g", world->now, &succeeded_at),
                     KEEPER_REPLACING);
    ck_assert_int_eq(succeeded_at.ns, success.ns);
    world_free(world);
}
END_TEST

START_TEST(doubt_after_a_replacement)
{
    struct world *world = world_with_token();
    struct mono_time began = world->now;

    (void)world_refused(world, 0);
    world_run(world, SECOND);
    ck_assert_int_eq(world_refused(world, 0), KEEPER_KEPT_SUSPECT);
    ck_assert_int_eq(world->view->suspect_until.ns, mono_add(began, 30 * SECOND).ns);
    ck_assert_uint_eq(world_generation(world), 2);
    ck_assert_int_eq(world_status(world).state, KEEPER_SUSPECT);
    unsigned views = world->views;
    ck_assert_int_eq(world_refused(world, 0), KEEPER_KEPT_SUSPECT);
    ck_assert_uint_eq(world->views, views);

    world_run_until(world, mono_add(began, 30 * SECOND - 1));
    ck_assert_int_eq(world_refused(world, 0), KEEPER_KEPT_SUSPECT);
    ck_assert_uint_eq(world->requests, 2);
    world_run(world, 1);
    ck_assert_int_eq(world_status(world).state, KEEPER_VALID);
    ck_assert_int_eq(world_refused(world, 0), KEEPER_REPLACING);
    world_free(world);
}
END_TEST

/* Two revocations within 30 s: the second token was good, so the next one is worth waiting for. */
START_TEST(revoked_again_before_the_next_is_asked_for)
{
    struct world *world = world_with_token();
    struct mono_time began = world->now;

    (void)world_refused(world, 0);
    world_run(world, SECOND);
    token_succeeded(world_token(world), 1, mono_add(began, SECOND));
    ck_assert_int_eq(world_status(world).cause.kind, TOKEN_CAUSE_NONE);
    world_run(world, 15 * SECOND);
    ck_assert_int_eq(world_refused(world, 0), KEEPER_KEPT_SUSPECT);
    ck_assert_int_eq(world->view->cause.kind, TOKEN_CAUSE_PACED);
    ck_assert_int_eq(world_status(world).cause.kind, TOKEN_CAUSE_PACED);
    ck_assert_int_eq(world_status(world).next_request_in, 14 * SECOND);
    world_run(world, 14 * SECOND);
    ck_assert_int_eq(world_status(world).cause.kind, TOKEN_CAUSE_NONE);
    ck_assert_int_eq(world_refused(world, 0), KEEPER_REPLACING);
    world_free(world);
}
END_TEST

/* One that never was good: another is asked for as late, but that is not what the caller is told.
 */
START_TEST(rejected_from_the_first)
{
    struct world *world = world_with_token();

    (void)world_refused(world, 0);
    world_run(world, SECOND);
    ck_assert_int_eq(world_refused(world, 0), KEEPER_KEPT_SUSPECT);
    ck_assert_int_eq(world->view->cause.kind, TOKEN_CAUSE_NONE);
    ck_assert_int_eq(world_status(world).next_request_in, 29 * SECOND);
    world_free(world);
}
END_TEST

START_TEST(a_success_ends_the_doubt_not_the_limit)
{
    struct world *world = world_with_token();

    (void)world_refused(world, 0);
    world_run(world, SECOND);
    (void)world_refused(world, 0);
    keeper_succeeded(world->keeper, 1, world->now);
    ck_assert_int_ne(world->view->suspect_until.ns, 0);
    keeper_succeeded(world->keeper, 2, world->now);
    ck_assert_int_eq(world->view->suspect_until.ns, 0);
    ck_assert_int_eq(world_status(world).state, KEEPER_VALID);
    unsigned views = world->views;
    ck_assert_int_eq(world_refused(world, 0), KEEPER_KEPT_SUSPECT);
    ck_assert_uint_eq(world->views, views); /* no second doubt */
    ck_assert_uint_eq(world->requests, 2);
    world_run(world, 30 * SECOND);
    ck_assert_int_eq(world_refused(world, 0), KEEPER_REPLACING);
    world_free(world);
}
END_TEST

START_TEST(the_same_value_again_is_in_doubt)
{
    struct world *world = world_new();

    world->lifetime = 24 * HOUR;
    world->endpoint = endpoint_same;
    world_start(world);
    world_run(world, MINUTE);
    struct mono_time began = world->now;
    ck_assert_int_eq(world_refused(world, 0), KEEPER_REPLACING);
    world_run(world, SECOND);
    ck_assert_uint_eq(world_generation(world), 1);
    ck_assert(!world->view->failed);
    ck_assert_int_eq(world->view->suspect_until.ns, mono_add(began, 30 * SECOND).ns);
    ck_assert_int_eq(evictions(EVICTED_REJECTED), 0);
    /* And once more, though a success ended that doubt. */
    keeper_succeeded(world->keeper, 1, world->now);
    world_run(world, 30 * SECOND);
    began = world->now;
    ck_assert_int_eq(world_refused(world, 0), KEEPER_REPLACING);
    world_run(world, SECOND);
    ck_assert_int_eq(world->view->suspect_until.ns, mono_add(began, 30 * SECOND).ns);
    world_free(world);
}
END_TEST

/* The refused token's successor may end sooner: it is taken, and there is no backing off. */
START_TEST(a_successor_may_live_shorter)
{
    struct world *world = world_with_token();

    world->lifetime = HOUR;
    (void)world_refused(world, 0);
    world_run(world, SECOND);
    ck_assert_uint_eq(world_generation(world), 2);
    ck_assert_int_eq(world->keeper->standing, STANDING_FINE);
    world_run(world, 54 * MINUTE);
    ck_assert_uint_eq(world->requests, 2);
    world_free(world);
}
END_TEST

START_TEST(a_replacement_that_fails)
{
    struct world *world = world_with_token();
    struct mono_time began = world->now;

    world->random = UINT32_MAX;
    world->endpoint = endpoint_broken;
    world->retry_after = 40 * SECOND;
    (void)world_refused(world, 0);
    world_run(world, SECOND);
    ck_assert(world->view->failed);
    ck_assert_int_eq(world->view->suspect_until.ns, 0);
    ck_assert_uint_eq(world_generation(world), 1);
    ck_assert_int_eq(mono_diff(world->view->retry_at, began), world->latency + 40 * SECOND);

    ck_assert_int_eq(world_refused(world, 0), KEEPER_KEPT_SUSPECT);
    world_run_until(world, mono_add(began, 31 * SECOND));
    ck_assert_int_eq(world_refused(world, 0), KEEPER_BACKING_OFF);
    ck_assert_uint_eq(world->requests, 2);

    /* It is tried again, and then the refused token goes. */
    world->endpoint = endpoint_fresh;
    world_run(world, 10 * SECOND);
    ck_assert_uint_eq(world->requests, 3);
    ck_assert_uint_eq(world_generation(world), 2);
    ck_assert_uint_eq(world_status(world).charged_last_hour, 2);
    world_free(world);
}
END_TEST

/* A renewal that is under way when a 401 comes is waited for, and counts as a replacement. */
START_TEST(a_401_joins_a_renewal)
{
    struct world *world = world_with_token();

    world->latency = SECOND;
    world_run_until(world, token_renew_at(world_token(world)));
    ck_assert(world->pending);
    ck_assert_int_eq(world_refused(world, 0), KEEPER_REPLACING);
    world_run(world, 2 * SECOND);
    ck_assert_uint_eq(world->requests, 2);
    ck_assert_uint_eq(world_generation(world), 2);
    ck_assert_uint_eq(world_status(world).charged_last_hour, 0);
    ck_assert_int_eq(evictions(EVICTED_REJECTED), 1);
    ck_assert_int_eq(world_refused(world, 0), KEEPER_KEPT_SUSPECT);
    world_free(world);
}
END_TEST

/* A lookup every 100 ms, each refused, for an hour: as the sources do it. */
static void refuse_everything(struct world *world, int64_t duration)
{
    struct mono_time end = mono_add(world->now, duration);

    while (mono_before(world->now, end)) {
        if (!mono_before(world->now, world->view->suspect_until))
            (void)world_refused(world, 50 * MILLISECOND);
        world_run(world, 100 * MILLISECOND);
    }
}

static const int64_t budgets[] = {0, 1, 60, 1000};

START_TEST(an_hour_of_401s)
{
    struct world *world = world_new();
    int64_t budget = budgets[_i];

    world->settings.budget = budget;
    world->lifetime = 24 * HOUR;
    world_start(world);
    world_run(world, SECOND);
    world->must_have_token = true;
    refuse_everything(world, HOUR - MINUTE);
    ck_assert_uint_le(world->requests, 1 + (size_t)(budget < 120 ? budget : 120));
    ck_assert_uint_ge(world->requests, 1 + (size_t)(budget < 115 ? budget : 115));
    for (size_t i = 2; i < world->requests; i++)
        ck_assert_int_ge(mono_diff(world->made[i], world->made[i - 1]), 30 * SECOND);
    ck_assert_uint_le(world->views, world->requests + 260);
    /* Ten more hours: never over the budget in any of them. */
    refuse_everything(world, 10 * HOUR);
    for (size_t i = (size_t)budget + 1; i < world->requests; i++)
        ck_assert_int_ge(mono_diff(world->made[i], world->made[i - (size_t)budget]), HOUR);
    world_free(world);
}
END_TEST

/* One postcode that is always refused, among many that are not. */
START_TEST(one_bad_postcode)
{
    struct world *world = world_with_token();

    world->must_have_token = true;
    for (int i = 0; i < 36000; i++) {
        world_run(world, 50 * MILLISECOND);
        token_succeeded(world_token(world), (size_t)i % 2, mono_add(world->now, -SECOND / 100));
        world_run(world, 50 * MILLISECOND);
        ck_assert_int_eq(world_refused(world, 80 * MILLISECOND), KEEPER_STAYS);
    }
    ck_assert_uint_eq(world->requests, 1);
    world_free(world);
}
END_TEST

/* The same, and now and then it comes after the last success: a request in 30 s at most. */
START_TEST(one_bad_postcode_among_few)
{
    struct world *world = world_with_token();

    for (int i = 0; i < 3600; i++) {
        world_run(world, 500 * MILLISECOND);
        struct mono_time sent = world->now;
        uint64_t generation = world_generation(world);
        if (i % 10 == 0) {
            token_succeeded(world_token(world), 0, sent);
            keeper_succeeded(world->keeper, generation, world->now);
        }
        world_run(world, 500 * MILLISECOND);
        if (!mono_before(world->now, world->view->suspect_until))
            (void)world_refused(world, 100 * MILLISECOND);
    }
    ck_assert_uint_le(world->requests, 1 + 60);
    for (size_t i = 2; i < world->requests; i++)
        ck_assert_int_ge(mono_diff(world->made[i], world->made[i - 1]), 30 * SECOND);
    world_free(world);
}
END_TEST

START_TEST(past_the_budget_a_401_finds_doubt)
{
    struct world *world = world_new();

    world->settings.budget = 0;
    world_start(world);
    world_run(world, SECOND);
    ck_assert_int_eq(world_refused(world, 0), KEEPER_KEPT_SUSPECT);
    ck_assert_int_eq(mono_diff(world->view->suspect_until, world->now), 30 * SECOND);
    ck_assert_int_eq(metric_upstream_sum(METRIC_TOKEN_BUDGET_REFUSED, 0, 0), 1);
    ck_assert(!world->view->failed);
    ck_assert(world->view->cause.budget);
    ck_assert_int_eq(world->view->cause.kind, TOKEN_CAUSE_NONE);
    world_run(world, 24 * HOUR);
    ck_assert_uint_ge(world->requests, 24);
    ck_assert(!world->view->cause.budget);
    ck_assert_int_eq(world_refused(world, 0), KEEPER_KEPT_SUSPECT);
    ck_assert(world->view->cause.budget);
    world_free(world);
}
END_TEST

static void add_refusals(Suite *s)
{
    TCase *tc = tcase_create("rejections");

    tcase_add_test(tc, a_401_replaces_the_token);
    tcase_add_test(tc, three_hundred_401s_make_one_request);
    tcase_add_test(tc, a_late_401_spares_the_successor);
    tcase_add_test(tc, a_401_for_a_token_that_ran_out);
    tcase_add_test(tc, a_success_since_then_saves_the_token);
    tcase_add_test(tc, doubt_after_a_replacement);
    tcase_add_test(tc, revoked_again_before_the_next_is_asked_for);
    tcase_add_test(tc, rejected_from_the_first);
    tcase_add_test(tc, a_success_ends_the_doubt_not_the_limit);
    tcase_add_test(tc, the_same_value_again_is_in_doubt);
    tcase_add_test(tc, a_successor_may_live_shorter);
    tcase_add_test(tc, a_replacement_that_fails);
    tcase_add_test(tc, a_401_joins_a_renewal);
    tcase_add_loop_test(tc, an_hour_of_401s, 0, (int)ARRAY_LEN(budgets));
    tcase_add_test(tc, one_bad_postcode);
    tcase_add_test(tc, one_bad_postcode_among_few);
    tcase_add_test(tc, past_the_budget_a_401_finds_doubt);
    suite_add_tcase(s, tc);
}

int main(void)
{
    Suite *s = suite_create("keeper refused");

    log_configure(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    add_refusals(s);
    return run_suite(s);
}
