/*
 * A fleet's link with real servers: what a Redis says when it is restarted, demoted, flushed, moved
 * and failed over is heard from a Redis here. Skipped where there is none.
 */
#include "fleet_redis_fixture.h"

/* ---- one server ---- */

/* What the user of the manual may do is all that is needed, from the login to the last script. */
START_TEST(test_user_of_the_manual)
{
    redis_make(&redis[0], false, "");
    make_user(&redis[0], "");
    write_mode("pw", "hush\n", 0600);
    make_link(PLAIN "user = postcoded\npassword_file = pw\n", redis[0].port);
    await("a connected\n");
    sits(&b);
    await("b connected\n");
    sends(&a, FLEET_LOOK, 0);
    await("a looked\n");
    ck_assert_uint_eq(last.generation, 0);
    ck_assert_int_eq(last.members, 1); /* both seats have one subscription */
    sends(&a, FLEET_ASK, 0);
    await("a yours\n");
    const uint64_t fence = last.fence;
    sends(&a, FLEET_PUT, fence);
    await("a stored\n");
    sends(&b, FLEET_LOOK, 0);
    await("b looked\n");
    ck_assert_uint_eq(last.generation, fence);
    ck_assert_str_eq(last_sealed, "sealed");
    have = fence;
    wish = TOKEN_WISH_REFUSED;
    sends(&b, FLEET_ASK, 0);
    await("b yours\n");
    sends(&a, FLEET_ASK, 0);
    await("a held\n");
    sends(&b, FLEET_FAIL, last.fence);
    await("b late\n"); /* it is not that fence */
    sends(&b, FLEET_FAIL, fence + 1);
    await("b noted\n");
    sends(&a, FLEET_ASK, 0);
    await("a recent\n");
    wish = TOKEN_WISH_FORGOTTEN;
    sends(&a, FLEET_ASK, 0);
    await("a yours\n");
    redis_do(&redis[0], "*0", "ACL LOG"); /* nothing was denied */
}
END_TEST

/* The hint comes to every seat, on the other connection. */
START_TEST(test_hint)
{
    redis_make(&redis[0], false, "");
    make_link(PLAIN, redis[0].port);
    await("a connected\n");
    sits(&b);
    await("b connected\n");
    sends(&a, FLEET_ASK, 0);
    await("a yours\n");
    sends(&a, FLEET_PUT, last.fence);
    await("a new 1\nb new 1\n");
}
END_TEST

START_TEST(test_wrong_password)
{
    redis_make(&redis[0], false, "");
    make_user(&redis[0], "");
    write_mode("pw", "wrong\n", 0600);
    make_link(PLAIN "user = postcoded\npassword_file = pw\n", redis[0].port);
    await("a disconnected\n");
    ck_assert_ptr_nonnull(strstr(problem(), "refused the user or the password"));
    redis_do(&redis[0], "+OK", "ACL SETUSER postcoded >wrong");
    await("a connected\n");
    ck_assert_str_eq(problem(), "");
}
END_TEST

START_TEST(test_password_that_is_not_configured)
{
    redis_make(&redis[0], false, "requirepass hush\n");
    make_link(PLAIN, redis[0].port);
    await("a disconnected\n");
    ck_assert_ptr_nonnull(strstr(problem(), "password_file"));
}
END_TEST

/* A role that may not be told keeps nobody away; a channel does. */
START_TEST(test_what_the_user_may_not_do)
{
    redis_make(&redis[0], false, "");
    make_user(&redis[0], "-role");
    write_mode("pw", "hush\n", 0600);
    make_link(PLAIN "user = postcoded\npassword_file = pw\n", redis[0].port);
    await("a connected\n");
    redis_do(&redis[0], "+OK", "ACL SETUSER postcoded -evalsha");
    sends(&a, FLEET_LOOK, 0);
    await("a nothing\n");
    redis_do(&redis[0], "+OK", "ACL SETUSER postcoded +evalsha -time");
    sends(&a, FLEET_LOOK, 0);
    await("a nothing\n");
    redis_do(&redis[0], "+OK", "ACL SETUSER postcoded resetchannels +time"); /* and disconnects */
    await("a disconnected\n");
    await_problem("the ACL line in postcoded.ini(5)");
    redis_do(&redis[0], "+OK", "ACL SETUSER postcoded &pc:*");
    await("a connected\n");
    sends(&a, FLEET_LOOK, 0);
    await("a looked\n");
}
END_TEST

START_TEST(test_scripts_are_flushed)
{
    redis_make(&redis[0], false, "");
    make_link(PLAIN, redis[0].port);
    await("a connected\n");
    for (int i = 0; i < 3; i++) {
        sends(&a, FLEET_LOOK, 0);
        await("a looked\n");
        sends(&a, FLEET_ASK, 0);
        await("a yours\n");
        redis_do(&redis[0], "+OK", "SCRIPT FLUSH");
    }
}
END_TEST

START_TEST(test_restart)
{
    redis_make(&redis[0], false, "");
    make_link(PLAIN, redis[0].port);
    await("a connected\n");
    sends(&a, FLEET_LOOK, 0);
    await("a looked\n");
    redis_stop(&redis[0]);
    await("a disconnected\n");
    await_problem("cannot be reached");
    redis_start(&redis[0]);
    await("a connected\n");
    sends(&a, FLEET_LOOK, 0);
    await("a looked\n");
}
END_TEST

START_TEST(test_server_that_stands_still)
{
    timeout = "300ms";
    redis_make(&redis[0], false, "");
    make_link(PLAIN, redis[0].port);
    await("a connected\n");
    kill(redis[0].pid, SIGSTOP);
    sends(&a, FLEET_LOOK, 0);
    await("a disconnected\n");
    await_problem("did not reply in time (no reply within 300 ms)");
    kill(redis[0].pid, SIGCONT);
    await("a connected\n");
    sends(&a, FLEET_LOOK, 0);
    await("a looked\n");
}
END_TEST

/* One of the two is cut by the server; both are given up. */
START_TEST(test_either_connection_is_cut)
{
    redis_make(&redis[0], false, "");
    make_link(PLAIN, redis[0].port);
    await("a connected\n");
    redis_do(&redis[0], ":1", "CLIENT KILL TYPE pubsub");
    await("a disconnected\na connected\n");
    redis_do(&redis[0], ":", "CLIENT KILL TYPE normal SKIPME yes");
    await("a disconnected\na connected\n");
    sends(&a, FLEET_LOOK, 0);
    await("a looked\n");
    ck_assert_int_eq(last.members, 1);
}
END_TEST

START_TEST(test_server_that_becomes_a_replica)
{
    redis_make(&redis[0], false, "");
    redis_make(&redis[1], false, "");
    make_link(PLAIN, redis[0].port);
    await("a connected\n");
    redis_do(&redis[0], "+OK", "REPLICAOF 127.0.0.1 %d", redis[1].port);
    redis_await(&redis[0], "INFO replication", "master_link_status:up");
    sends(&a, FLEET_ASK, 0);
    await("a disconnected\n");
    await_problem("is a replica and takes no writes (its master is 127.0.0.1:");
    redis_do(&redis[0], "+OK", "REPLICAOF NO ONE");
    await("a connected\n");
    sends(&a, FLEET_ASK, 0);
    await("a yours\n");
}
END_TEST

START_TEST(test_alternatives)
{
    redis_make(&redis[0], false, "");
    redis_make(&redis[1], false, "");
    redis_do(&redis[0], "+OK", "REPLICAOF 127.0.0.1 %d", redis[1].port);
    make_link("servers = 127.0.0.1:%d, 127.0.0.1:%d\ntls = off\n", redis[0].port, redis[1].port);
    await("a connected\n");
    ck_assert_str_eq(server() + strlen("127.0.0.1:"),
                     strrchr(config->fleet_servers.items[1], ':') + 1);
    sends(&a, FLEET_ASK, 0);
    await("a yours\n");
}
END_TEST

START_TEST(test_tls_and_socket)
{
    struct files files = make_files("s", "IP:127.0.0.1", 10, NULL);
    int tls_port = redis_free_port();
    char *lines = mem_printf("unixsocket %s/redis.sock\ntls-port %d\ntls-cert-file %s\n"
                             "tls-key-file %s\ntls-auth-clients no\n",
                             dir, tls_port, files.certificate, files.key);

    redis_make(&redis[0], false, lines);
    if (_i == 0)
        make_link("servers = 127.0.0.1:%d\nca_file = %s\n", tls_port, files.certificate);
    else
        make_link("servers = unix:%s/redis.sock\n", dir);
    await("a connected\n");
    sends(&a, FLEET_LOOK, 0);
    await("a looked\n");
    mem_free(lines);
    free_files(&files);
}
END_TEST

/* ---- several servers ---- */

/* A master, its replica, and three Sentinels of which two must agree. */
static void make_sentinels(void)
{
    char *lines;

    redis_make(&redis[0], false, "");
    lines = mem_printf("replicaof 127.0.0.1 %d\n", redis[0].port);
    redis_make(&redis[1], false, lines);
    mem_free(lines);
    redis_await(&redis[1], "INFO replication", "master_link_status:up");
    lines = mem_printf("sentinel monitor mymaster 127.0.0.1 %d 2\n"
                       "sentinel down-after-milliseconds mymaster 500\n"
                       "sentinel failover-timeout mymaster 3000\n",
                       redis[0].port);
    for (size_t i = 2; i < 5; i++)
        redis_make(&redis[i], true, lines);
    mem_free(lines);
    for (size_t i = 2; i < 5; i++) {
        redis_await(&redis[i], "INFO sentinel", "sentinels=3");
        redis_await(&redis[i], "INFO sentinel", "slaves=1");
    }
}

static bool is_server(const struct redis *one)
{
    char text[64];

    snprintf(text, sizeof(text), "127.0.0.1:%d", one->port);
    return strcmp(server(), text) == 0;
}

START_TEST(test_failover)
{
    make_sentinels();
    make_link("servers = 127.0.0.1:%d, 127.0.0.1:%d, 127.0.0.1:%d\ntls = off\n"
              "sentinel = mymaster\n",
              redis[2].port, redis[3].port, redis[4].port);
    await("a connected\n");
    ck_assert(is_server(&redis[0]));
    sends(&a, FLEET_ASK, 0);
    await("a yours\n");
    redis_kill(&redis[0]);
    await("a disconnected\n");
    redis_kill(&redis[2]); /* and the Sentinel that was asked */
    await("a connected\n");
    ck_assert(is_server(&redis[1]));
    sends(&a, FLEET_LOOK, 0); /* it has never seen the script */
    await("a looked\n");
    sends(&a, FLEET_ASK, 0);
    await("a yours\n");
}
END_TEST

START_TEST(test_name_of_no_master)
{
    redis_make(&redis[0], true, "sentinel monitor mymaster 127.0.0.1 1 1\n");
    make_link(PLAIN "sentinel = other\n", redis[0].port);
    await("a disconnected\n");
    ck_assert_ptr_nonnull(strstr(problem(), "knows no master of that name"));
}
END_TEST

START_TEST(test_sentinel_that_is_taken_for_a_store)
{
    redis_make(&redis[0], true, "sentinel monitor mymaster 127.0.0.1 1 1\n");
    make_link(PLAIN, redis[0].port);
    await("a disconnected\n");
    ck_assert_ptr_nonnull(strstr(problem(), "is a Sentinel"));
}
END_TEST

START_TEST(test_store_that_is_taken_for_a_sentinel)
{
    redis_make(&redis[0], false, "");
    make_link(PLAIN "sentinel = mymaster\n", redis[0].port);
    await("a disconnected\n");
    ck_assert_ptr_nonnull(strstr(problem(), "answers as no Sentinel does"));
}
END_TEST

/* Two nodes: the second has all slots, the first is the one that is configured. */
static void make_cluster(void)
{
    redis_make(&redis[0], false, "cluster-enabled yes\ncluster-config-file nodes0\n");
    redis_make(&redis[1], false, "cluster-enabled yes\ncluster-config-file nodes1\n");
    redis_do(&redis[1], "+OK", "CLUSTER ADDSLOTSRANGE 0 16383");
    redis_do(&redis[0], "+OK", "CLUSTER MEET 127.0.0.1 %d", redis[1].port);
    redis_await(&redis[0], "CLUSTER INFO", "cluster_state:ok");
    redis_await(&redis[1], "CLUSTER INFO", "cluster_state:ok");
}

START_TEST(test_moved)
{
    make_cluster();
    make_link(PLAIN, redis[0].port);
    await("a connected\n");
    ck_assert(is_server(&redis[0]));
    sends(&a, FLEET_ASK, 0);
    await("a disconnected\na connected\n");
    ck_assert(is_server(&redis[1]));
    sends(&a, FLEET_ASK, 0);
    await("a yours\n");
}
END_TEST

static void add_one(Suite *suite)
{
    TCase *tests = tcase_create("one server");

    tcase_add_checked_fixture(tests, fixture_setup, fixture_teardown);
    tcase_set_timeout(tests, PATIENCE);
    tcase_add_test(tests, test_user_of_the_manual);
    tcase_add_test(tests, test_hint);
    tcase_add_test(tests, test_wrong_password);
    tcase_add_test(tests, test_password_that_is_not_configured);
    tcase_add_test(tests, test_what_the_user_may_not_do);
    tcase_add_test(tests, test_scripts_are_flushed);
    tcase_add_test(tests, test_restart);
    tcase_add_test(tests, test_server_that_stands_still);
    tcase_add_test(tests, test_either_connection_is_cut);
    tcase_add_test(tests, test_server_that_becomes_a_replica);
    tcase_add_test(tests, test_alternatives);
    tcase_add_loop_test(tests, test_tls_and_socket, 0, 2);
    suite_add_tcase(suite, tests);
}

static void add_several(Suite *suite)
{
    TCase *tests = tcase_create("several servers");

    tcase_add_checked_fixture(tests, fixture_setup, fixture_teardown);
    tcase_set_timeout(tests, PATIENCE);
    tcase_add_test(tests, test_failover);
    tcase_add_test(tests, test_name_of_no_master);
    tcase_add_test(tests, test_sentinel_that_is_taken_for_a_store);
    tcase_add_test(tests, test_store_that_is_taken_for_a_sentinel);
    tcase_add_test(tests, test_moved);
    suite_add_tcase(suite, tests);
}

Suite *fleet_redis_suite(void);
Suite *fleet_redis_suite(void)
{
    Suite *suite = suite_create("fleet_redis");

    add_one(suite);
    add_several(suite);
    return suite;
}

int main(void)
{
    if (!redis_find()) {
        puts("there is no redis-server");
        return 77;
    }
    loop_prepare_library();
    return run_suite(fleet_redis_suite());
}
