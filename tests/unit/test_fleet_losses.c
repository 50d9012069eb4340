/*
 * What the store can lose or mix up - by a failover, FLUSHALL, an eviction, a restart, a split -
 * and how a member makes up for it. Also what it does with a token of an earlier life of the
 * daemon.
 */
#include "fleet_world.h"

#include "base/log.h"
#include "suite.h"

/* The slow look comes, with this reply. */
static void look(struct fleet_world *world, struct fleet_reply reply)
{
    (void)world_until_wake(world);
    ck_assert_int_eq(world->command.verb, FLEET_LOOK);
    reply.answer = FLEET_LOOKED;
    world_reply(world, reply);
}

/* Row "FLUSHALL, eviction, restart without AOF". */
START_TEST(an_empty_store_gets_the_token_back)
{
    struct fleet_world *world = world_following("old", 4);
    const int64_t expiry = world_store(world) + 3600 * 1000;

    look(world, REPLY(.counter = 0));
    ck_assert_int_eq(world->command.verb, FLEET_PUT);
    ck_assert_uint_eq(world->command.fence, 4);
    ck_assert_str_eq(world->sealed, "old|3600|" ID "|4");
    ck_assert_int_eq(world->command.expire_at, expiry);
    world_reply(world, REPLY(.answer = FLEET_STORED));
    ck_assert_int_eq(fleet_count(METRIC_FLEET_RESTORES, 0), 1);
    ck_assert_uint_eq(world_status(world).generation, 4);
    world_want(world, TOKEN_WISH_SCHEDULE);
    world_turn(world);
    ck_assert_uint_eq(world->command.have, 4); /* generations go on from there */
    world_reply(world, REPLY(.answer = FLEET_YOURS, .fence = 5));
    world_granted(world, "fresh", HOUR);
    world_reply(world, REPLY(.answer = FLEET_STORED));
    ck_assert_int_eq(fleet_count(METRIC_FLEET_RESTORES, 0), 1); /* that was no restoring */
    world_free(world);
}
END_TEST

/* Eviction took the token alone. */
START_TEST(an_evicted_token_comes_back)
{
    struct fleet_world *world = world_following("old", 4);

    look(world, REPLY(.counter = 4));
    ck_assert_int_eq(world->command.verb, FLEET_PUT);
    ck_assert_uint_eq(world->command.fence, 4);
    world_free(world);
}
END_TEST

/* Row "put lost by failover, leader lives". */
START_TEST(a_lost_put_is_made_again)
{
    struct fleet_world *world = world_following("old", 4);

    look(world, REPLY(.generation = 3, .counter = 3));
    ck_assert_int_eq(world->command.verb, FLEET_PUT);
    ck_assert_uint_eq(world->command.fence, 4);
    world_free(world);
}
END_TEST

/* The second one that restores is late with the same token. */
START_TEST(two_restore_the_same)
{
    struct fleet_world *world = world_following("old", 4);

    look(world, REPLY(.counter = 0));
    world_reply(world, REPLY(.answer = FLEET_LATE, .generation = 4, .lasts = 50 * MINUTE,
                             .sealed = "old|3600|" ID "|4"));
    ck_assert_uint_eq(world_status(world).generation, 4);
    ck_assert_uint_eq(world->offers, 0);
    world_free(world);
}
END_TEST

/* Row "put lost, leader dies too": nothing to restore; one more request, by whoever asks. */
START_TEST(a_token_that_died_with_its_leader)
{
    struct fleet_world *world = world_following("old", 4);

    look(world, REPLY(.generation = 4, .counter = 4));
    ck_assert(!world->busy);
    world_want(world, TOKEN_WISH_SCHEDULE);
    world_turn(world);
    world_reply(world, REPLY(.answer = FLEET_YOURS, .fence = 5));
    ck_assert_uint_eq(world->fetches, 1);
    world_free(world);
}
END_TEST

/* Row "split brain": at the heal the higher generation wins. */
START_TEST(the_higher_generation_wins_at_the_heal)
{
    struct fleet_world *world = world_following("ours", 4);

    look(world,
         REPLY(.generation = 6, .counter = 6, .lasts = 2 * HOUR, .sealed = "theirs|7200|" ID "|6"));
    ck_assert_str_eq(world->value, "theirs");
    ck_assert_uint_eq(world_status(world).generation, 6);
    world_free(world);
}
END_TEST

/* A later fence was given: its token comes, or its request failed; ours is not put back. */
START_TEST(a_later_fence_forbids_to_restore)
{
    struct fleet_world *world = world_following("old", 4);

    look(world, REPLY(.counter = 5));
    ck_assert(!world->busy);
    world_free(world);
}
END_TEST

/* A token that was refused stays away from the store, which does not know of it after a loss. */
START_TEST(a_refused_token_is_not_restored)
{
    struct fleet_world *world = world_following("old", 4);

    world_hint(world, FLEET_HINT_GONE, 4, 0);
    look(world, REPLY(.counter = 0));
    ck_assert(!world->busy);
    world_free(world);
}
END_TEST

/* Nor one that is about to be renewed. */
START_TEST(an_early_token_is_not_restored)
{
    struct fleet_world *world = world_following("old", 4);

    world->now = mono_add(world->now, 50 * MINUTE);
    world_turn(world);
    ck_assert_int_eq(world->command.verb, FLEET_LOOK);
    world_reply(world, REPLY(.answer = FLEET_LOOKED, .counter = 0));
    ck_assert(!world->busy);
    world_free(world);
}
END_TEST

/* A token of an earlier life. */

static struct fleet_world *restored(void)
{
    struct fleet_world *world = world_new();

    world->present = make_token("kept", HOUR, world->now);
    world_start(world);
    world_connect(world);
    ck_assert_uint_eq(world->command.have, 0);
    return world;
}

START_TEST(a_kept_token_is_found_in_the_store)
{
    struct fleet_world *world = restored();

    world_reply(world, REPLY(.answer = FLEET_LOOKED, .generation = 4, .counter = 4, .lasts = HOUR,
                             .sealed = "kept|3600|" ID "|4"));
    ck_assert_uint_eq(world_status(world).generation, 4);
    ck_assert_uint_eq(world->offers, 0);
    ck_assert(!world->busy);
    world_free(world);
}
END_TEST

START_TEST(a_kept_token_is_put_where_there_is_none)
{
    struct fleet_world *world = restored();

    world_reply(world, REPLY(.answer = FLEET_LOOKED, .counter = 7));
    ck_assert_int_eq(world->command.verb, FLEET_PUT);
    ck_assert_uint_eq(world->command.fence, 8);
    world_reply(world, REPLY(.answer = FLEET_STORED));
    ck_assert_uint_eq(world_status(world).generation, 8);
    world_free(world);
}
END_TEST

START_TEST(a_kept_token_yields_to_one_that_lasts_longer)
{
    struct fleet_world *world = restored();

    world_reply(world, REPLY(.answer = FLEET_LOOKED, .generation = 4, .counter = 4,
                             .lasts = 2 * HOUR, .sealed = "theirs|7200|" ID "|4"));
    ck_assert_str_eq(world->value, "theirs");
    ck_assert_uint_eq(world_status(world).generation, 4);
    world_free(world);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fleet, losses");
    TCase *tcase = tcase_create("losses of the store's");

    log_configure(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    tcase_add_test(tcase, an_empty_store_gets_the_token_back);
    tcase_add_test(tcase, an_evicted_token_comes_back);
    tcase_add_test(tcase, a_lost_put_is_made_again);
    tcase_add_test(tcase, two_restore_the_same);
    tcase_add_test(tcase, a_token_that_died_with_its_leader);
    tcase_add_test(tcase, the_higher_generation_wins_at_the_heal);
    tcase_add_test(tcase, a_later_fence_forbids_to_restore);
    tcase_add_test(tcase, a_refused_token_is_not_restored);
    tcase_add_test(tcase, an_early_token_is_not_restored);
    tcase_add_test(tcase, a_kept_token_is_found_in_the_store);
    tcase_add_test(tcase, a_kept_token_is_put_where_there_is_none);
    tcase_add_test(tcase, a_kept_token_yields_to_one_that_lasts_longer);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
