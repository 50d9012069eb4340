/*
 * What a member makes of a store that is not to be trusted: its replies have their form, and say
 * what cannot be. A hostile store may keep members from sharing, but not have them use a token past
 * its end, ask without pause, or end.
 */
#include "fleet_world.h"

#include "base/log.h"
#include "suite.h"

/* A store that answers with errors is left alone for so long. */
#define PAUSE (5 * SECOND)

/* PTTL is the store's to say; the lifetime is under the seal. */
START_TEST(no_token_lasts_longer_than_its_lifetime)
{
    static const int64_t lasts[] = {HOUR + MILLISECOND, 1000 * HOUR, INT64_MAX - 775807};

    for (size_t i = 0; i < ARRAY_LEN(lasts); i++) {
        struct fleet_world *world = world_new();
        world_start(world);
        world_connect(world);
        world->now = mono_add(world->now, 100 * MILLISECOND);
        world_reply(world, REPLY(.answer = FLEET_LOOKED, .generation = 4, .counter = 4,
                                 .lasts = lasts[i], .sealed = "old|3600|" ID "|4"));
        ck_assert_ptr_nonnull(world->present);
        ck_assert_int_eq(mono_diff(token_expires_at(world->present), world->now),
                         HOUR - 100 * MILLISECOND);
        world_free(world);
    }
}
END_TEST

/* Nor when it was asked for. */
START_TEST(no_answer_lasts_longer_than_its_lifetime)
{
    struct fleet_world *world = world_following("old", 4);

    world_want(world, TOKEN_WISH_REFUSED);
    world_turn(world);
    world_reply(world, REPLY(.answer = FLEET_NEWER, .generation = 5, .lasts = 24 * HOUR,
                             .sealed = "new|3600|" ID "|5"));
    ck_assert_int_eq(world->answer.kind, KEEPER_SHARED);
    ck_assert_int_eq(mono_diff(token_expires_at(world->present), world->now), HOUR);
    world_free(world);
}
END_TEST

static void ck_deaf(struct fleet_world *world)
{
    ck_assert_int_eq(world_status(world).state, FLEET_ALONE);
    ck_assert_uint_eq(world->offers + world->answers, 0);
    ck_assert_str_eq(token_authorization(world->present), "Bearer ours");
    const unsigned commands = world->commands;
    world_pass(world, PAUSE - 1);
    ck_assert_uint_eq(world->commands, commands);
}

/* A record of before, sealed as it was: the member has heard of that generation, or was told it. */
START_TEST(an_old_record_does_not_come_back)
{
    static const uint64_t generations[] = {1, 3, 4};

    for (size_t i = 0; i < ARRAY_LEN(generations); i++) {
        struct fleet_world *world = world_following("ours", 4);
        char sealed[100];
        snprintf(sealed, sizeof(sealed), "before|36000|" ID "|%" PRIu64, generations[i]);
        (void)world_until_wake(world);
        ck_assert_int_eq(world->command.verb, FLEET_LOOK);
        world_reply(world, REPLY(.answer = FLEET_LOOKED, .generation = generations[i], .counter = 4,
                                 .lasts = 10 * HOUR, .sealed = sealed));
        ck_deaf(world);
        world_free(world);
    }
}
END_TEST

/* The same as an answer: without an end it would be asked for again and again. */
START_TEST(an_old_record_is_no_answer)
{
    struct fleet_world *world = world_following("ours", 4);

    world_want(world, TOKEN_WISH_SCHEDULE);
    world_turn(world);
    world_reply(world, REPLY(.answer = FLEET_NEWER, .generation = 4, .lasts = HOUR,
                             .sealed = "ours|3600|" ID "|4"));
    ck_assert_int_eq(world_status(world).state, FLEET_ALONE);
    ck_assert(!world->busy);
    ck_assert_int_eq(world->answer.kind, KEEPER_HELD);
    ck_assert_int_eq(world->answer.held, KEEPER_HOLD_LATER);
    world_free(world);
}
END_TEST

START_TEST(an_old_record_is_not_late)
{
    struct fleet_world *world = world_following("old", 4);

    world_want(world, TOKEN_WISH_SCHEDULE);
    world_turn(world);
    world_reply(world, REPLY(.answer = FLEET_YOURS, .fence = 7));
    world_granted(world, "ours", HOUR);
    ck_assert_int_eq(world->command.verb, FLEET_PUT);
    world->answers = 0;
    world_reply(world, REPLY(.answer = FLEET_LATE, .generation = 6, .lasts = 10 * HOUR,
                             .sealed = "before|36000|" ID "|6"));
    ck_deaf(world);
    world_free(world);
}
END_TEST

/* Whatever was counted before, there is a number for the next one. */
START_TEST(the_highest_generation)
{
    struct fleet_world *world = world_new();
    struct fleet_words words;

    world->present = make_token("kept", HOUR, world->now);
    world_start(world);
    world_connect(world);
    world_reply(world, REPLY(.answer = FLEET_LOOKED, .counter = FLEET_GENERATION_MAX));
    ck_assert_int_eq(world->command.verb, FLEET_PUT);
    ck_assert_uint_eq(world->command.fence, FLEET_GENERATION_MAX + 1);
    fleet_words_make(&words, "pc", &world->command, false);
    world_free(world);
}
END_TEST

/* The endpoint's, which is not trusted either: as without a fleet, an hour at the most. */
START_TEST(a_retry_after_of_a_day)
{
    struct fleet_world *world = world_following("old", 4);

    world_want(world, TOKEN_WISH_SCHEDULE);
    world_turn(world);
    world_reply(world, REPLY(.answer = FLEET_YOURS, .fence = 5));
    world_fetched(world, (struct keeper_result){.kind = KEEPER_FAILED, .retry_after = 24 * HOUR},
                  0);
    ck_assert_int_eq(world->command.verb, FLEET_FAIL);
    ck_assert_int_eq(world->command.floor, HOUR);
    world_free(world);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fleet, distrust");
    TCase *tcase = tcase_create("replies that cannot be");

    log_configure(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    tcase_add_test(tcase, no_token_lasts_longer_than_its_lifetime);
    tcase_add_test(tcase, no_answer_lasts_longer_than_its_lifetime);
    tcase_add_test(tcase, an_old_record_does_not_come_back);
    tcase_add_test(tcase, an_old_record_is_no_answer);
    tcase_add_test(tcase, an_old_record_is_not_late);
    tcase_add_test(tcase, the_highest_generation);
    tcase_add_test(tcase, a_retry_after_of_a_day);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
