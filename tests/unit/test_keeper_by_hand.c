/* The keeper in false time: refresh and forget. */
#include "keeper_world.h"

#include "base/log.h"
#include "suite.h"

START_TEST(refresh_replaces)
{
    struct world *world = world_with_token();

    world->lifetime = HOUR; /* ends sooner than the old one, and is wanted all the same */
    ck_assert(keeper_refresh(world->keeper, world->now));
    ck_assert(keeper_refresh(world->keeper, world->now));
    ck_assert_uint_eq(world->requests, 2);
    ck_assert_uint_eq(world_generation(world), 1);
    world_run(world, 10 * SECOND);
    ck_assert_uint_eq(world_generation(world), 2);
    ck_assert_uint_eq(world->requests, 2);
    ck_assert_uint_eq(world_status(world).charged_last_hour, 1);
    ck_assert_int_eq(evictions(EVICTED_REPLACED), 1);
    ck_assert_int_eq(world->keeper->standing, STANDING_FINE);
    world_free(world);
}
END_TEST

/* What was asked for by hand once is no excuse for the renewals that follow. */
START_TEST(a_dying_token_after_a_refresh)
{
    struct world *world = world_new();

    world->endpoint = endpoint_cached;
    world->lifetime = 300 * SECOND;
    world->random = UINT32_MAX;
    world_start(world);
    world_run(world, 10 * SECOND);
    ck_assert(keeper_refresh(world->keeper, world->now));
    world_run(world, 280 * SECOND);
    ck_assert_uint_le(world->requests, 2 + 7);
    ck_assert_int_eq(world->keeper->standing, STANDING_STALLED);
    world_free(world);
}
END_TEST

START_TEST(refresh_does_not_wait)
{
    struct world *world = world_new();

    world->endpoint = endpoint_denying;
    world_start(world);
    world_run(world, SECOND);
    world->endpoint = endpoint_fresh;
    ck_assert(keeper_refresh(world->keeper, world->now));
    world_run(world, SECOND);
    ck_assert_uint_eq(world_generation(world), 1);
    world_free(world);
}
END_TEST

START_TEST(refresh_past_the_budget)
{
    struct world *world = world_with_token();

    for (int i = 0; i < 60; i++) {
        ck_assert(keeper_refresh(world->keeper, world->now));
        world_run(world, SECOND);
    }
    ck_assert(!keeper_refresh(world->keeper, world->now));
    ck_assert_uint_eq(world_generation(world), 61);
    ck_assert(!world->view->failed);
    ck_assert_int_eq(world_status(world).state, KEEPER_VALID);
    world_run(world, HOUR);
    ck_assert(keeper_refresh(world->keeper, world->now));
    world_free(world);
}
END_TEST

START_TEST(forget_drops_and_asks)
{
    struct world *world = world_new();

    world->endpoint = endpoint_same;
    world_start(world);
    world_run(world, SECOND);
    keeper_forget(world->keeper, world->now);
    ck_assert_ptr_null(world->view->token);
    ck_assert(!world->view->failed);
    ck_assert_ptr_null(keeper_token(world->keeper, world->now));
    ck_assert_uint_eq(store_count(world->store), 0);
    ck_assert_uint_eq(world->requests, 2);
    ck_assert_uint_eq(world_status(world).charged_last_hour, 1);
    ck_assert_int_eq(evictions(EVICTED_FORGOTTEN), 1);
    world_run(world, SECOND);
    ck_assert_uint_eq(world_generation(world), 2); /* a forgotten value is a new one */
    world_run(world, 3 * HOUR);
    ck_assert_uint_ge(world->requests, 4);
    ck_assert_uint_eq(world_status(world).charged_last_hour, 0);
    world_free(world);
}
END_TEST

START_TEST(forget_without_prefetch)
{
    struct world *world = world_new();

    world->settings.prefetch = false;
    world_start(world);
    keeper_forget(world->keeper, world->now); /* there is none: nothing to charge */
    keeper_wanted(world->keeper, world->view->sequence, "g", world->now);
    world_run(world, MINUTE);
    ck_assert_uint_eq(world_status(world).charged_last_hour, 0);
    keeper_forget(world->keeper, world->now);
    ck_assert_uint_eq(world->requests, 1);
    ck_assert_int_eq(world_status(world).state, KEEPER_NONE);
    keeper_wanted(world->keeper, world->view->sequence, "g", world->now);
    ck_assert_uint_eq(world->requests, 2);
    ck_assert_uint_eq(world_status(world).charged_last_hour, 1);
    world_free(world);
}
END_TEST

START_TEST(forget_past_the_budget)
{
    struct world *world = world_new();

    world->settings.budget = 1;
    world_start(world);
    world_run(world, SECOND);
    ck_assert(keeper_refresh(world->keeper, world->now));
    struct mono_time charged = world->now;
    world_run(world, SECOND);
    keeper_forget(world->keeper, world->now);
    ck_assert_ptr_null(world->view->token);
    ck_assert(world->view->failed);
    ck_assert_int_eq(world->view->retry_at.ns, mono_add(charged, HOUR).ns);
    ck_assert_int_eq(world_status(world).state, KEEPER_EXHAUSTED);
    world_run(world, HOUR);
    ck_assert_uint_eq(world->requests, 3);
    ck_assert_uint_eq(world_generation(world), 3);
    world_free(world);
}
END_TEST

START_TEST(forget_does_not_shorten_a_wait)
{
    struct world *world = world_with_token();

    world->endpoint = endpoint_denying;
    (void)world_refused(world, 0);
    world_run(world, SECOND);
    keeper_forget(world->keeper, world->now);
    ck_assert_ptr_null(world->view->token);
    ck_assert(world->view->failed);
    ck_assert_uint_eq(world->requests, 2);
    world_run(world, MINUTE);
    ck_assert_uint_eq(world->requests, 3);
    world_free(world);
}
END_TEST

/* A token that comes while it is being forgotten is a new one. */
START_TEST(forget_joins_a_request)
{
    struct world *world = world_with_token();

    ck_assert(keeper_refresh(world->keeper, world->now));
    keeper_forget(world->keeper, world->now);
    ck_assert_uint_eq(world->requests, 2);
    world_run(world, SECOND);
    ck_assert_uint_eq(world_generation(world), 2);
    world_run(world, 24 * HOUR);
    ck_assert_uint_eq(world->requests, 3);
    ck_assert_uint_eq(world_status(world).charged_last_hour, 0);
    world_free(world);
}
END_TEST

/* Forgotten when it had run out already, during a sleep. */
START_TEST(forget_what_ran_out)
{
    struct world *world = world_with_token();

    world->now = mono_add(world->now, 25 * HOUR);
    keeper_forget(world->keeper, world->now);
    ck_assert_int_eq(evictions(EVICTED_EXPIRED), 1);
    ck_assert_int_eq(evictions(EVICTED_FORGOTTEN), 0);
    ck_assert_uint_eq(world_status(world).charged_last_hour, 0);
    world_free(world);
}
END_TEST

/* Room is made by a reload. */
START_TEST(a_larger_budget)
{
    struct world *world = world_new();

    world->settings.prefetch = false;
    world->settings.budget = 0;
    world_start(world);
    keeper_wanted(world->keeper, world->view->sequence, "g", world->now);
    world_run(world, SECOND);
    keeper_forget(world->keeper, world->now);
    keeper_wanted(world->keeper, world->view->sequence, "g", world->now);
    ck_assert(world->view->failed);
    ck_assert_int_eq(world_status(world).state, KEEPER_EXHAUSTED);
    world->settings.budget = 60;
    keeper_reconfigure(world->keeper, &world->settings, false, world->now);
    ck_assert(!world->view->failed);
    ck_assert_int_eq(world_status(world).state, KEEPER_NONE);
    keeper_wanted(world->keeper, world->view->sequence, "g", world->now);
    ck_assert_uint_eq(world->requests, 2);
    world_free(world);
}
END_TEST

static void add_by_hand(Suite *s)
{
    TCase *tc = tcase_create("by hand");

    tcase_add_test(tc, refresh_replaces);
    tcase_add_test(tc, a_dying_token_after_a_refresh);
    tcase_add_test(tc, refresh_does_not_wait);
    tcase_add_test(tc, refresh_past_the_budget);
    tcase_add_test(tc, forget_drops_and_asks);
    tcase_add_test(tc, forget_without_prefetch);
    tcase_add_test(tc, forget_past_the_budget);
    tcase_add_test(tc, forget_does_not_shorten_a_wait);
    tcase_add_test(tc, forget_joins_a_request);
    tcase_add_test(tc, forget_what_ran_out);
    tcase_add_test(tc, a_larger_budget);
    suite_add_tcase(s, tc);
}

int main(void)
{
    Suite *s = suite_create("keeper by hand");

    log_configure(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    add_by_hand(s);
    return run_suite(s);
}
