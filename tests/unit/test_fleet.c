/*
 * A member of a fleet with the store at hand: whose turn it is, what becomes of a token, and what
 * hints do. Without the store: test_fleet_alone; losses of the store's: test_fleet_losses.
 */
#include "fleet_world.h"

#include "base/log.h"
#include "suite.h"

/* Asks for what is wanted, and is given the lease. */
static void lead(struct fleet_world *world, enum token_wish wish, uint64_t fence)
{
    world_want(world, wish);
    world_turn(world);
    ck_assert_int_eq(world->command.verb, FLEET_ASK);
    ck_assert_int_eq(world->command.wish, wish);
    world_reply(world, REPLY(.answer = FLEET_YOURS, .fence = fence));
}

/* The lease. */

START_TEST(the_first_of_all_leads)
{
    struct fleet_world *world = world_new();

    world_start(world);
    ck_assert_int_eq(world_status(world).state, FLEET_JOINING);
    world_want(world, TOKEN_WISH_FIRST);
    world_turn(world);
    ck_assert_uint_eq(world->commands, 0);
    world_connect(world);
    ck_assert_uint_eq(world->command.have, 0);
    ck_assert_str_eq(world->command.id, ID);
    world_reply(world, REPLY(.answer = FLEET_LOOKED));
    ck_assert_int_eq(world_status(world).state, FLEET_FOLLOWING);
    ck_assert_int_eq(world->command.verb, FLEET_ASK);
    ck_assert_int_eq(world->command.wish, TOKEN_WISH_FIRST);
    ck_assert_int_eq(world->command.lease, LEASE);
    ck_assert_int_eq(world->command.limit, 60);
    ck_assert_str_eq(world->command.member, "here.1");
    world_reply(world, REPLY(.answer = FLEET_YOURS, .fence = 1));
    ck_assert_int_eq(world_status(world).state, FLEET_LEADING);
    ck_assert_str_eq(world_status(world).leader, "here.1");
    ck_assert_uint_eq(world->fetches, 1);
    ck_assert_str_eq(world->guid, "GUID-1");
    world_free(world);
}
END_TEST

/* The keeper has it before the store; the expiry is by the store's clock, from the request on. */
START_TEST(our_token_is_used_and_then_put)
{
    struct fleet_world *world = world_following("old", 4);

    world_pass(world, MINUTE);
    lead(world, TOKEN_WISH_SCHEDULE, 5);
    world_pass(world, 200 * MILLISECOND);
    world_granted(world, "fresh", HOUR);
    ck_assert_int_eq(world->answer.kind, KEEPER_GRANTED);
    ck_assert_str_eq(world->value, "fresh");
    ck_assert_int_eq(world->command.verb, FLEET_PUT);
    ck_assert_uint_eq(world->command.fence, 5);
    ck_assert_str_eq(world->sealed, "fresh|3600|" ID "|5");
    ck_assert_int_eq(world->command.expire_at, STORE_START + (60 + 3600) * 1000);
    world_reply(world, REPLY(.answer = FLEET_STORED));
    ck_assert_uint_eq(world_status(world).generation, 5);
    ck_assert_int_eq(fleet_count(METRIC_FLEET_LEADS, FLEET_LEAD_GRANTED), 1);
    ck_assert_int_eq(fleet_count(METRIC_FLEET_ASKS, FLEET_ASK_YOURS), 1);
    ck_assert_int_eq(fleet_count(METRIC_FLEET_RESTORES, 0), 0);
    world_free(world);
}
END_TEST

START_TEST(another_members_token_is_shared)
{
    struct fleet_world *world = world_following("old", 4);

    world_pass(world, MINUTE);
    world_want(world, TOKEN_WISH_SCHEDULE);
    world_turn(world);
    ck_assert_uint_eq(world->command.have, 4);
    const struct mono_time sent = world->now;
    world_pass(world, 100 * MILLISECOND);
    world_reply(world, REPLY(.answer = FLEET_NEWER, .generation = 5, .lasts = HOUR,
                             .sealed = "next|3600|" ID "|5"));
    ck_assert_int_eq(world->answer.kind, KEEPER_SHARED);
    ck_assert_str_eq(world->value, "next");
    ck_assert_uint_eq(world_status(world).generation, 5);
    ck_assert_uint_eq(world->fetches, 0);
    ck_assert_int_eq(mono_diff(token_expires_at(world->present), sent), HOUR);
    world_free(world);
}
END_TEST

/* Row "leader dies": the lease ends, and the next ask leads. */
START_TEST(a_leader_that_died_is_followed_by_another)
{
    struct fleet_world *world = world_following("old", 4);

    world->random = UINT32_MAX;
    world_want(world, TOKEN_WISH_SCHEDULE);
    world_turn(world);
    world_reply(world, REPLY(.answer = FLEET_HELD, .wait = 7 * SECOND, .leader = "there.2"));
    ck_assert_str_eq(world_status(world).leader, "there.2");
    ck_assert(world->flight);
    ck_assert_int_eq(world_until_wake(world), 9 * SECOND);
    ck_assert_int_eq(world->command.verb, FLEET_ASK);
    world_reply(world, REPLY(.answer = FLEET_YOURS, .fence = 6));
    ck_assert_uint_eq(world->fetches, 1);
    ck_assert_int_eq(fleet_count(METRIC_FLEET_ASKS, FLEET_ASK_HELD), 1);
    world_free(world);
}
END_TEST

/* Row "leader pauses", before it sends. */
START_TEST(a_lease_that_came_late_is_not_used)
{
    struct fleet_world *world = world_following("old", 4);

    world_want(world, TOKEN_WISH_SCHEDULE);
    world_turn(world);
    world->now = mono_add(world->now, LEASE / 3 + 1);
    world_reply(world, REPLY(.answer = FLEET_YOURS, .fence = 5));
    ck_assert_uint_eq(world->fetches, 0);
    ck_assert_int_eq(fleet_count(METRIC_FLEET_LEADS, FLEET_LEAD_SPENT), 1);
    ck_assert_int_eq(world->command.verb, FLEET_ASK);
    world->now = mono_add(world->now, LEASE / 3);
    world_reply(world, REPLY(.answer = FLEET_YOURS, .fence = 6));
    ck_assert_uint_eq(world->fetches, 1);
    world_free(world);
}
END_TEST

/* Row "leader pauses", with its token; and row "lease lost by failover": the fence orders them. */
START_TEST(a_late_put_yields_to_the_newer_token)
{
    struct fleet_world *world = world_following("old", 4);

    lead(world, TOKEN_WISH_SCHEDULE, 5);
    world->now = mono_add(world->now, MINUTE);
    world_granted(world, "ours", HOUR);
    world_reply(world, REPLY(.answer = FLEET_LATE, .generation = 6, .lasts = HOUR,
                             .sealed = "theirs|3600|" ID "|6"));
    ck_assert_uint_eq(world->offers, 1);
    ck_assert_str_eq(world->value, "theirs");
    ck_assert_uint_eq(world_status(world).generation, 6);
    ck_assert_int_eq(fleet_count(METRIC_FLEET_LATE_PUTS, 0), 1);
    world_free(world);
}
END_TEST

/* Ours lasts longer: it stays, but it is not the store's. */
START_TEST(a_late_put_of_a_token_that_lasts_longer)
{
    struct fleet_world *world = world_following("old", 4);

    lead(world, TOKEN_WISH_SCHEDULE, 5);
    world_granted(world, "ours", 2 * HOUR);
    world_reply(world, REPLY(.answer = FLEET_LATE, .generation = 6, .lasts = HOUR,
                             .sealed = "theirs|3600|" ID "|6"));
    ck_assert_str_eq(token_authorization(world->present), "Bearer ours");
    ck_assert_uint_eq(world_status(world).generation, 0);
    (void)world_until_wake(world);
    world_reply(world, REPLY(.answer = FLEET_LOOKED, .generation = 6, .counter = 6));
    ck_assert(!world->busy);
    world_free(world);
}
END_TEST

/* Failures. */

/* Row "token endpoint down": one request a backoff, told to all. */
START_TEST(a_failure_is_told_to_the_fleet)
{
    struct fleet_world *world = world_following("old", 4);

    world->random = 77;
    lead(world, TOKEN_WISH_SCHEDULE, 5);
    world_fetched(world, (struct keeper_result){.kind = KEEPER_FAILED, .retry_after = 90 * SECOND},
                  0);
    ck_assert_int_eq(world->answer.kind, KEEPER_FAILED);
    ck_assert_int_eq(world->command.verb, FLEET_FAIL);
    ck_assert_uint_eq(world->command.fence, 5);
    ck_assert_int_eq(world->command.failure, FLEET_FAILED);
    ck_assert_int_eq(world->command.floor, 90 * SECOND);
    ck_assert_uint_eq(world->command.random, 77);
    world_reply(world, REPLY(.answer = FLEET_NOTED, .wait = SECOND));
    ck_assert_int_eq(fleet_count(METRIC_FLEET_LEADS, FLEET_LEAD_FAILED), 1);
    world_free(world);
}
END_TEST

START_TEST(anothers_failure_holds_the_keeper)
{
    struct fleet_world *world = world_following("old", 4);

    world->random = UINT32_MAX;
    world_want(world, TOKEN_WISH_SCHEDULE);
    world_turn(world);
    world_reply(world, REPLY(.answer = FLEET_WAIT, .wait = 20 * SECOND));
    ck_assert_int_eq(world->answer.kind, KEEPER_HELD);
    ck_assert_int_eq(world->answer.held, KEEPER_HOLD_WAIT);
    ck_assert_int_eq(world->answer.hold, 22 * SECOND);
    ck_assert_uint_eq(world->fetches, 0);
    world_free(world);
}
END_TEST

/* Who waits for the lease hears of the failure by hint. */
START_TEST(a_wait_hint_holds_who_waits)
{
    struct fleet_world *world = world_following("old", 4);

    world_hint(world, FLEET_HINT_WAIT, 0, 10 * SECOND);
    ck_assert_uint_eq(world->answers, 0);
    world_want(world, TOKEN_WISH_SCHEDULE);
    world_turn(world);
    world_hint(world, FLEET_HINT_WAIT, 0, 10 * SECOND);
    ck_assert_uint_eq(world->answers, 0); /* the reply is on its way */
    world_reply(world, REPLY(.answer = FLEET_HELD, .wait = 7 * SECOND));
    world_hint(world, FLEET_HINT_WAIT, 0, 10 * SECOND);
    ck_assert_int_eq(world->answer.held, KEEPER_HOLD_WAIT);
    ck_assert_int_eq(world->answer.hold, 10 * SECOND);
    world_free(world);
}
END_TEST

/* Row "credentials refused". */
START_TEST(refused_credentials_are_told_as_such)
{
    struct fleet_world *world = world_following("old", 4);

    lead(world, TOKEN_WISH_SCHEDULE, 5);
    world_fetched(world, (struct keeper_result){.kind = KEEPER_REJECTED}, 0);
    ck_assert_int_eq(world->command.verb, FLEET_FAIL);
    ck_assert_int_eq(world->command.failure, FLEET_CREDENTIALS);
    world_free(world);
}
END_TEST

/* As for a member without a fleet: an attempt after it is not charged to auth_budget. */
START_TEST(no_response_is_told_as_uncharged)
{
    struct fleet_world *world = world_following("old", 4);

    lead(world, TOKEN_WISH_SCHEDULE, 5);
    world_fetched(world, (struct keeper_result){.kind = KEEPER_NO_RESPONSE}, 0);
    ck_assert_int_eq(world->command.verb, FLEET_FAIL);
    ck_assert_int_eq(world->command.failure, FLEET_STALLED);
    world_free(world);
}
END_TEST

/* One that asks for a day keeps the fleet waiting for an hour. */
START_TEST(a_long_retry_after_is_cut)
{
    struct fleet_world *world = world_following("old", 4);

    lead(world, TOKEN_WISH_SCHEDULE, 5);
    world_fetched(world, (struct keeper_result){.kind = KEEPER_FAILED, .retry_after = 24 * HOUR},
                  0);
    ck_assert_int_eq(world->command.floor, HOUR);
    world_free(world);
}
END_TEST

/* Row "issuer returns the same dying token". */
START_TEST(a_stalled_renewal_is_not_put)
{
    struct fleet_world *world = world_following("old", 4);

    world->stalls = true;
    world_pass(world, MINUTE);
    lead(world, TOKEN_WISH_SCHEDULE, 5);
    world_granted(world, "old", MINUTE);
    ck_assert_int_eq(world->command.verb, FLEET_FAIL);
    ck_assert_int_eq(world->command.failure, FLEET_STALLED);
    ck_assert_uint_eq(world_status(world).generation, 4);
    world_free(world);
}
END_TEST

/* 401s. */

START_TEST(a_refused_token_is_replaced_by_one)
{
    struct fleet_world *world = world_following("old", 4);

    lead(world, TOKEN_WISH_REFUSED, 5);
    ck_assert_uint_eq(world->fetches, 1);
    world_granted(world, "fresh", HOUR);
    world_reply(world, REPLY(.answer = FLEET_STORED));
    ck_assert_uint_eq(world_status(world).generation, 5);
    world_free(world);
}
END_TEST

/* Who hears that its token was refused elsewhere leaves the request to that member. */
START_TEST(gone_is_waited_for)
{
    struct fleet_world *world = world_following("old", 4);
    const unsigned before = world->commands;

    world_hint(world, FLEET_HINT_GONE, 4, 0);
    world_want(world, TOKEN_WISH_REFUSED);
    world_turn(world);
    ck_assert_uint_eq(world->commands, before);
    world->random = UINT32_MAX;
    world_hint(world, FLEET_HINT_NEW, 5, 0);
    ck_assert_int_eq(world_until_wake(world), 100 * MILLISECOND);
    ck_assert_int_eq(world->command.verb, FLEET_LOOK);
    world_reply(world, REPLY(.answer = FLEET_LOOKED, .generation = 5, .counter = 5, .lasts = HOUR,
                             .sealed = "fresh|3600|" ID "|5"));
    ck_assert_int_eq(world->answer.kind, KEEPER_SHARED);
    ck_assert_uint_eq(world->fetches, 0);
    world_free(world);
}
END_TEST

/* The hint of the new token was lost. */
START_TEST(gone_is_not_waited_for_long)
{
    struct fleet_world *world = world_following("old", 4);

    world_hint(world, FLEET_HINT_GONE, 4, 0);
    world_want(world, TOKEN_WISH_REFUSED);
    world_turn(world);
    ck_assert_int_eq(world_until_wake(world), 2 * SECOND);
    ck_assert_int_eq(world->command.verb, FLEET_ASK);
    ck_assert_int_eq(world->command.wish, TOKEN_WISH_REFUSED);
    ck_assert_uint_eq(world->command.have, 4);
    world_free(world);
}
END_TEST

START_TEST(gone_of_another_generation_is_not_ours)
{
    struct fleet_world *world = world_following("old", 4);

    world_hint(world, FLEET_HINT_GONE, 3, 0);
    world_want(world, TOKEN_WISH_REFUSED);
    world_turn(world);
    ck_assert_int_eq(world->command.verb, FLEET_ASK);
    world_free(world);
}
END_TEST

/* Row "a member with a wrong upstream path makes 401s". */
START_TEST(recent_and_budget_keep_the_token)
{
    struct fleet_world *world = world_following("old", 4);

    world_want(world, TOKEN_WISH_REFUSED);
    world_turn(world);
    world_reply(world, REPLY(.answer = FLEET_RECENT, .wait = 12 * SECOND));
    ck_assert_int_eq(world->answer.kind, KEEPER_HELD);
    ck_assert_int_eq(world->answer.held, KEEPER_HOLD_RECENT);
    ck_assert_int_eq(world->answer.hold, 12 * SECOND);
    world_want(world, TOKEN_WISH_REFUSED);
    world_turn(world);
    world_reply(world, REPLY(.answer = FLEET_BUDGET, .wait = 40 * SECOND));
    ck_assert_int_eq(world->answer.held, KEEPER_HOLD_BUDGET);
    ck_assert_int_eq(world->answer.hold, 40 * SECOND);
    ck_assert_uint_eq(world->fetches, 0);
    world_free(world);
}
END_TEST

/* The store's token is the refused one, which was restored and had no generation yet. */
START_TEST(the_same_value_is_asked_for_again)
{
    struct fleet_world *world = world_new();

    world->present = make_token("old", HOUR, START);
    world_start(world);
    world_want(world, TOKEN_WISH_REFUSED);
    world_connect(world);
    world_reply(world, REPLY(.answer = FLEET_LOOKED, .generation = 4, .counter = 4, .lasts = HOUR,
                             .sealed = "old|3600|" ID "|4"));
    ck_assert_uint_eq(world->answers, 0);
    ck_assert_uint_eq(world_status(world).generation, 4);
    ck_assert_int_eq(world->command.verb, FLEET_ASK);
    ck_assert_uint_eq(world->command.have, 4);
    /* It is refused all the same. */
    world_reply(world, REPLY(.answer = FLEET_HELD, .wait = 7 * SECOND));
    world->random = UINT32_MAX;
    world_hint(world, FLEET_HINT_NEW, 5, 0);
    ck_assert_int_eq(world_until_wake(world), 100 * MILLISECOND);
    world_free(world);
}
END_TEST

/* What was held against the old token is not held against its successor. */
START_TEST(a_successor_is_not_refused)
{
    struct fleet_world *world = world_following("old", 4);

    world_hint(world, FLEET_HINT_GONE, 4, 0);
    world_hint(world, FLEET_HINT_NEW, 5, 0);
    world_reply(world, REPLY(.answer = FLEET_LOOKED, .generation = 5, .counter = 5,
                             .lasts = 2 * HOUR, .sealed = "fresh|7200|" ID "|5"));
    world->random = UINT32_MAX;
    world_hint(world, FLEET_HINT_NEW, 6, 0);
    ck_assert_int_eq(world_until_wake(world), SECOND);
    world_reply(world, REPLY(.answer = FLEET_LOOKED, .generation = 5, .counter = 5));
    world_want(world, TOKEN_WISH_REFUSED);
    world_turn(world);
    ck_assert_int_eq(world->command.verb, FLEET_ASK);
    world_free(world);
}
END_TEST

/* A renewal does not wait for it. */
START_TEST(gone_does_not_delay_a_renewal)
{
    struct fleet_world *world = world_following("old", 4);

    world_hint(world, FLEET_HINT_GONE, 4, 0);
    world_want(world, TOKEN_WISH_SCHEDULE);
    world_turn(world);
    ck_assert_int_eq(world->command.verb, FLEET_ASK);
    world_free(world);
}
END_TEST

START_TEST(a_hint_is_urgent_without_a_good_token)
{
    struct fleet_world *world = world_following("old", 4);

    world_want(world, TOKEN_WISH_REFUSED);
    world_turn(world);
    world_reply(world, REPLY(.answer = FLEET_HELD, .wait = 7 * SECOND));
    world->random = UINT32_MAX;
    world_hint(world, FLEET_HINT_NEW, 5, 0);
    ck_assert_int_eq(world_until_wake(world), 100 * MILLISECOND);
    world_free(world);
}
END_TEST

/* A renewal wants a token that lasts longer. */
START_TEST(a_newer_token_that_ends_earlier_is_no_renewal)
{
    struct fleet_world *world = world_following("old", 4);

    world_want(world, TOKEN_WISH_SCHEDULE);
    world_turn(world);
    world_reply(world, REPLY(.answer = FLEET_NEWER, .generation = 5, .lasts = HOUR / 2,
                             .sealed = "next|3600|" ID "|5"));
    ck_assert_uint_eq(world->answers, 0);
    ck_assert_int_eq(world->command.verb, FLEET_ASK);
    ck_assert_uint_eq(world->command.have, 5);
    world_free(world);
}
END_TEST

/* A look under way delays the put; a better token that it brings makes it needless. */
START_TEST(a_put_is_dropped_for_a_better_token)
{
    struct fleet_world *world = world_following("old", 4);

    world_pass(world, 4 * MINUTE - SECOND);
    lead(world, TOKEN_WISH_SCHEDULE, 5);
    (void)world_until_wake(world);
    ck_assert_int_eq(world->command.verb, FLEET_LOOK);
    world_granted(world, "ours", HOUR);
    ck_assert_int_eq(world->command.verb, FLEET_LOOK);
    world_reply(world, REPLY(.answer = FLEET_LOOKED, .generation = 7, .counter = 7,
                             .lasts = 2 * HOUR, .sealed = "theirs|7200|" ID "|7"));
    ck_assert_str_eq(world->value, "theirs");
    ck_assert(!world->busy);
    world_free(world);
}
END_TEST

/* By hand. */

START_TEST(forgotten_here)
{
    struct fleet_world *world = world_following("old", 4);

    token_unref(world->present);
    world->present = NULL;
    lead(world, TOKEN_WISH_FORGOTTEN, 5);
    ck_assert_uint_eq(world->command.have, 4);
    ck_assert_uint_eq(world->fetches, 1);
    world_free(world);
}
END_TEST

/* Row "forget by hand": the others drop the same token, and no other one. */
START_TEST(forgotten_elsewhere)
{
    struct fleet_world *world = world_following("old", 4);

    world_hint(world, FLEET_HINT_LEAKED, 3, 0);
    world_hint(world, FLEET_HINT_LEAKED, 5, 0);
    world_hint(world, FLEET_HINT_LEAKED, 0, 0);
    ck_assert_uint_eq(world->leaks, 0);
    world_hint(world, FLEET_HINT_LEAKED, 4, 0);
    ck_assert_uint_eq(world->leaks, 1);
    ck_assert_uint_eq(world_status(world).generation, 0);
    ck_assert_ptr_null(world->present);
    world_free(world);
}
END_TEST

START_TEST(by_hand_does_not_heed_waits)
{
    struct fleet_world *world = world_following("old", 4);

    world_want(world, TOKEN_WISH_HAND);
    world_turn(world);
    world_reply(world, REPLY(.answer = FLEET_HELD, .wait = 7 * SECOND));
    world_hint(world, FLEET_HINT_WAIT, 0, 10 * SECOND);
    ck_assert_uint_eq(world->answers, 0);
    world_free(world);
}
END_TEST

/* Hints and looks. */

START_TEST(a_hint_makes_it_look_within_a_second)
{
    struct fleet_world *world = world_following("old", 4);

    world_hint(world, FLEET_HINT_NEW, 4, 0);
    ck_assert(!world->busy);
    ck_assert_int_ge(mono_diff(world->wake, world->now), 2 * MINUTE);
    world->random = UINT32_MAX;
    world_hint(world, FLEET_HINT_NEW, 5, 0);
    ck_assert_int_eq(world_until_wake(world), SECOND);
    ck_assert_int_eq(world->command.verb, FLEET_LOOK);
    ck_assert_uint_eq(world->command.have, 4);
    world_reply(world, REPLY(.answer = FLEET_LOOKED, .generation = 5, .counter = 5,
                             .lasts = 2 * HOUR, .sealed = "fresh|7200|" ID "|5"));
    ck_assert_uint_eq(world->offers, 1);
    ck_assert_uint_eq(world_status(world).generation, 5);
    world_free(world);
}
END_TEST

/* The hint of a put overtakes the reply to a look that was sent before it. */
START_TEST(a_hint_during_a_look_is_not_lost)
{
    struct fleet_world *world = world_following("old", 4);

    (void)world_until_wake(world);
    ck_assert_int_eq(world->command.verb, FLEET_LOOK);
    world_hint(world, FLEET_HINT_NEW, 5, 0);
    world_pass(world, 10 * MILLISECOND);
    world_reply(world, REPLY(.answer = FLEET_LOOKED, .generation = 4, .counter = 5));
    ck_assert(world->busy);
    ck_assert_int_eq(world->command.verb, FLEET_LOOK);
    /* A hint that nothing bears out is followed once. */
    world_reply(world, REPLY(.answer = FLEET_LOOKED, .generation = 4, .counter = 5));
    ck_assert(!world->busy);
    ck_assert_int_eq(mono_diff(world->wake, world->now), 4 * MINUTE);
    world_free(world);
}
END_TEST

/* Row "message lost". */
START_TEST(a_slow_look_finds_what_no_hint_told)
{
    struct fleet_world *world = world_following("old", 4);

    ck_assert_int_eq(world_until_wake(world), 4 * MINUTE); /* 5, less 20 % */
    ck_assert_int_eq(world->command.verb, FLEET_LOOK);
    world->random = UINT32_MAX;
    world_reply(world, REPLY(.answer = FLEET_LOOKED, .generation = 5, .counter = 5,
                             .lasts = 2 * HOUR, .sealed = "fresh|7200|" ID "|5", .members = 12));
    ck_assert_uint_eq(world->offers, 1);
    ck_assert_int_eq(world_status(world).members, 12);
    ck_assert_int_eq(world_until_wake(world), 6 * MINUTE);
    world_free(world);
}
END_TEST

/* What a look brings answers who waits for the lease. */
START_TEST(a_look_answers_who_waits)
{
    struct fleet_world *world = world_following("old", 4);

    world_want(world, TOKEN_WISH_SCHEDULE);
    world_turn(world);
    world_reply(world, REPLY(.answer = FLEET_HELD, .wait = 7 * SECOND));
    world_hint(world, FLEET_HINT_NEW, 5, 0);
    ck_assert_int_eq(world->command.verb, FLEET_LOOK);
    world_reply(world, REPLY(.answer = FLEET_LOOKED, .generation = 5, .counter = 5,
                             .lasts = 2 * HOUR, .sealed = "fresh|7200|" ID "|5"));
    ck_assert_int_eq(world->answer.kind, KEEPER_SHARED);
    world_free(world);
}
END_TEST

/* Damage. */

/* Row "record damaged or forged": counted, treated as none, asked for with cause first. */
START_TEST(a_damaged_record_is_replaced_once)
{
    struct fleet_world *world = world_following("old", 4);

    world_want(world, TOKEN_WISH_SCHEDULE);
    world_turn(world);
    world_reply(world, REPLY(.answer = FLEET_NEWER, .generation = 5, .lasts = HOUR,
                             .sealed = "fresh|3600|" ID "|4")); /* an old one, played back */
    ck_assert_int_eq(fleet_count(METRIC_FLEET_UNOPENED, 0), 1);
    ck_assert_int_eq(world->command.verb, FLEET_ASK);
    ck_assert_int_eq(world->command.wish, TOKEN_WISH_FIRST);
    ck_assert_uint_eq(world->command.have, 5);
    world_reply(world,
                REPLY(.answer = FLEET_NEWER, .generation = 6, .lasts = HOUR, .sealed = "garbage"));
    ck_assert_int_eq(world->answer.kind, KEEPER_HELD);
    ck_assert_int_eq(world->answer.held, KEEPER_HOLD_UNOPENED);
    ck_assert_int_eq(world->answer.hold, 30 * SECOND);
    ck_assert_uint_eq(world->fetches, 0);
    world_free(world);
}
END_TEST

START_TEST(a_damaged_record_in_a_look_changes_nothing)
{
    struct fleet_world *world = world_following("old", 4);

    (void)world_until_wake(world);
    world_reply(world, REPLY(.answer = FLEET_LOOKED, .generation = 5, .counter = 5, .lasts = HOUR,
                             .sealed = "garbage"));
    ck_assert_uint_eq(world->answers + world->offers, 0);
    ck_assert_uint_eq(world_status(world).generation, 4);
    ck_assert(!world->busy);
    world_free(world);
}
END_TEST

/* Two secrets. */

static struct fleet_world *with_two_secrets(void)
{
    struct fleet_world *world = world_new();

    world->settings.secrets = 2;
    world_start(world);
    world_connect(world);
    world_reply(world, REPLY(.answer = FLEET_LOOKED, .members = 7));
    return world;
}

START_TEST(the_other_id_is_looked_at_first)
{
    struct fleet_world *world = with_two_secrets();

    world_want(world, TOKEN_WISH_FIRST);
    world_turn(world);
    ck_assert_int_eq(world->command.verb, FLEET_LOOK);
    ck_assert_str_eq(world->command.id, OTHER_ID);
    world_reply(world, REPLY(.answer = FLEET_LOOKED));
    ck_assert_int_eq(world->command.verb, FLEET_ASK);
    ck_assert_str_eq(world->command.id, ID);
    ck_assert_int_eq(world->command.lease, LEASE + 5 * SECOND);
    world_free(world);
}
END_TEST

START_TEST(a_token_of_the_other_id_is_followed)
{
    struct fleet_world *world = with_two_secrets();

    world_want(world, TOKEN_WISH_FIRST);
    world_turn(world);
    world_reply(world, REPLY(.answer = FLEET_LOOKED, .generation = 9, .counter = 9, .lasts = HOUR,
                             .sealed = "other|3600|" OTHER_ID "|9"));
    ck_assert_int_eq(world->answer.kind, KEEPER_SHARED);
    ck_assert_uint_eq(world->shared_which, 1);
    ck_assert_str_eq(world->followed, OTHER_ID);
    ck_assert_uint_eq(world_status(world).generation, 9);
    world_free(world);
}
END_TEST

/* Who waits for it looks under the other id then. */
static void gives_its_lease_back(struct fleet_world *world, uint64_t fence)
{
    ck_assert_int_eq(world->command.verb, FLEET_FAIL);
    ck_assert_str_eq(world->command.id, ID);
    ck_assert_uint_eq(world->command.fence, fence);
    ck_assert_int_eq(world->command.failure, FLEET_STALLED);
    world_reply(world, REPLY(.answer = FLEET_NOTED, .wait = SECOND));
}

/* It was obtained with the other secret, so that it is put under that one's id. */
START_TEST(a_grant_for_the_other_secret_goes_to_its_id)
{
    struct fleet_world *world = with_two_secrets();

    world_want(world, TOKEN_WISH_FIRST);
    world_turn(world);
    world_reply(world, REPLY(.answer = FLEET_LOOKED, .counter = 3));
    world_reply(world, REPLY(.answer = FLEET_YOURS, .fence = 1));
    world_granted_for(world, 1, "x", HOUR);
    ck_assert_str_eq(world->followed, OTHER_ID);
    gives_its_lease_back(world, 1);
    ck_assert_int_eq(fleet_count(METRIC_FLEET_LEADS, FLEET_LEAD_GRANTED), 1);
    ck_assert_int_eq(fleet_count(METRIC_FLEET_LEADS, FLEET_LEAD_FAILED), 0);
    ck_assert_int_eq(world->command.verb, FLEET_LOOK);
    ck_assert_str_eq(world->command.id, OTHER_ID);
    world_reply(world, REPLY(.answer = FLEET_LOOKED, .counter = 3));
    ck_assert_int_eq(world->command.verb, FLEET_PUT);
    ck_assert_uint_eq(world->command.fence, 4);
    ck_assert_str_eq(world->sealed, "x|3600|" OTHER_ID "|4");
    world_reply(world, REPLY(.answer = FLEET_STORED));
    ck_assert_uint_eq(world_status(world).generation, 4);
    world_free(world);
}
END_TEST

/* A renewal; the other id's token is not better than ours, or no token of ours. */
static struct fleet_world *with_two_secrets_and_a_token(void)
{
    struct fleet_world *world = with_two_secrets();

    world_want(world, TOKEN_WISH_FIRST);
    world_turn(world);
    world_reply(world, REPLY(.answer = FLEET_LOOKED));
    world_reply(world, REPLY(.answer = FLEET_NEWER, .generation = 4, .lasts = HOUR,
                             .sealed = "old|3600|" ID "|4"));
    world_want(world, TOKEN_WISH_SCHEDULE);
    world_turn(world);
    ck_assert_int_eq(world->command.verb, FLEET_LOOK);
    ck_assert_str_eq(world->command.id, OTHER_ID);
    return world;
}

static void asks_under_its_own(const struct fleet_world *world)
{
    ck_assert_int_eq(world->command.verb, FLEET_ASK);
    ck_assert_str_eq(world->command.id, ID);
    ck_assert_int_eq(world->command.wish, TOKEN_WISH_SCHEDULE);
    ck_assert_uint_eq(world->offers, 0);
}

START_TEST(nothing_is_restored_under_the_other_id)
{
    struct fleet_world *world = with_two_secrets_and_a_token();

    world_reply(world, REPLY(.answer = FLEET_LOOKED));
    asks_under_its_own(world);
    /* And it is looked at again when the lease of another ends. */
    world_reply(world, REPLY(.answer = FLEET_HELD, .wait = 7 * SECOND));
    (void)world_until_wake(world);
    ck_assert_str_eq(world->command.id, OTHER_ID);
    world_free(world);
}
END_TEST

/* Nor are those who follow it the members of this one's fleet. */
START_TEST(the_other_ids_members_are_not_ours)
{
    struct fleet_world *world = with_two_secrets_and_a_token();

    world_reply(world,
                REPLY(.answer = FLEET_LOOKED, .members = 1, .lease = SECOND, .leader = "there.2"));
    ck_assert_int_eq(world_status(world).members, 7);
    ck_assert_str_eq(world_status(world).leader, "");
    world_free(world);
}
END_TEST

START_TEST(a_worse_token_of_the_other_id_is_left)
{
    struct fleet_world *world = with_two_secrets_and_a_token();

    world_reply(world, REPLY(.answer = FLEET_LOOKED, .generation = 9, .counter = 9,
                             .lasts = HOUR / 2, .sealed = "other|3600|" OTHER_ID "|9"));
    asks_under_its_own(world);
    /* The other secret brings a better one. */
    world_reply(world, REPLY(.answer = FLEET_YOURS, .fence = 5));
    world_pass(world, SECOND);
    world_granted_for(world, 1, "x", 2 * HOUR);
    gives_its_lease_back(world, 5);
    world_reply(world, REPLY(.answer = FLEET_LOOKED, .generation = 9, .counter = 9));
    ck_assert_int_eq(world->command.verb, FLEET_PUT);
    ck_assert_str_eq(world->sealed, "x|7200|" OTHER_ID "|10");
    world_free(world);
}
END_TEST

START_TEST(a_damaged_token_of_the_other_id_is_left)
{
    struct fleet_world *world = with_two_secrets_and_a_token();

    world_reply(world, REPLY(.answer = FLEET_LOOKED, .generation = 9, .counter = 9, .lasts = HOUR,
                             .sealed = "garbage"));
    asks_under_its_own(world);
    world_free(world);
}
END_TEST

/* The keeper. */

/* The answer to one request is often the occasion of the next. */
START_TEST(the_keeper_may_want_again_at_once)
{
    struct fleet_world *world = world_following("old", 4);

    world->wants_again = true;
    world->again = TOKEN_WISH_SCHEDULE;
    lead(world, TOKEN_WISH_SCHEDULE, 5);
    world_fetched(world, (struct keeper_result){.kind = KEEPER_NO_RESPONSE}, 0);
    ck_assert(world->flight);
    ck_assert_int_eq(world->command.verb, FLEET_FAIL);
    world_reply(world, REPLY(.answer = FLEET_NOTED, .wait = SECOND));
    ck_assert_int_eq(world->command.verb, FLEET_ASK);
    world_free(world);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fleet");
    TCase *tcase = tcase_create("the store at hand");

    log_configure(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    tcase_add_test(tcase, the_first_of_all_leads);
    tcase_add_test(tcase, our_token_is_used_and_then_put);
    tcase_add_test(tcase, another_members_token_is_shared);
    tcase_add_test(tcase, a_leader_that_died_is_followed_by_another);
    tcase_add_test(tcase, a_lease_that_came_late_is_not_used);
    tcase_add_test(tcase, a_late_put_yields_to_the_newer_token);
    tcase_add_test(tcase, a_late_put_of_a_token_that_lasts_longer);
    tcase_add_test(tcase, a_failure_is_told_to_the_fleet);
    tcase_add_test(tcase, anothers_failure_holds_the_keeper);
    tcase_add_test(tcase, a_wait_hint_holds_who_waits);
    tcase_add_test(tcase, refused_credentials_are_told_as_such);
    tcase_add_test(tcase, no_response_is_told_as_uncharged);
    tcase_add_test(tcase, a_long_retry_after_is_cut);
    tcase_add_test(tcase, a_stalled_renewal_is_not_put);
    tcase_add_test(tcase, a_refused_token_is_replaced_by_one);
    tcase_add_test(tcase, gone_is_waited_for);
    tcase_add_test(tcase, gone_is_not_waited_for_long);
    tcase_add_test(tcase, gone_of_another_generation_is_not_ours);
    tcase_add_test(tcase, recent_and_budget_keep_the_token);
    tcase_add_test(tcase, the_same_value_is_asked_for_again);
    tcase_add_test(tcase, forgotten_here);
    tcase_add_test(tcase, forgotten_elsewhere);
    tcase_add_test(tcase, by_hand_does_not_heed_waits);
    tcase_add_test(tcase, a_hint_makes_it_look_within_a_second);
    tcase_add_test(tcase, a_hint_during_a_look_is_not_lost);
    tcase_add_test(tcase, a_slow_look_finds_what_no_hint_told);
    tcase_add_test(tcase, a_look_answers_who_waits);
    tcase_add_test(tcase, a_damaged_record_is_replaced_once);
    tcase_add_test(tcase, a_damaged_record_in_a_look_changes_nothing);
    tcase_add_test(tcase, the_other_id_is_looked_at_first);
    tcase_add_test(tcase, a_token_of_the_other_id_is_followed);
    tcase_add_test(tcase, a_grant_for_the_other_secret_goes_to_its_id);
    tcase_add_test(tcase, the_keeper_may_want_again_at_once);
    tcase_add_test(tcase, a_successor_is_not_refused);
    tcase_add_test(tcase, gone_does_not_delay_a_renewal);
    tcase_add_test(tcase, a_hint_is_urgent_without_a_good_token);
    tcase_add_test(tcase, a_newer_token_that_ends_earlier_is_no_renewal);
    tcase_add_test(tcase, a_put_is_dropped_for_a_better_token);
    tcase_add_test(tcase, nothing_is_restored_under_the_other_id);
    tcase_add_test(tcase, the_other_ids_members_are_not_ours);
    tcase_add_test(tcase, a_worse_token_of_the_other_id_is_left);
    tcase_add_test(tcase, a_damaged_token_of_the_other_id_is_left);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
