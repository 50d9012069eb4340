/* The commands of a fleet's link: NOSCRIPT, replies of no use, errors that end the connection. */
#include "fleet_link_fixture.h"

#include "token/fleet_scripts.h"

static void ck_words(const char *sent, const char *verb, const char *script)
{
    char *begin = mem_printf("%s %s 3 pc:{" ID_A "}:l ", verb, script);

    ck_assert_msg(strncmp(sent, begin, strlen(begin)) == 0, "%s", sent);
    mem_free(begin);
}

START_TEST(test_command)
{
    make_connected(ONE);
    sends(&a);
    ck_words(last_sent(0), "EVALSHA", fleet_script_name(FLEET_FAIL));
    ck_told("");
    replies(0, NOTED(5));
    ck_told("a replied noted 5\n");
    sends(&a);
    replies(0, NOTED(6));
    ck_told("a replied noted 6\n");
}
END_TEST

START_TEST(test_command_of_each_seat)
{
    make_connected(ONE);
    sits(&b, ID_A);
    turn();
    ck_told("b connected\n");
    sends(&b);
    sends(&a);
    replies(0, NOTED(5));
    replies(0, NOTED(6));
    ck_told("b replied noted 5\na replied noted 6\n");
}
END_TEST

START_TEST(test_noscript)
{
    const char *first;

    make_connected(ONE);
    sends(&a);
    first = mem_strdup(last_sent(0));
    replies_error(0, "NOSCRIPT No matching script. Please use EVAL.");
    ck_told("");
    ck_assert_uint_eq(resps[0].sent_count, 3);
    ck_words(last_sent(0), "EVAL", fleet_script_text(FLEET_FAIL));
    /* The same arguments. */
    ck_assert_str_eq(strstr(last_sent(0), " 3 pc:{"), strstr(first, " 3 pc:{"));
    replies(0, NOTED(5));
    ck_told("a replied noted 5\n");
    sends(&a);
    ck_words(last_sent(0), "EVALSHA", fleet_script_name(FLEET_FAIL));
    mem_free((char *)(uintptr_t)first);
}
END_TEST

/* What the command borrowed is gone when it is sent again. */
START_TEST(test_noscript_keeps_what_was_borrowed)
{
    char id[] = ID_B, member[] = "somebody", sealed[] = "seeeealed";
    const struct fleet_command command = {.verb = FLEET_PUT,
                                          .id = id,
                                          .member = member,
                                          .fence = 9,
                                          .sealed = sealed,
                                          .sealed_len = strlen(sealed),
                                          .expire_at = 1234};

    make_connected(ONE);
    fleet_link_send(&a.seat, &command);
    memset(id, '#', strlen(id));
    memset(member, '#', strlen(member));
    memset(sealed, '#', strlen(sealed));
    replies_error(0, "NOSCRIPT No matching script. Please use EVAL.");
    ck_assert_ptr_nonnull(strstr(last_sent(0), "pc:{" ID_B "}:c somebody 9 seeeealed 1234"));
    replies(0, ITEMS(TEXT("stored")));
    ck_told("a replied stored 0\n");
}
END_TEST

START_TEST(test_noscript_again)
{
    make_connected(ONE);
    sends(&a);
    replies_error(0, "NOSCRIPT No matching script.");
    replies_error(0, "NOSCRIPT No matching script.");
    ck_told("a replied nothing\n");
}
END_TEST

START_TEST(test_noscript_of_a_seat_that_left)
{
    make_connected(ONE);
    sits(&b, ID_A);
    turn();
    ck_told("b connected\n");
    sends(&b);
    leaves(&b);
    replies_error(0, "NOSCRIPT No matching script.");
    replies(0, NOTED(5));
    ck_told("");
}
END_TEST

/* It says what is wrong once for each script, until that was good again. */
START_TEST(test_replies_of_no_use)
{
    const int64_t refused = metric_sum(METRIC_FLEET_STORE_ERRORS, RESP_REFUSED);
    const int64_t protocol = metric_sum(METRIC_FLEET_STORE_ERRORS, RESP_PROTOCOL);

    make_connected(ONE);
    for (int i = 0; i < 2; i++) {
        sends(&a);
        replies_error(0, "OOM command not allowed when used memory > 'maxmemory'.");
        ck_told("a replied nothing\n");
    }
    sends(&a);
    replies(0, NOTED(5));
    sends(&a);
    replies(0, ITEMS(TEXT("nonsense")));
    ck_told("a replied noted 5\na replied nothing\n");
    ck_assert(!resps[0].closed);
    ck_assert_int_eq(metric_sum(METRIC_FLEET_STORE_ERRORS, RESP_REFUSED), refused + 2);
    ck_assert_int_eq(metric_sum(METRIC_FLEET_STORE_ERRORS, RESP_PROTOCOL), protocol + 1);
    const char *log = logged();
    ck_assert_uint_eq(count_of(log, "OOM command not allowed"), 1);
    ck_assert_uint_eq(count_of(log, "none that the script gives"), 1);
}
END_TEST

START_TEST(test_script_denied)
{
    make_connected(ONE);
    for (int i = 0; i < 2; i++) {
        sends(&a);
        replies_error(0, "NOPERM this user has no permissions to run the 'evalsha' command");
    }
    ck_told("a replied nothing\na replied nothing\n");
    const char *log = logged();
    ck_assert_uint_eq(count_of(log, "script=fail"), 1);
    ck_assert_uint_eq(count_of(log, "run the 'evalsha' command"), 1);
    ck_assert_uint_eq(count_of(log, "the ACL line in postcoded.ini(5)"), 1);
}
END_TEST

static const char *const ending[] = {
    "READONLY You can't write against a read only replica. script: 29, on @user_script:1.",
    ("ERR Error running script (call to f_29): @user_script:1: -READONLY You can't write against a "
     "read only replica."),
    "LOADING Redis is loading the dataset in memory",
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    "CLUSTERDOWN Hash slot not served",
    "TRYAGAIN Multiple keys request during rehashing of slot",
    "ASK 3999 127.0.0.1:6381",
    "NOAUTH Authentication required.",
};

START_TEST(test_error_that_ends_the_connection)
{
    make_connected(ONE);
    sends(&a);
    replies_error(0, ending[_i]);
    ck_assert(resps[0].closed && resps[1].closed);
    ck_told("a disconnected\n");
    turn();
    ck_assert_uint_eq(resp_count, 3);
    const char *log = logged();
    ck_assert_uint_eq(count_of(log, "store was lost"), 1);
    ck_assert_ptr_nonnull(strstr(log, ending[_i]));
}
END_TEST

/* RESP_COMMANDS wait already, or the end of the connection is about to be told. */
START_TEST(test_command_that_cannot_be_sent)
{
    make_connected(ONE);
    resps[0].full = true;
    sends(&a);
    ck_told("");
    turn();
    ck_told("a replied nothing\n");
    sends(&a);
    ends(0, RESP_TIMEOUT, "no reply");
    ck_told("a disconnected\n");
    turn();
    ck_told("");
}
END_TEST

static void add_commands(Suite *suite)
{
    TCase *tests = tcase_create("commands");

    tcase_add_checked_fixture(tests, link_setup, link_teardown);
    tcase_add_test(tests, test_command);
    tcase_add_test(tests, test_command_of_each_seat);
    tcase_add_test(tests, test_noscript);
    tcase_add_test(tests, test_noscript_keeps_what_was_borrowed);
    tcase_add_test(tests, test_noscript_again);
    tcase_add_test(tests, test_noscript_of_a_seat_that_left);
    tcase_add_test(tests, test_replies_of_no_use);
    tcase_add_test(tests, test_script_denied);
    tcase_add_loop_test(tests, test_error_that_ends_the_connection, 0, (int)ARRAY_LEN(ending));
    tcase_add_test(tests, test_command_that_cannot_be_sent);
    suite_add_tcase(suite, tests);
}

Suite *fleet_call_suite(void);
Suite *fleet_call_suite(void)
{
    Suite *suite = suite_create("fleet_call");

    add_commands(suite);
    return suite;
}

int main(void)
{
    return run_suite(fleet_call_suite());
}
