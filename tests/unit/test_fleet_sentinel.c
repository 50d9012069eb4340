/* How a fleet's link finds the master that Sentinels watch. */
#include "fleet_link_fixture.h"

#define SENTINELS TWO "sentinel = mymaster\nplaintext = on\n"
#define ASK "SENTINEL GET-MASTER-ADDR-BY-NAME mymaster"
static const struct resp_reply nil = {.type = RESP_NIL};

static void names_master(size_t i, const char *host, const char *port)
{
    opens(i);
    ck_assert_str_eq(last_sent(i), ASK);
    replies(i, ITEMS(TEXT(host), TEXT(port)));
    ck_assert(resps[i].closed);
}

START_TEST(test_sentinel)
{
    write_mode("pw", "hush\n", 0600);
    write_mode("spw", "psst\n", 0600);
    make_link(SENTINELS "user = u\npassword_file = pw\nsentinel_user = su\n"
                        "sentinel_password_file = spw\n");
    sits(&a, ID_A);
    turn();
    ck_assert_str_eq(resps[0].server, "127.0.0.1:1");
    ck_assert_str_eq(resps[0].user, "su");
    ck_assert_str_eq(resps[0].password, "psst");
    ck_assert_ptr_null(resps[0].name);
    names_master(0, "10.0.0.9", "6379");
    ck_assert_str_eq(resps[1].server, "10.0.0.9:6379");
    ck_assert_str_eq(resps[1].user, "u");
    ck_assert_str_eq(resps[1].password, "hush");
    opens_pair(1);
    confirms(2);
    ck_told("a connected\n");
    ck_assert_ptr_nonnull(strstr(logged(), "store was reached server=10.0.0.9:6379"));
}
END_TEST

START_TEST(test_sentinel_without_login)
{
    write_mode("pw", "hush\n", 0600);
    make_link(SENTINELS "user = u\npassword_file = pw\n");
    sits(&a, ID_A);
    turn();
    ck_assert_ptr_null(resps[0].user);
    ck_assert_ptr_null(resps[0].password);
}
END_TEST

START_TEST(test_next_sentinel)
{
    make_link(SENTINELS);
    sits(&a, ID_A);
    turn();
    opens(0);
    replies(0, &nil);
    ck_assert(resps[0].closed);
    ck_assert_str_eq(resps[1].server, "127.0.0.1:2");
    names_master(1, "::1", "6379");
    ck_assert_str_eq(resps[2].server, "[::1]:6379");
    opens_pair(2);
    confirms(3);
    ck_told("a connected\n");
    /* Who was right is asked first. */
    ends(2, RESP_CLOSED, "");
    turn();
    ck_assert_str_eq(resps[4].server, "127.0.0.1:2");
    ends(4, RESP_UNREACHABLE, "");
    ck_assert_str_eq(resps[5].server, "127.0.0.1:1");
}
END_TEST

START_TEST(test_sentinel_names_no_master_any_more)
{
    make_link(SENTINELS);
    sits(&a, ID_A);
    turn();
    names_master(0, "10.0.0.9", "6379");
    opens(1);
    replies(1, ITEMS(TEXT("slave"), TEXT("10.0.0.8"), NUMBER(6379)));
    ck_told("a disconnected\n"); /* the round ends, and there is a wait */
    ck_assert_uint_eq(resp_count, 2);
    turn();
    ck_assert_str_eq(resps[2].server, "127.0.0.1:2"); /* the next one */
    names_master(2, "10.0.0.8", "6379");
    opens_pair(3);
    confirms(4);
    ck_told("a connected\n");
}
END_TEST

static const struct {
    const char *error; /* NULL: nil */
    const char *log;
} unhelpful[] = {
    {NULL, "knows no master of that name"},
    {"ERR unknown command 'SENTINEL'", "answers as no Sentinel does"},
    {"NOAUTH Authentication required.", "check [fleet] sentinel_user"},
    {"NOPERM this user has no permissions to run the 'sentinel' command",
     "check [fleet] sentinel_user"},
};

START_TEST(test_unhelpful_sentinels)
{
    make_link(SENTINELS);
    sits(&a, ID_A);
    turn();
    for (size_t i = 0; i < 2; i++) {
        opens(i);
        if (unhelpful[_i].error == NULL)
            replies(i, &nil);
        else
            replies_error(i, unhelpful[_i].error);
    }
    ck_told("a disconnected\n");
    turn();
    ck_assert_str_eq(resps[2].server, "127.0.0.1:1");
    const char *log = logged();
    ck_assert_ptr_nonnull(strstr(log, "the Sentinel 127.0.0.1:1 "));
    ck_assert_ptr_nonnull(strstr(log, "the Sentinel 127.0.0.1:2 "));
    ck_assert_ptr_nonnull(strstr(log, unhelpful[_i].log));
    if (unhelpful[_i].error != NULL)
        ck_assert_ptr_nonnull(strstr(log, unhelpful[_i].error));
    ck_assert_uint_eq(count_of(log, "\n"), 1); /* one line for both */
}
END_TEST

START_TEST(test_sentinel_refuses_the_password)
{
    make_link(SENTINELS);
    sits(&a, ID_A);
    turn();
    ends(0, RESP_AUTH, "WRONGPASS");
    ends(1, RESP_AUTH, "WRONGPASS");
    ck_assert_ptr_nonnull(strstr(logged(), "check [fleet] sentinel_user"));
}
END_TEST

static const struct {
    const char *host, *port;
} no_addresses[] = {{"", "6379"},         {"10.0.0.9", "0"},        {"10.0.0.9", "65536"},
                    {"10.0.0.9", "http"}, {"a b", "6379"},          {"unix:/etc/x", "6379"},
                    {"h\r\nPING", "1"},   {"user@10.0.0.9", "6379"}};

START_TEST(test_sentinel_names_no_address)
{
    make_link(SENTINELS);
    sits(&a, ID_A);
    turn();
    names_master(0, no_addresses[_i].host, no_addresses[_i].port);
    ck_assert_str_eq(resps[1].server, "127.0.0.1:2");
    ck_assert_uint_eq(resp_count, 2);
}
END_TEST

START_TEST(test_master_must_be_allowed)
{
    make_link(TWO "sentinel = mymaster\n");
    sits(&a, ID_A);
    turn();
    names_master(0, "10.0.0.9", "6379");
    ck_assert_uint_eq(resp_count, 1);
    ck_told("a disconnected\n");
    turn();
    names_master(1, "127.0.0.1", "6379");
    ck_assert_str_eq(resps[2].server, "127.0.0.1:6379");
    ck_assert_ptr_nonnull(
        strstr(logged(), "10.0.0.9:6379 is not on loopback, and [fleet] tls is off"));
}
END_TEST

START_TEST(test_tls_to_sentinel_and_master)
{
    make_link("servers = sentinel.example:26379\nsentinel = mymaster\n");
    sits(&a, ID_A);
    turn();
    ck_assert(resps[0].tls);
    names_master(0, "10.0.0.9", "6379");
    opens_pair(1);
    ck_assert(resps[1].tls && resps[2].tls);
}
END_TEST

START_TEST(test_sentinel_is_asked_again_after_a_failover)
{
    make_link(SENTINELS);
    sits(&a, ID_A);
    turn();
    names_master(0, "10.0.0.9", "6379");
    opens_pair(1);
    confirms(2);
    ck_told("a connected\n");
    sends(&a);
    replies_error(1, "READONLY You can't write against a read only replica.");
    ck_told("a disconnected\n");
    turn();
    names_master(3, "10.0.0.8", "6379");
    opens_pair(4);
    confirms(5);
    ck_told("a connected\n");
}
END_TEST

START_TEST(test_leaving_while_a_sentinel_is_asked)
{
    make_link(SENTINELS);
    sits(&a, ID_A);
    turn();
    opens(0);
    leaves(&a);
    ck_assert(resps[0].closed);
    turn();
    ck_assert_uint_eq(resp_count, 1);
}
END_TEST

static void add_sentinels(Suite *suite)
{
    TCase *tests = tcase_create("Sentinels");

    tcase_add_checked_fixture(tests, link_setup, link_teardown);
    tcase_add_test(tests, test_sentinel);
    tcase_add_test(tests, test_sentinel_without_login);
    tcase_add_test(tests, test_next_sentinel);
    tcase_add_test(tests, test_sentinel_names_no_master_any_more);
    tcase_add_loop_test(tests, test_unhelpful_sentinels, 0, (int)ARRAY_LEN(unhelpful));
    tcase_add_test(tests, test_sentinel_refuses_the_password);
    tcase_add_loop_test(tests, test_sentinel_names_no_address, 0, (int)ARRAY_LEN(no_addresses));
    tcase_add_test(tests, test_master_must_be_allowed);
    tcase_add_test(tests, test_tls_to_sentinel_and_master);
    tcase_add_test(tests, test_sentinel_is_asked_again_after_a_failover);
    tcase_add_test(tests, test_leaving_while_a_sentinel_is_asked);
    suite_add_tcase(suite, tests);
}

Suite *fleet_sentinel_suite(void);
Suite *fleet_sentinel_suite(void)
{
    Suite *suite = suite_create("fleet_sentinel");

    add_sentinels(suite);
    return suite;
}

int main(void)
{
    return run_suite(fleet_sentinel_suite());
}
