/* token/fleet_link.h: seats, their channels and hints. */
#include "fleet_link_fixture.h"

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
    tcase_add_test(tests, test_hints);
    tcase_add_test(tests, test_hint_for_both);
    tcase_add_test(tests, test_status);
    suite_add_tcase(suite, tests);
}

Suite *fleet_link_suite(void);
Suite *fleet_link_suite(void)
{
    Suite *suite = suite_create("fleet_link");

    add_seats(suite);
    return suite;
}

int main(void)
{
    return run_suite(fleet_link_suite());
}
