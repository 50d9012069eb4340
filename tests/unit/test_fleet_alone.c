/*
 * A member without its store: the token at hand goes on, successors are requested late and at
 * random moments, a lot decides who requests, and what the store's return ends.
 */
#include "fleet_world.h"

#include "base/log.h"
#include "suite.h"

/* An hour's token of generation 4, and no store. */
static struct fleet_world *alone(void)
{
    struct fleet_world *world = world_following("old", 4);

    world_disconnect(world);
    ck_assert_int_eq(world_status(world).state, FLEET_ALONE);
    return world;
}

/* The store is not there when it starts. */

START_TEST(a_start_waits_half_a_second)
{
    struct fleet_world *world = world_new();

    world_start(world);
    world_want(world, TOKEN_WISH_FIRST);
    world_turn(world);
    ck_assert_int_eq(world_status(world).state, FLEET_JOINING);
    ck_assert_int_eq(world_until_wake(world), 500 * MILLISECOND);
    ck_assert_int_eq(world_status(world).state, FLEET_ALONE);
    ck_assert_uint_eq(world->fetches, 1); /* random: 0 of 5 s */
    world_free(world);
}
END_TEST

START_TEST(a_store_that_refuses_is_not_waited_for)
{
    struct fleet_world *world = world_new();

    world->random = UINT32_MAX / 2;
    world_start(world);
    world_want(world, TOKEN_WISH_FIRST);
    world_turn(world);
    world_disconnect(world);
    ck_assert_int_eq(world_status(world).state, FLEET_ALONE);
    world_pass(world, 2 * SECOND);
    ck_assert_uint_eq(world->fetches, 0);
    world_pass(world, SECOND);
    ck_assert_uint_eq(world->fetches, 1);
    ck_assert_int_eq(fleet_count(METRIC_FLEET_ALONE, 0), 1);
    world_free(world);
}
END_TEST

START_TEST(a_store_that_comes_in_time_is_asked)
{
    struct fleet_world *world = world_new();

    world->random = UINT32_MAX;
    world_start(world);
    world_want(world, TOKEN_WISH_FIRST);
    world_pass(world, SECOND);
    ck_assert_uint_eq(world->fetches, 0);
    world_connect(world);
    world_reply(world, REPLY(.answer = FLEET_LOOKED));
    ck_assert_int_eq(world->command.verb, FLEET_ASK);
    world_pass(world, MINUTE);
    ck_assert_uint_eq(world->fetches, 0);
    world_free(world);
}
END_TEST

/* Row "store slow or down", with a token at hand. */

/* renew_at is 12 min before the expiry here: the window is 180 s, its last 20 s are left free. */
START_TEST(a_successor_is_requested_late)
{
    static const struct {
        uint32_t random;
        int64_t before_expiry;
    } cases[] = {{0, 180 * SECOND}, {UINT32_MAX, 20 * SECOND}};

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fleet_world *world = alone();
        const struct mono_time expiry = token_expires_at(world->present);
        world_pass(world, 48 * MINUTE);
        world->random = cases[i].random;
        world_want(world, TOKEN_WISH_SCHEDULE);
        world_turn(world);
        ck_assert_int_eq(world->answer.kind, KEEPER_HELD);
        ck_assert_int_eq(world->answer.held, KEEPER_HOLD_LATER);
        ck_assert_int_eq(mono_diff(expiry, world->now) - world->answer.hold,
                         cases[i].before_expiry);
        world->random = 0;
        world_pass(world, world->answer.hold);
        world_want(world, TOKEN_WISH_SCHEDULE);
        world_turn(world);
        ck_assert_uint_eq(world->fetches, 1);
        world_free(world);
    }
}
END_TEST

/* A minute's token: 12 s of margin, of which the window is 60 %, and 3 s that it is not used. */
START_TEST(a_short_token_is_replaced_before_it_is_unusable)
{
    struct fleet_world *world = alone();

    token_unref(world->present);
    world->present = make_token("short", MINUTE, world->now);
    world_pass(world, 48 * SECOND);
    world->random = UINT32_MAX;
    world_want(world, TOKEN_WISH_SCHEDULE);
    world_turn(world);
    ck_assert_int_eq(world->answer.hold, 9 * SECOND);
    world_free(world);
}
END_TEST

/* An outage that ends before then costs no request. */
START_TEST(the_stores_return_ends_a_hold)
{
    struct fleet_world *world = alone();

    world_pass(world, 48 * MINUTE);
    world_want(world, TOKEN_WISH_SCHEDULE);
    world_turn(world);
    ck_assert_int_eq(world->answer.held, KEEPER_HOLD_LATER);
    world_connect(world);
    ck_assert_uint_eq(world->retries, 0); /* it may have a token */
    world_reply(world, REPLY(.answer = FLEET_LOOKED, .generation = 4, .counter = 4));
    ck_assert_uint_eq(world->retries, 1);
    world_want(world, TOKEN_WISH_SCHEDULE);
    world_turn(world);
    ck_assert_int_eq(world->command.verb, FLEET_ASK);
    ck_assert_uint_eq(world->fetches, 0);
    /* Once. */
    world_reply(world, REPLY(.answer = FLEET_WAIT, .wait = HOUR));
    (void)world_until_wake(world);
    ck_assert_int_eq(world->command.verb, FLEET_LOOK);
    world_reply(world, REPLY(.answer = FLEET_LOOKED, .generation = 4, .counter = 4));
    ck_assert_uint_eq(world->retries, 1);
    world_free(world);
}
END_TEST

/* Nothing was held: nothing is to be retried. */
START_TEST(a_return_without_a_hold)
{
    struct fleet_world *world = alone();

    world_connect(world);
    world_reply(world, REPLY(.answer = FLEET_LOOKED, .generation = 4, .counter = 4));
    ck_assert_uint_eq(world->retries, 0);
    world_free(world);
}
END_TEST

START_TEST(a_refused_token_is_replaced_within_5_s)
{
    struct fleet_world *world = alone();

    world->random = UINT32_MAX / 2;
    world_pass(world, MINUTE);
    world_want(world, TOKEN_WISH_REFUSED);
    world_turn(world);
    ck_assert_uint_eq(world->answers, 0);
    world_pass(world, 2 * SECOND);
    ck_assert_uint_eq(world->fetches, 0);
    world_pass(world, SECOND);
    ck_assert_uint_eq(world->fetches, 1);
    world_free(world);
}
END_TEST

/* The keeper asks again after a failure as if on schedule; but the token is no better for that. */
START_TEST(a_refused_token_is_replaced_after_a_failure)
{
    struct fleet_world *world = alone();

    world_pass(world, MINUTE);
    world_want(world, TOKEN_WISH_REFUSED);
    world_turn(world);
    ck_assert_uint_eq(world->fetches, 1);
    world_fetched(world, (struct keeper_result){.kind = KEEPER_FAILED, .reason = "answered 500"},
                  0);
    world_want(world, TOKEN_WISH_SCHEDULE);
    world_turn(world);
    ck_assert_uint_eq(world->fetches, 2);
    world_free(world);
}
END_TEST

/* A 401 came while a renewal was judged: the hold makes the keeper want another token at once. */
START_TEST(a_hold_that_is_met_with_another_wish)
{
    struct fleet_world *world = alone();

    world_pass(world, 30 * MINUTE);
    world->wants_again = true;
    world->again = TOKEN_WISH_REFUSED;
    world_want(world, TOKEN_WISH_SCHEDULE);
    world_turn(world);
    ck_assert_uint_eq(world->answers, 1);
    ck_assert_uint_eq(world->fetches, 1);
    world_free(world);
}
END_TEST

START_TEST(by_hand_is_at_once)
{
    struct fleet_world *world = alone();

    world->random = UINT32_MAX;
    world_want(world, TOKEN_WISH_HAND);
    world_turn(world);
    ck_assert_uint_eq(world->fetches, 1);
    world_granted(world, "own", HOUR);
    world_want(world, TOKEN_WISH_FORGOTTEN);
    world_turn(world);
    ck_assert_uint_eq(world->fetches, 2);
    world_free(world);
}
END_TEST

/* The reply to a command under way never comes. */
START_TEST(a_question_under_way_is_lost)
{
    struct fleet_world *world = world_following("old", 4);

    world_want(world, TOKEN_WISH_SCHEDULE);
    world_turn(world);
    ck_assert_int_eq(world->command.verb, FLEET_ASK);
    world_disconnect(world);
    ck_assert_int_eq(world->answer.held, KEEPER_HOLD_LATER);
    world_free(world);
}
END_TEST

/* The lease was ours already: its request goes on, and its token is put when the store is back. */
START_TEST(a_leader_goes_on)
{
    struct fleet_world *world = world_following("old", 4);

    world_pass(world, MINUTE);
    world_want(world, TOKEN_WISH_SCHEDULE);
    world_turn(world);
    world_reply(world, REPLY(.answer = FLEET_YOURS, .fence = 5));
    world_disconnect(world);
    world_granted(world, "fresh", HOUR);
    ck_assert_int_eq(world->answer.kind, KEEPER_GRANTED);
    ck_assert(!world->busy);
    ck_assert_int_eq(fleet_count(METRIC_FLEET_ALONE, 0), 0);
    fleet_connected(world->fleet, world->now);
    world_turn(world);
    ck_assert_int_eq(world->command.verb, FLEET_PUT);
    ck_assert_str_eq(world->sealed, "fresh|3600|" ID "|5");
    world_free(world);
}
END_TEST

/* A put without a reply: the next look tells whether it arrived. */
START_TEST(a_put_under_way_is_lost)
{
    struct fleet_world *world = world_following("old", 4);

    world_pass(world, MINUTE);
    world_want(world, TOKEN_WISH_SCHEDULE);
    world_turn(world);
    world_reply(world, REPLY(.answer = FLEET_YOURS, .fence = 5));
    world_granted(world, "fresh", HOUR);
    ck_assert_int_eq(world->command.verb, FLEET_PUT);
    world_disconnect(world);
    world_connect(world);
    world_reply(world, REPLY(.answer = FLEET_LOOKED, .generation = 4, .counter = 5));
    ck_assert_int_eq(world->command.verb, FLEET_PUT);
    ck_assert_uint_eq(world->command.fence, 5);
    world_free(world);
}
END_TEST

/* The keeper wants again before the store has said anything: that request is asked for. */
START_TEST(a_hold_that_is_over_already)
{
    struct fleet_world *world = alone();

    world_pass(world, 48 * MINUTE);
    world_want(world, TOKEN_WISH_SCHEDULE);
    world_turn(world);
    world_connect(world);
    world_want(world, TOKEN_WISH_REFUSED);
    world_reply(world, REPLY(.answer = FLEET_LOOKED, .generation = 4, .counter = 4));
    ck_assert_uint_eq(world->retries, 0);
    ck_assert_int_eq(world->command.verb, FLEET_ASK);
    world_free(world);
}
END_TEST

/* The moment is drawn once a token. */
START_TEST(the_moment_stays)
{
    struct fleet_world *world = alone();

    world_pass(world, 48 * MINUTE);
    world->random = UINT32_MAX;
    world_want(world, TOKEN_WISH_SCHEDULE);
    world_turn(world);
    const int64_t hold = world->answer.hold;
    world->random = 0;
    world_want(world, TOKEN_WISH_SCHEDULE);
    world_turn(world);
    ck_assert_int_eq(world->answer.hold, hold);
    world_free(world);
}
END_TEST

/* Its successor has another one, and another lot. */
START_TEST(another_token_has_another_moment)
{
    struct fleet_world *world = alone();

    world_pass(world, 57 * MINUTE);
    world_want(world, TOKEN_WISH_SCHEDULE);
    world_turn(world);
    ck_assert_uint_eq(world->fetches, 1);
    world_granted(world, "own", HOUR);
    world_pass(world, 50 * MINUTE);
    world_want(world, TOKEN_WISH_SCHEDULE);
    world_turn(world);
    ck_assert_int_eq(world->answer.held, KEEPER_HOLD_LATER);
    ck_assert_int_eq(world->answer.hold, 7 * MINUTE);
    world_free(world);
}
END_TEST

START_TEST(another_token_has_another_lot)
{
    struct fleet_world *world = world_new();

    world->settings.alone = 5;
    world_start(world);
    world_connect(world);
    world_reply(world, REPLY(.answer = FLEET_LOOKED, .generation = 4, .counter = 4, .lasts = HOUR,
                             .sealed = "old|3600|" ID "|4", .members = 10));
    world_disconnect(world);
    world_want(world, TOKEN_WISH_REFUSED);
    world_turn(world);
    world_granted(world, "own", HOUR);
    world->random = UINT32_MAX;
    world_want(world, TOKEN_WISH_REFUSED);
    world_turn(world);
    ck_assert_int_eq(world->answer.kind, KEEPER_HELD);
    ck_assert_int_eq(world->answer.held, KEEPER_HOLD_ALONE);
    world_free(world);
}
END_TEST

/* No early expiry at all: the moment is that from which it is not used any more. */
START_TEST(a_token_without_a_margin)
{
    const struct token_grant grant = {.type = "Bearer", .value = "x", .lifetime = HOUR};
    struct fleet_world *world = alone();

    token_unref(world->present);
    world->present = token_new(&grant, world->now, &(struct token_renewal){0}, 0, 1, 1);
    world_want(world, TOKEN_WISH_SCHEDULE);
    world_turn(world);
    ck_assert_int_eq(world->answer.hold, HOUR - 10 * SECOND);
    world_free(world);
}
END_TEST

/* A look fails while our request is under way: the token waits until the store answers again. */
START_TEST(a_put_waits_for_a_store_that_answers)
{
    struct fleet_world *world = world_following("old", 4);

    world_pass(world, 4 * MINUTE - SECOND);
    world_want(world, TOKEN_WISH_SCHEDULE);
    world_turn(world);
    world_reply(world, REPLY(.answer = FLEET_YOURS, .fence = 5));
    (void)world_until_wake(world);
    ck_assert_int_eq(world->command.verb, FLEET_LOOK);
    world->busy = false;
    fleet_lost(world->fleet, world->now);
    world_granted(world, "fresh", HOUR);
    ck_assert(!world->busy);
    (void)world_until_wake(world);
    ck_assert_int_eq(world->command.verb, FLEET_LOOK);
    world_reply(world, REPLY(.answer = FLEET_LOOKED, .generation = 4, .counter = 5));
    ck_assert_int_eq(world->command.verb, FLEET_PUT);
    ck_assert_uint_eq(world->command.fence, 5);
    world_free(world);
}
END_TEST

/* What was to be told over the old connection is found out anew over the next. */
/* Nor is it put where it was refused meanwhile: all members would take it. */
START_TEST(a_put_of_a_refused_token_is_not_sent)
{
    struct fleet_world *world = world_following("old", 4);

    world_want(world, TOKEN_WISH_SCHEDULE);
    world_turn(world);
    world_reply(world, REPLY(.answer = FLEET_YOURS, .fence = 5));
    world_disconnect(world);
    world_pass(world, SECOND);
    world_granted(world, "fresh", HOUR);
    world_pass(world, SECOND);
    world_want(world, TOKEN_WISH_REFUSED);
    world_turn(world);
    world_connect(world); /* it looks, and does not put */
    world_free(world);
}
END_TEST

START_TEST(a_put_that_was_not_sent_is_lost)
{
    struct fleet_world *world = world_following("old", 4);

    world_pass(world, 4 * MINUTE - SECOND);
    world_want(world, TOKEN_WISH_SCHEDULE);
    world_turn(world);
    world_reply(world, REPLY(.answer = FLEET_YOURS, .fence = 5));
    (void)world_until_wake(world);
    world_granted(world, "fresh", HOUR);
    world_disconnect(world);
    world_connect(world);
    ck_assert_uint_eq(world->command.have, 5);
    world_free(world);
}
END_TEST

/* Tokens obtained alone. */

static struct fleet_world *with_a_token_of_its_own(void)
{
    struct fleet_world *world = alone();

    world_pass(world, 10 * MINUTE);
    world_want(world, TOKEN_WISH_HAND);
    world_turn(world);
    world_granted(world, "own", HOUR);
    ck_assert_uint_eq(world_status(world).generation, 0);
    return world;
}

/* The store has only the one of before. */
START_TEST(our_own_token_is_put_over_an_older_one)
{
    struct fleet_world *world = with_a_token_of_its_own();

    world_connect(world);
    world_reply(world, REPLY(.answer = FLEET_LOOKED, .generation = 4, .counter = 6));
    ck_assert_int_eq(world->command.verb, FLEET_PUT);
    ck_assert_uint_eq(world->command.fence, 7);
    world_reply(world, REPLY(.answer = FLEET_STORED));
    ck_assert_uint_eq(world_status(world).generation, 7);
    world_free(world);
}
END_TEST

/* Another member was quicker, and ours lasts as long: it stays, and is not put. */
START_TEST(our_own_token_is_not_put_over_a_newer_one)
{
    struct fleet_world *world = with_a_token_of_its_own();

    world_connect(world);
    world_reply(world, REPLY(.answer = FLEET_LOOKED, .generation = 5, .counter = 5,
                             .lasts = 30 * MINUTE, .sealed = "theirs|3600|" ID "|5"));
    ck_assert(!world->busy);
    ck_assert_str_eq(token_authorization(world->present), "Bearer own");
    (void)world_until_wake(world);
    world_reply(world, REPLY(.answer = FLEET_LOOKED, .generation = 5, .counter = 5));
    ck_assert(!world->busy);
    /* Refused, it is not the store's token that is refused. */
    world_want(world, TOKEN_WISH_REFUSED);
    world_turn(world);
    ck_assert_int_eq(world->command.verb, FLEET_ASK);
    ck_assert_uint_eq(world->command.have, 0);
    world_reply(world, REPLY(.answer = FLEET_NEWER, .generation = 5, .lasts = 30 * MINUTE,
                             .sealed = "theirs|3600|" ID "|5"));
    ck_assert_int_eq(world->answer.kind, KEEPER_SHARED);
    ck_assert_uint_eq(world_status(world).generation, 5);
    world_free(world);
}
END_TEST

/* Alone it was replaced, and the store has it still. Then the one in its place is refused, too. */
START_TEST(a_refused_token_does_not_come_back)
{
    static const enum token_wish wishes[] = {TOKEN_WISH_REFUSED, TOKEN_WISH_FORGOTTEN};

    for (size_t i = 0; i < ARRAY_LEN(wishes); i++) {
        struct fleet_world *world = alone();
        world_pass(world, MINUTE);
        world_want(world, wishes[i]);
        world_turn(world);
        world_pass(world, 5 * SECOND);
        world_granted(world, "own", HOUR);
        world_connect(world);
        world_reply(world, REPLY(.answer = FLEET_LOOKED, .generation = 4, .counter = 5,
                                 .lease = 3 * SECOND, .leader = "there.2"));
        world_want(world, TOKEN_WISH_REFUSED);
        world_turn(world);
        ck_assert_int_eq(world->command.verb, FLEET_ASK);
        ck_assert_uint_eq(world->command.have, 4);
        world_free(world);
    }
}
END_TEST

/* A lease of before is over: what is obtained alone later is not put under its fence. */
START_TEST(our_own_token_has_no_fence)
{
    struct fleet_world *world = world_following("old", 4);

    world_pass(world, MINUTE);
    world_want(world, TOKEN_WISH_SCHEDULE);
    world_turn(world);
    world_reply(world, REPLY(.answer = FLEET_YOURS, .fence = 5));
    world_granted(world, "fresh", HOUR);
    world_reply(world, REPLY(.answer = FLEET_STORED));
    world_disconnect(world);
    world_pass(world, MINUTE);
    world_want(world, TOKEN_WISH_HAND);
    world_turn(world);
    world_granted(world, "own", HOUR);
    ck_assert_uint_eq(world_status(world).generation, 0);
    world_free(world);
}
END_TEST

START_TEST(our_own_token_waits_for_anothers_lease)
{
    struct fleet_world *world = with_a_token_of_its_own();

    world_connect(world);
    world_reply(world, REPLY(.answer = FLEET_LOOKED, .counter = 5, .lease = 3 * SECOND,
                             .leader = "there.2"));
    ck_assert(!world->busy);
    world_free(world);
}
END_TEST

/* It comes when the store is back already. */
START_TEST(our_own_token_comes_after_the_store)
{
    struct fleet_world *world = alone();

    world_pass(world, 10 * MINUTE);
    world_want(world, TOKEN_WISH_HAND);
    world_turn(world);
    world_connect(world);
    world_reply(world, REPLY(.answer = FLEET_LOOKED, .generation = 4, .counter = 4));
    world_granted(world, "own", HOUR);
    ck_assert_int_eq(world->command.verb, FLEET_LOOK);
    world_reply(world, REPLY(.answer = FLEET_LOOKED, .generation = 4, .counter = 4));
    ck_assert_int_eq(world->command.verb, FLEET_PUT);
    ck_assert_uint_eq(world->command.fence, 5);
    world_free(world);
}
END_TEST

/* The lot. */

/* 10 members, tokens of half an hour, 10 requests an hour: half of them may. */
START_TEST(the_lot_falls_by_the_share)
{
    static const struct {
        double lot;
        bool lost;
    } cases[] = {{0, false}, {0.49, false}, {0.51, true}, {1, true}};

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fleet_world *world = world_new();
        world->settings.alone = 10;
        world_start(world);
        world_connect(world);
        world_reply(world, REPLY(.answer = FLEET_LOOKED, .generation = 4, .counter = 4,
                                 .lasts = HOUR / 2, .sealed = "old|1800|" ID "|4", .members = 10));
        world_disconnect(world);
        world->random = (uint32_t)(cases[i].lot * UINT32_MAX);
        world_want(world, TOKEN_WISH_REFUSED);
        world_turn(world);
        world_pass(world, 5 * SECOND);
        ck_assert_uint_eq(world->fetches, cases[i].lost ? 0 : 1);
        if (cases[i].lost)
            ck_assert_int_eq(world->answer.held, KEEPER_HOLD_ALONE);
        world_free(world);
    }
}
END_TEST

/* Once a token: a loser does not draw until it wins. */
START_TEST(the_lot_is_drawn_once)
{
    struct fleet_world *world = world_new();

    world->settings.alone = 5;
    world_start(world);
    world_connect(world);
    world_reply(world, REPLY(.answer = FLEET_LOOKED, .generation = 4, .counter = 4, .lasts = HOUR,
                             .sealed = "old|3600|" ID "|4", .members = 10));
    world_disconnect(world);
    world->random = UINT32_MAX;
    world_want(world, TOKEN_WISH_REFUSED);
    world_turn(world);
    ck_assert_int_eq(world->answer.held, KEEPER_HOLD_ALONE);
    ck_assert_int_eq(world->answer.hold, HOUR);
    world->random = 0;
    world_pass(world, 30 * MINUTE);
    world_want(world, TOKEN_WISH_REFUSED);
    world_turn(world);
    ck_assert_int_eq(world->answer.held, KEEPER_HOLD_ALONE);
    ck_assert_int_eq(world->answer.hold, 30 * MINUTE);
    world_pass(world, 30 * MINUTE);
    world_want(world, TOKEN_WISH_REFUSED);
    world_turn(world);
    ck_assert_uint_eq(world->fetches, 1);
    world_free(world);
}
END_TEST

/* Row "issuer keeps one token a client". */
START_TEST(alone_0_makes_no_request)
{
    struct fleet_world *world = world_new();

    world->settings.alone = 0;
    world_start(world);
    world_want(world, TOKEN_WISH_FIRST);
    world_pass(world, SECOND);
    ck_assert_int_eq(world->answer.kind, KEEPER_HELD);
    ck_assert_int_eq(world->answer.held, KEEPER_HOLD_ALONE);
    world_pass(world, 10 * HOUR);
    ck_assert_uint_eq(world->fetches, 0);
    world_want(world, TOKEN_WISH_FIRST);
    world_turn(world);
    ck_assert_uint_eq(world->fetches, 0);
    world_connect(world);
    world_reply(world, REPLY(.answer = FLEET_LOOKED));
    ck_assert_uint_eq(world->retries, 1);
    world_free(world);
}
END_TEST

/* A store that is there, and answers with errors. */

START_TEST(a_store_of_errors_is_as_good_as_none)
{
    struct fleet_world *world = world_following("old", 4);

    world_want(world, TOKEN_WISH_REFUSED);
    world_turn(world);
    world->busy = false;
    fleet_lost(world->fleet, world->now);
    world_turn(world);
    ck_assert_int_eq(world_status(world).state, FLEET_ALONE);
    ck_assert_uint_eq(world->fetches, 1);
    world_granted(world, "own", HOUR);
    ck_assert(!world->busy);
    ck_assert_int_le(world_until_wake(world), 10 * SECOND);
    ck_assert_int_eq(world->command.verb, FLEET_LOOK);
    world_reply(world, REPLY(.answer = FLEET_LOOKED, .generation = 4, .counter = 4));
    ck_assert_int_eq(world_status(world).state, FLEET_FOLLOWING);
    world_free(world);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fleet, alone");
    TCase *tcase = tcase_create("without the store");

    log_configure(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    tcase_add_test(tcase, a_start_waits_half_a_second);
    tcase_add_test(tcase, a_store_that_refuses_is_not_waited_for);
    tcase_add_test(tcase, a_store_that_comes_in_time_is_asked);
    tcase_add_test(tcase, a_successor_is_requested_late);
    tcase_add_test(tcase, a_short_token_is_replaced_before_it_is_unusable);
    tcase_add_test(tcase, the_stores_return_ends_a_hold);
    tcase_add_test(tcase, a_return_without_a_hold);
    tcase_add_test(tcase, a_refused_token_is_replaced_within_5_s);
    tcase_add_test(tcase, a_refused_token_is_replaced_after_a_failure);
    tcase_add_test(tcase, a_hold_that_is_met_with_another_wish);
    tcase_add_test(tcase, by_hand_is_at_once);
    tcase_add_test(tcase, a_question_under_way_is_lost);
    tcase_add_test(tcase, a_leader_goes_on);
    tcase_add_test(tcase, a_put_under_way_is_lost);
    tcase_add_test(tcase, our_own_token_is_put_over_an_older_one);
    tcase_add_test(tcase, our_own_token_is_not_put_over_a_newer_one);
    tcase_add_test(tcase, our_own_token_waits_for_anothers_lease);
    tcase_add_test(tcase, our_own_token_comes_after_the_store);
    tcase_add_test(tcase, the_lot_falls_by_the_share);
    tcase_add_test(tcase, the_lot_is_drawn_once);
    tcase_add_test(tcase, alone_0_makes_no_request);
    tcase_add_test(tcase, a_store_of_errors_is_as_good_as_none);
    tcase_add_test(tcase, a_hold_that_is_over_already);
    tcase_add_test(tcase, the_moment_stays);
    tcase_add_test(tcase, another_token_has_another_moment);
    tcase_add_test(tcase, another_token_has_another_lot);
    tcase_add_test(tcase, a_token_without_a_margin);
    tcase_add_test(tcase, a_put_waits_for_a_store_that_answers);
    tcase_add_test(tcase, a_put_that_was_not_sent_is_lost);
    tcase_add_test(tcase, a_put_of_a_refused_token_is_not_sent);
    tcase_add_test(tcase, our_own_token_has_no_fence);
    tcase_add_test(tcase, a_refused_token_does_not_come_back);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
