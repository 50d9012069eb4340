/* token/fleet_link.h: seats, their channels, commands and hints. */
#include "fleet_link_fixture.h"

#include "token/fleet_scripts.h"

/* ---- a seat's life ---- */

START_TEST(test_nothing_is_opened_without_a_seat)
{
    make_link(ONE);
    turn();
    ck_assert_uint_eq(resp_count, 0);
}
END_TEST

START_TEST(test_connected_when_both_are)
{
    make_link(ONE "timeout = 700ms\n");
    sits(&a, ID_A);
    ck_assert_uint_eq(resp_count, 0); /* not from within */
    turn();
    ck_assert_uint_eq(resp_count, 1);
    ck_assert_str_eq(resps[0].server, "127.0.0.1:1");
    ck_assert_int_eq(resps[0].timeout, 700 * MILLISECOND);
    ck_assert_str_eq(resps[0].name, "postcoded");
    opens(0);
    ck_assert_uint_eq(resp_count, 1); /* the role comes first */
    says_role(0, "master");
    ck_assert_uint_eq(resp_count, 2);
    ck_assert_str_eq(resps[1].server, "127.0.0.1:1");
    opens(1);
    ck_assert_str_eq(last_sent(1), "SUBSCRIBE " CHANNEL_A);
    ck_told("");
    confirms(1);
    ck_told("a connected\n");
    turn();
    ck_told("");
}
END_TEST

START_TEST(test_second_seat_of_the_same_id)
{
    make_connected(ONE);
    sits(&b, ID_A);
    ck_told(""); /* not from within */
    turn();
    ck_told("b connected\n");
    ck_assert_uint_eq(resps[1].sent_count, 1); /* one subscription */
    leaves(&a);
    turn();
    ck_assert_uint_eq(resps[1].sent_count, 1); /* b has it still */
    says(1, CHANNEL_A, "new 3");
    ck_told("b hinted new 3\n");
}
END_TEST

START_TEST(test_second_seat_of_another_id)
{
    make_connected(ONE);
    sits(&b, ID_B);
    turn();
    ck_assert_str_eq(last_sent(1), "SUBSCRIBE " CHANNEL_B);
    ck_told("");
    confirms(1);
    ck_told("b connected\n");
    leaves(&a);
    turn();
    ck_assert_str_eq(last_sent(1), "UNSUBSCRIBE " CHANNEL_A);
}
END_TEST

START_TEST(test_two_seats_before_the_first_connection)
{
    make_link(ONE);
    sits(&a, ID_A);
    sits(&b, ID_B);
    turn();
    opens_pair(0);
    confirms(1);
    ck_told("a connected\n");
    confirms(1);
    ck_told("b connected\n");
}
END_TEST

START_TEST(test_a_channel_left_before_it_was_confirmed)
{
    make_connected(ONE);
    sits(&b, ID_B);
    turn();
    leaves(&b);
    turn();
    ck_assert_str_eq(last_sent(1), "SUBSCRIBE " CHANNEL_B);
    confirms(1);
    ck_assert_str_eq(last_sent(1), "UNSUBSCRIBE " CHANNEL_B);
    ck_told("");
}
END_TEST

START_TEST(test_all_is_closed_with_the_last_seat)
{
    make_connected(ONE);
    leaves(&a);
    ck_assert(resps[0].closed && resps[1].closed);
    sits(&a, ID_B);
    turn();
    opens_pair(2);
    ck_assert_str_eq(last_sent(3), "SUBSCRIBE " CHANNEL_B);
    confirms(3);
    ck_told("a connected\n");
}
END_TEST

START_TEST(test_follow)
{
    make_connected(ONE);
    fleet_link_follow(&a.seat, ID_B);
    ck_told("");
    says(1, CHANNEL_A, "new 3"); /* not of the former id */
    ck_told("");
    turn();
    ck_assert_str_eq(resps[1].sent[1].text, "UNSUBSCRIBE " CHANNEL_A);
    ck_assert_str_eq(resps[1].sent[2].text, "SUBSCRIBE " CHANNEL_B);
    confirms(1);
    ck_told("a connected\n");
    says(1, CHANNEL_B, "new 4");
    ck_told("a hinted new 4\n");
}
END_TEST

START_TEST(test_follow_with_a_command_under_way)
{
    make_connected(ONE);
    sends(&a);
    fleet_link_follow(&a.seat, ID_B);
    turn();
    replies(0, NOTED(5));
    ck_told("a replied noted 5\n");
    confirms(1);
    ck_told("a connected\n");
}
END_TEST

/* A look under the other id comes with it. */
START_TEST(test_follow_and_send)
{
    make_connected(ONE);
    fleet_link_follow(&a.seat, ID_B);
    sends(&a);
    turn();
    replies(0, NOTED(5));
    ck_told("a replied noted 5\n");
    fleet_link_follow(&a.seat, ID_A);
    sends(&a);
    ends(0, RESP_CLOSED, "");
    ck_told("a disconnected\n");
}
END_TEST

/* ---- loss ---- */

static void lose_either(size_t which)
{
    make_link(ONE);
    sits(&a, ID_A);
    sits(&b, ID_B);
    turn();
    opens_pair(0);
    confirms(1);
    confirms(1);
    ck_told("a connected\nb connected\n");
    sends(&a);
    ends(which, RESP_CLOSED, "the connection broke");
    ck_assert(resps[0].closed && resps[1].closed);
    ck_told("a disconnected\nb disconnected\n");
    turn();
    opens_pair(2);
    confirms(3);
    confirms(3);
    ck_told("a connected\nb connected\n");
    sends(&a); /* the lost one is not under way any more */
}

START_TEST(test_loss_of_either)
{
    lose_either((size_t)_i);
}
END_TEST

START_TEST(test_never_connected)
{
    make_link(ONE);
    sits(&a, ID_A);
    turn();
    ends(0, RESP_UNREACHABLE, "Connection refused");
    ck_told("a disconnected\n");
    turn();
    ends(1, RESP_UNREACHABLE, "Connection refused");
    ck_told(""); /* once */
    sits(&b, ID_B);
    ck_told("");
    turn();
    ck_told("b disconnected\n");
    opens_pair(2);
    confirms(3);
    confirms(3);
    ck_told("a connected\nb connected\n");
}
END_TEST

START_TEST(test_subscription_denied)
{
    make_link(ONE);
    sits(&a, ID_A);
    turn();
    opens_pair(0);
    replies_error(1, "NOPERM this user has no permissions to run the 'subscribe' command");
    ck_assert(resps[0].closed && resps[1].closed);
    ck_told("a disconnected\n");
    turn();
    opens_pair(2);
    replies_error(3, "NOPERM this user has no permissions to run the 'subscribe' command");
    turn();
    const char *log = logged();
    ck_assert_uint_eq(count_of(log, "run the 'subscribe' command"), 1);
    ck_assert_uint_eq(count_of(log, "the ACL line in postcoded.ini(5)"), 1);
    ck_assert_uint_eq(count_of(log, "was reached"), 0);
}
END_TEST

/* The connection is about to end, and takes nothing. */
START_TEST(test_subscription_that_cannot_be_sent)
{
    make_connected(ONE);
    resps[1].full = true;
    sits(&b, ID_B);
    turn();
    ck_assert(resps[0].closed && resps[1].closed);
    ck_told("a disconnected\nb disconnected\n");
}
END_TEST

/* ---- commands ---- */

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
    "ERR Error running script (call to f_29): @user_script:1: -READONLY You can't write against a "
    "read only replica.",
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

/* ---- hints ---- */

START_TEST(test_hints)
{
    make_connected(ONE);
    sits(&b, ID_B);
    turn();
    says(1, CHANNEL_B, "new 1"); /* it is not connected yet */
    ck_told("");
    confirms(1);
    ck_told("b connected\n");
    says(1, CHANNEL_A, "gone 3");
    says(1, CHANNEL_B, "leaked 4");
    says(1, CHANNEL_A, "wait 1500");
    ck_told("a hinted gone 3\nb hinted leaked 4\na hinted wait 1500\n");
    says(1, CHANNEL_A, "nonsense");
    says(1, "pc:{other}:c", "new 1");
    ck_told("");
}
END_TEST

START_TEST(test_hint_for_both)
{
    make_connected(ONE);
    sits(&b, ID_A);
    turn();
    ck_told("b connected\n");
    says(1, CHANNEL_A, "new 3");
    says(1, CHANNEL_A, "new 3");
    ck_told("a hinted new 3\nb hinted new 3\na hinted new 3\nb hinted new 3\n");
}
END_TEST

/* ---- what a port may do ---- */

static void leave_all(struct sitter *sitter, const char *what)
{
    (void)sitter;
    (void)what;
    leaves(&a);
    leaves(&b);
}

static void leave_other(struct sitter *sitter, const char *what)
{
    (void)what;
    leaves(sitter == &a ? &b : &a);
}

static void leave_and_join(struct sitter *sitter, const char *what)
{
    (void)what;
    sitter->reacts = NULL;
    leaves(sitter);
    sits(sitter, ID_B);
}

static void follow_other(struct sitter *sitter, const char *what)
{
    (void)what;
    sitter->reacts = NULL;
    fleet_link_follow(&sitter->seat, ID_B);
}

static void send_another(struct sitter *sitter, const char *what)
{
    if (strcmp(what, "disconnected") != 0)
        sends(sitter);
    sitter->reacts = NULL;
}

static void (*const reactions[])(struct sitter *sitter, const char *what) = {
    leave_all, leave_other, leave_and_join, follow_other, send_another,
};

/* Two seats, the first of which does something in the port; then the link is used as before. */
static void with_reaction(int reaction)
{
    make_connected(ONE);
    sits(&b, ID_A);
    turn();
    ck_told("b connected\n");
    a.reacts = reactions[reaction];
}

static void then_it_works(void)
{
    a.reacts = NULL;
    turn();
    leaves(&a);
    leaves(&b);
    buf_reset(&told);
    sits(&a, ID_A);
    turn();
    const size_t first = resp_count - 1;
    opens_pair(first);
    confirms(first + 1);
    ck_told("a connected\n");
    sends(&a);
    replies(first, NOTED(5));
    ck_told("a replied noted 5\n");
}

START_TEST(test_reaction_to_a_reply)
{
    with_reaction(_i);
    sends(&a);
    replies(0, NOTED(5));
    then_it_works();
}
END_TEST

START_TEST(test_reaction_to_a_hint)
{
    with_reaction(_i);
    says(1, CHANNEL_A, "new 3");
    ck_assert_uint_le(count_of(buf_text(&told), "a hinted"), 1);
    then_it_works();
}
END_TEST

START_TEST(test_reaction_to_a_loss)
{
    with_reaction(_i);
    ends(0, RESP_CLOSED, "");
    then_it_works();
}
END_TEST

/* b believes that it is connected when a hears that nobody is. */
static void send_for_other(struct sitter *sitter, const char *what)
{
    (void)what;
    sitter->reacts = NULL;
    sends(&b);
}

START_TEST(test_sending_while_others_are_told)
{
    with_reaction(0);
    a.reacts = send_for_other;
    ends(0, RESP_CLOSED, "");
    turn();
    ck_assert_ptr_nonnull(strstr(buf_text(&told), "a disconnected\nb disconnected\n"));
    ck_assert_ptr_null(strstr(buf_text(&told), "replied noted"));
    then_it_works();
}
END_TEST

START_TEST(test_reaction_to_a_lost_command)
{
    with_reaction(_i);
    sends(&a);
    replies_error(0, "READONLY You can't write against a read only replica.");
    then_it_works();
}
END_TEST

START_TEST(test_reaction_to_being_connected)
{
    make_link(ONE);
    a.reacts = reactions[_i];
    sits(&a, ID_A);
    sits(&b, ID_A);
    turn();
    opens_pair(0);
    confirms(1);
    then_it_works();
}
END_TEST

/* ---- status ---- */

START_TEST(test_status)
{
    struct fleet_link_status status;

    make_link(ONE);
    fleet_link_status(link_, &status);
    ck_assert(!status.connected);
    ck_assert_str_eq(status.server, "127.0.0.1:1");
    ck_assert_str_eq(status.error, "no connection was opened yet");
    sits(&a, ID_A);
    turn();
    ends(0, RESP_AUTH, "WRONGPASS");
    fleet_link_status(link_, &status);
    ck_assert_str_eq(status.error, "127.0.0.1:1 refused the user or the password (WRONGPASS); "
                                   "check [fleet] user and password_file, and the user in the "
                                   "store");
    ck_assert_int_gt(status.failed.ns, 0);
    turn();
    opens_pair(1);
    fleet_link_status(link_, &status);
    ck_assert(!status.connected);
    confirms(2);
    fleet_link_status(link_, &status);
    ck_assert(status.connected);
    ck_assert_ptr_null(status.error);
    ends(1, RESP_CLOSED, "");
    fleet_link_status(link_, &status);
    ck_assert_str_eq(status.error, "127.0.0.1:1 closed the connection");
}
END_TEST

static void add_seats(Suite *suite)
{
    TCase *tests = tcase_create("seats");

    tcase_add_checked_fixture(tests, link_setup, link_teardown);
    tcase_add_test(tests, test_nothing_is_opened_without_a_seat);
    tcase_add_test(tests, test_connected_when_both_are);
    tcase_add_test(tests, test_second_seat_of_the_same_id);
    tcase_add_test(tests, test_second_seat_of_another_id);
    tcase_add_test(tests, test_two_seats_before_the_first_connection);
    tcase_add_test(tests, test_a_channel_left_before_it_was_confirmed);
    tcase_add_test(tests, test_all_is_closed_with_the_last_seat);
    tcase_add_test(tests, test_follow);
    tcase_add_test(tests, test_follow_with_a_command_under_way);
    tcase_add_test(tests, test_follow_and_send);
    tcase_add_loop_test(tests, test_loss_of_either, 0, 2);
    tcase_add_test(tests, test_never_connected);
    tcase_add_test(tests, test_subscription_denied);
    tcase_add_test(tests, test_subscription_that_cannot_be_sent);
    tcase_add_test(tests, test_status);
    suite_add_tcase(suite, tests);
}

static void add_commands(Suite *suite)
{
    TCase *tests = tcase_create("commands and hints");

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
    tcase_add_test(tests, test_hints);
    tcase_add_test(tests, test_hint_for_both);
    suite_add_tcase(suite, tests);
}

static void add_reactions(Suite *suite)
{
    TCase *tests = tcase_create("what a port may do");
    const int count = (int)ARRAY_LEN(reactions);

    tcase_add_checked_fixture(tests, link_setup, link_teardown);
    tcase_add_loop_test(tests, test_reaction_to_a_reply, 0, count);
    tcase_add_loop_test(tests, test_reaction_to_a_hint, 0, count);
    tcase_add_loop_test(tests, test_reaction_to_a_loss, 0, count);
    tcase_add_loop_test(tests, test_reaction_to_a_lost_command, 0, count);
    tcase_add_loop_test(tests, test_reaction_to_being_connected, 0, count);
    tcase_add_test(tests, test_sending_while_others_are_told);
    suite_add_tcase(suite, tests);
}

Suite *fleet_link_suite(void);
Suite *fleet_link_suite(void)
{
    Suite *suite = suite_create("fleet_link");

    add_seats(suite);
    add_commands(suite);
    add_reactions(suite);
    return suite;
}

int main(void)
{
    return run_suite(fleet_link_suite());
}
