/* How a fleet's link reaches its store: servers, roles, MOVED, and waits. */
#include "fleet_link_fixture.h"

#include <limits.h>
#include <math.h>

#include "token/fleet_reach.h"

static unsigned draws;

/* A twentieth of the ceiling. */
static uint32_t some_jitter(void)
{
    draws++;
    return UINT32_MAX / 20;
}

static void turn_until(size_t count)
{
    while (resp_count < count)
        turn();
}

/* ---- servers in turn ---- */

START_TEST(test_alternatives)
{
    make_link(TWO);
    sits(&a, ID_A);
    turn();
    ends(0, RESP_UNREACHABLE, "Connection refused");
    ck_assert_uint_eq(resp_count, 2); /* at once */
    ck_assert_str_eq(resps[1].server, "127.0.0.1:2");
    ck_told("");
    opens_pair(1);
    ck_assert_str_eq(resps[2].server, "127.0.0.1:2");
    confirms(2);
    ck_told("a connected\n");
    ends(1, RESP_CLOSED, "");
    turn();
    ck_assert_str_eq(resps[3].server, "127.0.0.1:1"); /* from the first one on */
    ends(3, RESP_UNREACHABLE, "");
    ends(4, RESP_UNREACHABLE, "");
    turn();
    ck_assert_str_eq(resps[5].server, "127.0.0.1:1");
}
END_TEST

START_TEST(test_alternative_after_a_denied_subscription)
{
    make_link(TWO);
    sits(&a, ID_A);
    turn();
    opens_pair(0);
    replies_error(1, "NOPERM this user has no permissions to run the 'subscribe' command");
    turn();
    ck_assert_str_eq(resps[2].server, "127.0.0.1:2");
    opens_pair(2);
    confirms(3);
    ck_told("a disconnected\na connected\n");
}
END_TEST

START_TEST(test_second_connection_fails)
{
    make_link(TWO);
    sits(&a, ID_A);
    turn();
    opens(0);
    says_role(0, "master");
    ends(1, RESP_REFUSED, "it has as many clients as it allows (maxclients)");
    ck_assert(resps[0].closed);
    ck_assert_str_eq(resps[2].server, "127.0.0.1:2");
}
END_TEST

START_TEST(test_nothing_can_be_opened)
{
    make_link(TWO);
    fleet_link_set_random(link_, some_jitter);
    resp_open_error = _i == 0 ? ERR_INVALID : ERR_SYSTEM;
    sits(&a, ID_A);
    turn();
    ck_told("a disconnected\n");
    resp_open_error = ERR_OK;
    turn_until(1);
    opens_pair(0);
    confirms(1);
    ck_told("a connected\n");
    ck_assert_ptr_nonnull(strstr(logged(), _i == 0 ? "with the TLS files" : "cannot be reached"));
}
END_TEST

START_TEST(test_unix_socket_and_login)
{
    write_mode("pw", "hush\n", 0600);
    make_link("servers = unix:/run/redis.sock\nuser = postcoded\npassword_file = pw\n");
    sits(&a, ID_A);
    turn();
    opens(0);
    says_role(0, "master");
    for (size_t i = 0; i < 2; i++) {
        ck_assert_str_eq(resps[i].server, "unix:/run/redis.sock");
        ck_assert_str_eq(resps[i].user, "postcoded");
        ck_assert_str_eq(resps[i].password, "hush");
        ck_assert(!resps[i].tls); /* though tls is on */
    }
}
END_TEST

/* ---- roles ---- */

START_TEST(test_replica)
{
    make_link(ONE);
    sits(&a, ID_A);
    turn();
    opens(0);
    replies(0, ITEMS(TEXT("slave"), TEXT("10.0.0.9"), NUMBER(6379), TEXT("connected"), NUMBER(1)));
    ck_assert(resps[0].closed);
    ck_told("a disconnected\n");
    const char *log = logged();
    ck_assert_ptr_nonnull(strstr(log, "127.0.0.1:1 is a replica and takes no writes (its master is "
                                      "10.0.0.9:6379)"));
    ck_assert_ptr_nonnull(strstr(log, "name its master in [fleet] servers"));
    turn();
    ck_assert_uint_eq(resp_count, 2);
}
END_TEST

START_TEST(test_replica_has_an_alternative)
{
    make_link(TWO);
    sits(&a, ID_A);
    turn();
    opens(0);
    replies(0, ITEMS(TEXT("slave"), TEXT("h"), NUMBER(1)));
    ck_assert_str_eq(resps[1].server, "127.0.0.1:2");
    opens_pair(1);
    confirms(2);
    ck_told("a connected\n");
}
END_TEST

START_TEST(test_server_is_a_sentinel)
{
    make_link(ONE);
    sits(&a, ID_A);
    turn();
    opens(0);
    replies(0, ITEMS(TEXT("sentinel"), TEXT("mymaster")));
    ck_assert_ptr_nonnull(strstr(logged(), "set [fleet] sentinel to the name of its master"));
}
END_TEST

static const char *const untold[] = {
    "NOPERM this user has no permissions to run the 'role' command",
    "ERR unknown command 'ROLE'",
};

START_TEST(test_role_is_not_told)
{
    make_link(ONE);
    sits(&a, ID_A);
    turn();
    opens(0);
    replies_error(0, untold[_i]);
    opens(1);
    confirms(1);
    ck_told("a connected\n");
}
END_TEST

START_TEST(test_role_needs_a_password)
{
    const int64_t auth = metric_sum(METRIC_FLEET_STORE_ERRORS, RESP_AUTH);

    make_link(ONE);
    sits(&a, ID_A);
    turn();
    opens(0);
    replies_error(0, "NOAUTH Authentication required.");
    ck_told("a disconnected\n");
    ck_assert_int_eq(metric_sum(METRIC_FLEET_STORE_ERRORS, RESP_AUTH), auth + 1);
    const char *log = logged();
    ck_assert_ptr_nonnull(strstr(log, "(NOAUTH Authentication required.)"));
    ck_assert_ptr_nonnull(strstr(log, "check [fleet] user and password_file"));
}
END_TEST

/* ---- MOVED ---- */

static void is_moved(size_t i, const char *error)
{
    sends(&a);
    replies_error(i, error);
    ck_told("a disconnected\n");
    turn();
}

static void connects(size_t i)
{
    opens_pair(i);
    confirms(i + 1);
    ck_told("a connected\n");
}

START_TEST(test_moved)
{
    make_connected(TWO);
    is_moved(0, "MOVED 3999 127.0.0.1:6381");
    ck_assert_str_eq(resps[2].server, "127.0.0.1:6381");
    connects(2);
    ck_assert_str_eq(resps[3].server, "127.0.0.1:6381");
    sends(&a);
    replies(2, NOTED(5));
    ck_told("a replied noted 5\n");
    ends(2, RESP_CLOSED, "");
    turn();
    ck_assert_str_eq(resps[4].server, "127.0.0.1:1"); /* as configured */
    const char *log = logged();
    ck_assert_uint_eq(count_of(log, "moved the keys to another node server=127.0.0.1:1 "
                                    "to=127.0.0.1:6381"),
                      1);
}
END_TEST

START_TEST(test_moved_to_nowhere)
{
    make_connected(TWO);
    is_moved(0, "MOVED 3999 127.0.0.1:6381");
    ends(2, RESP_UNREACHABLE, "");
    ck_told("");
    ck_assert_uint_eq(resp_count, 3); /* there is a wait */
    turn();
    ck_assert_str_eq(resps[3].server, "127.0.0.1:1");
}
END_TEST

static const struct {
    const char *error, *server;
} moves[] = {
    {"MOVED 3999 :6381", "127.0.0.1:6381"},
    {"MOVED 3999 ::1:6381", "[::1]:6381"},
    {"MOVED 3999 node-2.example:6381", "node-2.example:6381"},
    {"ERR Error running script (call to f_1): @user_script:1: -MOVED 1 10.0.0.2:6381 x",
     "10.0.0.2:6381"},
    {"MOVED 3999 127.0.0.1", NULL},
    {"MOVED 3999", NULL},
    {"MOVED", NULL},
    {"MOVED 3999 h:0", NULL},
    {"MOVED 3999 h:", NULL},
    {"MOVED 3999 a@b:1", NULL},
};

START_TEST(test_where_moved_leads)
{
    make_connected(ONE "plaintext = on\n");
    is_moved(0, moves[_i].error);
    ck_assert_str_eq(resps[2].server, moves[_i].server != NULL ? moves[_i].server : "127.0.0.1:1");
}
END_TEST

START_TEST(test_moved_to_another_port)
{
    make_connected("servers = [::1]:1\n" PLAIN);
    is_moved(0, "MOVED 3999 :6381");
    ck_assert_str_eq(resps[2].server, "[::1]:6381");
}
END_TEST

START_TEST(test_moved_from_a_socket)
{
    make_connected("servers = unix:/run/redis.sock\n");
    is_moved(0, "MOVED 3999 :6381");
    ck_assert_str_eq(resps[2].server, "unix:/run/redis.sock");
}
END_TEST

START_TEST(test_moved_must_be_allowed)
{
    make_connected(ONE);
    is_moved(0, "MOVED 3999 10.0.0.2:6381");
    turn();
    ck_assert_str_eq(resps[2].server, "127.0.0.1:1");
    ck_assert_ptr_nonnull(strstr(logged(), "10.0.0.2:6381 is not on loopback"));
}
END_TEST

START_TEST(test_moved_again_and_again)
{
    make_connected(ONE);
    size_t i = 0;
    for (size_t move = 0; move < FLEET_MOVES; move++, i += 2) {
        is_moved(i, "MOVED 3999 127.0.0.1:6381");
        ck_assert_str_eq(resps[i + 2].server, "127.0.0.1:6381");
        connects(i + 2);
    }
    is_moved(i, "MOVED 3999 127.0.0.1:6381");
    ck_assert_str_eq(resps[i + 2].server, "127.0.0.1:1");
    connects(i + 2);
    is_moved(i + 2, "MOVED 3999 127.0.0.1:6381");
    ck_assert_str_eq(resps[i + 4].server, "127.0.0.1:1"); /* nor then */
    const char *log = logged();
    ck_assert_uint_eq(count_of(log, "one of its nodes has the keys of all upstreams"), 1);
    ck_assert_uint_eq(count_of(log, "store was lost"), 1);
}
END_TEST

/* ---- waits ---- */

START_TEST(test_ceilings)
{
    static const int64_t ceilings[] = {1, 2, 4, 8, 16, 30, 30};

    for (unsigned i = 0; i < ARRAY_LEN(ceilings); i++) {
        ck_assert_int_eq(fleet_reach_wait(i, UINT32_MAX), ceilings[i] * SECOND);
        ck_assert_int_eq(fleet_reach_wait(i, 0), 0);
    }
    ck_assert_int_eq(fleet_reach_wait(UINT_MAX, UINT32_MAX), 30 * SECOND);
    ck_assert_int_lt(fleet_reach_wait(0, UINT32_MAX / 2), 501 * MILLISECOND);
    ck_assert_int_gt(fleet_reach_wait(0, UINT32_MAX / 2), 499 * MILLISECOND);
}
END_TEST

/* Waits of 50, 100 and 200 ms, at least. */
START_TEST(test_waits_grow)
{
    make_link(ONE);
    fleet_link_set_random(link_, some_jitter);
    draws = 0;
    sits(&a, ID_A);
    turn();
    const struct mono_time begin = mono_now();
    for (size_t i = 0; i < 3; i++) {
        ends(i, RESP_UNREACHABLE, "");
        turn_until(i + 2);
    }
    ck_assert_uint_eq(draws, 3);
    ck_assert_int_ge(mono_diff(mono_now(), begin), 349 * MILLISECOND);
}
END_TEST

/* The wait that the line tells of, in ms; -1: none. */
static double retry_of(const char *line)
{
    const char *retry = line != NULL ? strstr(line, "retry_in_ms=") : NULL;

    return retry != NULL ? strtod(retry + strlen("retry_in_ms="), NULL) : -1;
}

START_TEST(test_first_wait_after_a_connection_that_worked)
{
    make_link(ONE);
    sits(&a, ID_A);
    turn();
    for (size_t i = 0; i < 4; i++) {
        ends(i, RESP_UNREACHABLE, "");
        turn();
    }
    opens_pair(4);
    confirms(5);
    sends(&a);
    replies(4, NOTED(5));
    fleet_link_set_random(link_, some_jitter);
    ends(4, RESP_CLOSED, "");
    ck_assert_int_eq(lround(retry_of(strstr(logged(), "store was lost"))), 50);
}
END_TEST

/* A server that is loading its data does not make us come every second. */
START_TEST(test_wait_after_a_connection_that_did_not_work)
{
    make_link(ONE);
    sits(&a, ID_A);
    turn();
    for (size_t i = 0; i < 2; i++) {
        ends(i, RESP_UNREACHABLE, "");
        turn();
    }
    opens_pair(2);
    confirms(3);
    sends(&a);
    fleet_link_set_random(link_, some_jitter);
    replies_error(2, "LOADING Redis is loading the dataset in memory");
    ck_assert_int_eq(lround(retry_of(strstr(logged(), "store was lost"))), 200);
}
END_TEST

START_TEST(test_leaving_ends_the_wait)
{
    make_link(ONE);
    fleet_link_set_random(link_, some_jitter);
    sits(&a, ID_A);
    turn();
    ends(0, RESP_UNREACHABLE, "");
    leaves(&a);
    turn();
    ck_assert_uint_eq(resp_count, 1);
    sits(&a, ID_A); /* the machine is another one: no wait */
    turn();
    ck_assert_uint_eq(resp_count, 2);
}
END_TEST

static void add_servers(Suite *suite)
{
    TCase *tests = tcase_create("servers and roles");

    tcase_add_checked_fixture(tests, link_setup, link_teardown);
    tcase_add_test(tests, test_alternatives);
    tcase_add_test(tests, test_alternative_after_a_denied_subscription);
    tcase_add_test(tests, test_second_connection_fails);
    tcase_add_loop_test(tests, test_nothing_can_be_opened, 0, 2);
    tcase_add_test(tests, test_unix_socket_and_login);
    tcase_add_test(tests, test_replica);
    tcase_add_test(tests, test_replica_has_an_alternative);
    tcase_add_test(tests, test_server_is_a_sentinel);
    tcase_add_loop_test(tests, test_role_is_not_told, 0, (int)ARRAY_LEN(untold));
    tcase_add_test(tests, test_role_needs_a_password);
    suite_add_tcase(suite, tests);
}

static void add_moves_and_waits(Suite *suite)
{
    TCase *tests = tcase_create("MOVED and waits");

    tcase_add_checked_fixture(tests, link_setup, link_teardown);
    tcase_add_test(tests, test_moved);
    tcase_add_test(tests, test_moved_to_nowhere);
    tcase_add_loop_test(tests, test_where_moved_leads, 0, (int)ARRAY_LEN(moves));
    tcase_add_test(tests, test_moved_to_another_port);
    tcase_add_test(tests, test_moved_from_a_socket);
    tcase_add_test(tests, test_moved_must_be_allowed);
    tcase_add_test(tests, test_moved_again_and_again);
    tcase_add_test(tests, test_ceilings);
    tcase_add_test(tests, test_waits_grow);
    tcase_add_test(tests, test_first_wait_after_a_connection_that_worked);
    tcase_add_test(tests, test_wait_after_a_connection_that_did_not_work);
    tcase_add_test(tests, test_leaving_ends_the_wait);
    suite_add_tcase(suite, tests);
}

Suite *fleet_reach_suite(void);
Suite *fleet_reach_suite(void)
{
    Suite *suite = suite_create("fleet_reach");

    add_servers(suite);
    add_moves_and_waits(suite);
    return suite;
}

int main(void)
{
    return run_suite(fleet_reach_suite());
}
