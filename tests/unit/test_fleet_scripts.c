/* What the scripts of a fleet's store do, one thing each, in a real server. */
#include "store_server.h"

static struct fleet_reply told;

static enum fleet_answer ask_as(size_t member, enum token_wish wish, uint64_t have, int64_t limit)
{
    const struct fleet_command command = {.verb = FLEET_ASK,
                                          .id = ids[0],
                                          .member = members[member],
                                          .have = have,
                                          .wish = wish,
                                          .lease = 12 * SECOND,
                                          .limit = limit};

    run(&command, &told);
    return told.answer;
}

static enum fleet_answer put_as(size_t member, uint64_t fence, int64_t ms)
{
    const struct fleet_command command = {.verb = FLEET_PUT,
                                          .id = ids[0],
                                          .member = members[member],
                                          .fence = fence,
                                          .sealed = "sealed",
                                          .sealed_len = 6,
                                          .expire_at = now_ms() + ms};

    run(&command, &told);
    return told.answer;
}

static enum fleet_answer fail_as(size_t member, uint64_t fence, enum fleet_failure failure)
{
    const struct fleet_command command = {.verb = FLEET_FAIL,
                                          .id = ids[0],
                                          .member = members[member],
                                          .fence = fence,
                                          .failure = failure,
                                          .random = UINT32_MAX};

    run(&command, &told);
    return told.answer;
}

static void look(void)
{
    const struct fleet_command command = {.verb = FLEET_LOOK, .id = ids[0]};

    run(&command, &told);
}

static void pass(int64_t ns)
{
    set_clock(*clock_us + ns / 1000);
}

static void ck_said(const char *text)
{
    ck_assert_uint_eq(said.count, 1);
    ck_assert_str_eq(strchr(said.texts[0], ' ') + 1, text);
}

START_TEST(one_leads)
{
    ck_assert_int_eq(ask_as(0, TOKEN_WISH_FIRST, 0, 60), FLEET_YOURS);
    ck_assert_uint_eq(told.fence, 1);
    ck_assert_int_eq(ask_as(1, TOKEN_WISH_FIRST, 0, 60), FLEET_HELD);
    ck_assert_int_eq(told.wait, 12 * SECOND);
    ck_assert_int_eq(put_as(0, 1, 3600000), FLEET_STORED);
    ck_said("new 1");
    ck_assert_int_eq(ask_as(1, TOKEN_WISH_FIRST, 0, 60), FLEET_NEWER);
    /* 1 ms less, for the clock's ms is not over. */
    ck_assert_int_eq(told.lasts, HOUR - MILLISECOND);
    look();
    ck_assert_int_eq(told.members, 1);
    ck_assert_uint_eq(told.counter, 1);
    ck_assert_int_eq(told.lease, 0);
}
END_TEST

START_TEST(a_lease_taken_again_is_charged_once)
{
    ck_assert_int_eq(ask_as(0, TOKEN_WISH_REFUSED, 7, 1), FLEET_YOURS);
    ck_assert_uint_eq(told.fence, 8);
    ck_said("gone 7");
    ck_assert_int_eq(ask_as(0, TOKEN_WISH_REFUSED, 7, 1), FLEET_YOURS);
    ck_assert_uint_eq(told.fence, 9);
    ck_assert_int_eq(fail_as(0, 8, FLEET_FAILED), FLEET_LATE);
    ck_assert_int_eq(fail_as(0, 9, FLEET_FAILED), FLEET_NOTED);
    ck_assert_int_eq(told.wait, SECOND);
    ck_said("wait 1000");
    ck_assert_int_eq(ask_as(0, TOKEN_WISH_REFUSED, 7, 1), FLEET_RECENT);
    ck_assert_int_eq(ask_as(0, TOKEN_WISH_SCHEDULE, 7, 1), FLEET_WAIT);
    pass(SECOND);
    /* What follows a failure is charged. */
    ck_assert_int_eq(ask_as(0, TOKEN_WISH_SCHEDULE, 7, 1), FLEET_BUDGET);
    ck_assert_int_eq(told.wait, HOUR - SECOND);
    pass(told.wait - MILLISECOND);
    ck_assert_int_eq(ask_as(0, TOKEN_WISH_HAND, 7, 1), FLEET_BUDGET);
    ck_assert_int_eq(told.wait, MILLISECOND);
    pass(MILLISECOND);
    ck_assert_int_eq(ask_as(0, TOKEN_WISH_HAND, 7, 1), FLEET_YOURS);
}
END_TEST

START_TEST(no_charge_follows_a_stall)
{
    ck_assert_int_eq(ask_as(0, TOKEN_WISH_FIRST, 0, 0), FLEET_YOURS);
    ck_assert_int_eq(fail_as(0, 1, FLEET_STALLED), FLEET_NOTED);
    pass(SECOND);
    ck_assert_int_eq(ask_as(0, TOKEN_WISH_FIRST, 0, 0), FLEET_YOURS);
    ck_assert_int_eq(fail_as(0, 2, FLEET_FAILED), FLEET_NOTED);
    ck_assert_int_eq(told.wait, 2 * SECOND);
    pass(2 * SECOND);
    ck_assert_int_eq(ask_as(0, TOKEN_WISH_FIRST, 0, 0), FLEET_BUDGET);
    ck_assert_int_eq(told.wait, HOUR);
    ck_assert_int_eq(ask_as(0, TOKEN_WISH_HAND, 0, 0), FLEET_BUDGET);
    pass(10 * MINUTE);
    ck_assert_int_eq(ask_as(0, TOKEN_WISH_FIRST, 0, 0), FLEET_YOURS);
}
END_TEST

START_TEST(what_is_forgotten_is_gone_at_once)
{
    ck_assert_int_eq(ask_as(0, TOKEN_WISH_FIRST, 0, 60), FLEET_YOURS);
    ck_assert_int_eq(put_as(0, 1, 3600000), FLEET_STORED);
    ck_assert_int_eq(ask_as(0, TOKEN_WISH_SCHEDULE, 1, 60), FLEET_YOURS);
    /* Another one leads: it is gone nevertheless. */
    ck_assert_int_eq(ask_as(1, TOKEN_WISH_FORGOTTEN, 1, 60), FLEET_HELD);
    ck_said("leaked 1");
    look();
    ck_assert_uint_eq(told.generation, 0);
    ck_assert_uint_eq(told.counter, 2);
    ck_assert_int_eq(put_as(0, 2, 3600000), FLEET_STORED);
    ck_assert_int_eq(ask_as(1, TOKEN_WISH_FORGOTTEN, 1, 60), FLEET_NEWER);
    /* Nobody leads and none may ask: the counter goes past it. */
    ck_assert_int_eq(ask_as(1, TOKEN_WISH_FORGOTTEN, 2, 0), FLEET_BUDGET);
    look();
    ck_assert_uint_eq(told.generation, 0);
    ck_assert_uint_eq(told.counter, 3);
}
END_TEST

START_TEST(puts_are_fenced)
{
    ck_assert_int_eq(ask_as(0, TOKEN_WISH_FIRST, 0, 60), FLEET_YOURS);
    pass(12 * SECOND);
    ck_assert_int_eq(ask_as(1, TOKEN_WISH_FIRST, 0, 60), FLEET_YOURS);
    ck_assert_uint_eq(told.fence, 2);
    ck_assert_int_eq(put_as(1, 2, 3600000), FLEET_STORED);
    ck_assert_int_eq(put_as(0, 1, 3600000), FLEET_LATE);
    ck_assert_uint_eq(told.generation, 2);
    ck_assert_int_eq(put_as(1, 2, 3600000), FLEET_LATE);
    /* After a flush the first one that puts its own back has it; numbers go on from there. */
    flush();
    ck_assert_int_eq(put_as(2, 2, 3600000), FLEET_STORED);
    ck_assert_int_eq(put_as(1, 2, 3600000), FLEET_LATE);
    ck_assert_int_eq(ask_as(1, TOKEN_WISH_SCHEDULE, 2, 60), FLEET_YOURS);
    ck_assert_uint_eq(told.fence, 3);
    /* Over before it came: the lease is given back, nothing else. */
    ck_assert_int_eq(put_as(1, 3, 0), FLEET_STORED);
    ck_assert_uint_eq(said.count, 0);
    look();
    ck_assert_uint_eq(told.generation, 2);
    ck_assert_int_eq(told.lease, 0);
}
END_TEST

/* ---- what the user may not do ---- */

START_TEST(the_user_may_do_no_more)
{
    static const char *const forbidden[] = {
        "GET other",       "SET pd:{x}:t 1",  "KEYS *",          "FLUSHALL",
        "CONFIG GET *",    "PUBLISH other x", "SUBSCRIBE other", "SCRIPT FLUSH",
        "PUBSUB CHANNELS", "CLIENT LIST",     "ACL LIST",        "SHUTDOWN",
    };
    static const char *const allowed[] = {"ROLE", "CLIENT SETNAME me", "TIME", "SUBSCRIBE pc:{x}:c",
                                          "UNSUBSCRIBE pc:{x}:c"};

    for (size_t i = 0; i < ARRAY_LEN(forbidden); i++) {
        redisReply *reply = redisCommand(caller, forbidden[i]);
        ck_assert_ptr_nonnull(reply);
        ck_assert_msg(reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "NOPERM", 6) == 0,
                      "%s", forbidden[i]);
        freeReplyObject(reply);
    }
    for (size_t i = 0; i < ARRAY_LEN(allowed); i++) {
        redisReply *reply = redisCommand(caller, allowed[i]);
        ck_assert(reply != NULL && reply->type != REDIS_REPLY_ERROR);
        freeReplyObject(reply);
    }
}
END_TEST

/* A server that does not let us count: the look works, and knows no number. */
START_TEST(members_that_may_not_be_counted)
{
    struct resp_reply items[16];
    const struct fleet_command command = {.verb = FLEET_LOOK, .id = ids[0]};

    administer("ACL SETUSER postcoded -pubsub|numsub");
    redisReply *reply = run_script(&command, items, &told);
    ck_assert_int_eq(told.members, 0);
    freeReplyObject(reply);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fleet_scripts");
    TCase *tcase = tcase_create("scripts");

    if (server_name() == NULL) {
        puts("SKIP: neither redis-server nor valkey-server is here");
        return 77;
    }
    tcase_add_checked_fixture(tcase, begin, end);
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, one_leads);
    tcase_add_test(tcase, a_lease_taken_again_is_charged_once);
    tcase_add_test(tcase, no_charge_follows_a_stall);
    tcase_add_test(tcase, what_is_forgotten_is_gone_at_once);
    tcase_add_test(tcase, puts_are_fenced);
    tcase_add_test(tcase, the_user_may_do_no_more);
    tcase_add_test(tcase, members_that_may_not_be_counted);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
