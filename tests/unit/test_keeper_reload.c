/*
 * A reload that leaves the token request as it is (keeper_adjust): whatever is under way, or waited
 * for, goes on.
 */
#include "base/log.h"
#include "keeper_world.h"
#include "suite.h"

static void adjust(struct world *world)
{
    keeper_adjust(world->keeper, &world->settings, world->now);
}

/* A hundred reloads while a request is under way: it stays the one request. */
START_TEST(test_flight_goes_on)
{
    struct world *world = world_new();

    world_start(world);
    for (int i = 0; i < 100; i++)
        adjust(world);
    ck_assert_uint_eq(world->requests, 1);
    world_run(world, MINUTE);
    ck_assert_uint_eq(world_generation(world), 1);
    adjust(world);
    ck_assert_uint_eq(world_generation(world), 1);
    ck_assert_uint_eq(world_status(world).requests_last_hour, 1);
    world_free(world);
}
END_TEST

/* After a refusal the next request is due when it was. */
START_TEST(test_wait_goes_on)
{
    struct world *world = world_new();

    world->endpoint = endpoint_denying;
    world_start(world);
    world_run(world, 10 * SECOND);
    for (int i = 0; i < 100; i++) {
        adjust(world);
        world_run(world, 100 * MILLISECOND);
    }
    ck_assert_uint_eq(world->requests, 1);
    world_run(world, KEEPER_REJECTED_WAIT);
    ck_assert_uint_eq(world->requests, 2);
    world_free(world);
}
END_TEST

/* A larger budget is used at once; the same one again gives nothing. */
START_TEST(test_budget_is_taken)
{
    struct world *world = world_new();

    world->endpoint = endpoint_denying;
    world->settings.budget = 0;
    world_start(world);
    world_run(world, HOUR);
    ck_assert_uint_eq(world->requests, 1);
    ck_assert_int_eq(world_status(world).state, KEEPER_EXHAUSTED);
    adjust(world);
    world_run(world, HOUR);
    ck_assert_uint_eq(world->requests, 1);
    ck_assert_int_eq(world_status(world).state, KEEPER_EXHAUSTED);

    world->endpoint = endpoint_fresh;
    world->settings.budget = 1;
    adjust(world);
    world_run(world, MINUTE);
    ck_assert_uint_eq(world_generation(world), 1);
    ck_assert_int_eq(world_status(world).state, KEEPER_VALID);
    world_free(world);
}
END_TEST

/* Prefetch turned on finds that there is no token; turned off, nothing is renewed ahead. */
START_TEST(test_prefetch_is_taken)
{
    struct world *world = world_new();

    world->settings.prefetch = false;
    world_start(world);
    world_run(world, HOUR);
    ck_assert_uint_eq(world->requests, 0);
    world->settings.prefetch = true;
    adjust(world);
    world_run(world, MINUTE);
    ck_assert_uint_eq(world_generation(world), 1);
    world->settings.prefetch = false;
    adjust(world);
    world_run(world, 2 * HOUR);
    ck_assert_uint_eq(world->requests, 1);
    world_free(world);
}
END_TEST

/* For tokens to come. */
START_TEST(test_early_expiry_is_taken)
{
    struct world *world = world_new();

    world_start(world);
    world_run(world, MINUTE);
    ck_assert_int_eq(world_status(world).refresh_window, 5 * MINUTE);
    world->settings.early_expiry = MINUTE;
    adjust(world);
    ck_assert_int_eq(world_status(world).refresh_window, 5 * MINUTE);
    world_run(world, HOUR);
    ck_assert_uint_eq(world_generation(world), 2);
    ck_assert_int_eq(world_status(world).refresh_window, MINUTE);
    world_free(world);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("keeper, reloaded");
    TCase *tcase = tcase_create("adjust");

    log_configure(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    tcase_add_test(tcase, test_flight_goes_on);
    tcase_add_test(tcase, test_wait_goes_on);
    tcase_add_test(tcase, test_budget_is_taken);
    tcase_add_test(tcase, test_prefetch_is_taken);
    tcase_add_test(tcase, test_early_expiry_is_taken);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
