/*
 * A fleet's link with real servers: what a Redis says when it is restarted, demoted, flushed, moved
 * and failed over is heard from a Redis here. Skipped where there is none.
 *
 * What seats are told is taken down as lines, as in fleet_link_fixture.h; a test waits for lines.
 */
#include "token/fleet_link.h"

#include "base/buf.h"
#include "base/check.h"
#include "certificates.h"
#include "config_fixture.h"
#include "redis_server.h"
#include "suite.h"
#include "token/fleet_link_internal.h"
#include "upstream/client.h"

#define PATIENCE 120
#define ID "0123456789abcdef0123456789abcdef"
#define MANUAL "conf/man/postcoded.ini.5"

static struct loop *loop;
static struct config *config;
static struct fleet_link *link_;
static struct buf told;
static const char *awaited;
static struct redis redis[6]; /* as many as a test likes */
static const char *timeout;   /* [fleet] timeout */
static enum token_wish wish;
static uint64_t have;
static struct fleet_reply last;
static char last_sealed[64];

struct sitter {
    const char *name;
    struct fleet_seat seat;
};
static struct sitter a = {.name = "a"}, b = {.name = "b"};

/* ---- what seats are told ---- */

static void tell(const struct sitter *sitter, const char *what, long long number)
{
    buf_printf(&told, "%s %s", sitter->name, what);
    if (number >= 0)
        buf_printf(&told, " %lld", number);
    buf_putc(&told, '\n');
    if (awaited != NULL && strstr(buf_text(&told), awaited) != NULL)
        loop_stop(loop);
}

static void on_connected(void *arg)
{
    tell(arg, "connected", -1);
}

static void on_disconnected(void *arg)
{
    tell(arg, "disconnected", -1);
}

static void on_replied(void *arg, const struct fleet_reply *reply)
{
    static const char *const answers[] = {"looked", "newer", "held",   "recent", "wait",
                                          "budget", "yours", "stored", "late",   "noted"};

    if (reply != NULL) {
        last = *reply;
        snprintf(last_sealed, sizeof(last_sealed), "%.*s", (int)reply->sealed_len,
                 reply->sealed != NULL ? (const char *)reply->sealed : "");
    }
    tell(arg, reply != NULL ? answers[reply->answer] : "nothing", -1);
}

static void on_hinted(void *arg, const struct fleet_hint *hint)
{
    static const char *const kinds[] = {"new", "gone", "leaked", "wait"};

    tell(arg, kinds[hint->kind], (long long)hint->generation);
}

/* Turns until these lines have been told, and forgets all up to them. */
static void await(const char *lines)
{
    awaited = lines;
    if (strstr(buf_text(&told), lines) == NULL)
        loop_run(loop);
    awaited = NULL;
    char *rest = mem_strdup(strstr(buf_text(&told), lines) + strlen(lines));
    buf_reset(&told);
    buf_puts(&told, rest);
    mem_free(rest);
}

static const char *problem(void)
{
    struct fleet_link_status status;

    fleet_link_status(link_, &status);
    return status.error != NULL ? status.error : "";
}

static const char *server(void)
{
    struct fleet_link_status status;

    fleet_link_status(link_, &status);
    return status.server;
}

static void on_look(void *arg)
{
    (void)arg;
    loop_stop(loop);
}

/* Turns until the link's problem has the text in it. */
static void await_problem(const char *text)
{
    while (strstr(problem(), text) == NULL) {
        struct timer *timer = timer_start(loop, 20 * MILLISECOND, on_look, NULL);
        (void)timer; /* it has fired when the loop ends */
        loop_run(loop);
    }
}

/* ---- a link ---- */

/* So that no attempt waits for long. */
static uint32_t little_jitter(void)
{
    return arc4random() / 20;
}

static void sits(struct sitter *sitter)
{
    const struct fleet_seat_ports ports = {.arg = sitter,
                                           .connected = on_connected,
                                           .disconnected = on_disconnected,
                                           .replied = on_replied,
                                           .hinted = on_hinted};

    fleet_link_join(link_, &sitter->seat, &ports, ID);
}

__attribute__((format(printf, 1, 2))) static void make_link(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    char *lines = mem_vprintf(format, args);
    va_end(args);
    char *text = mem_printf(WHOLE "[fleet]\ntimeout = %s\n%s", timeout, lines);
    config = good(text);
    mem_free(text);
    mem_free(lines);
    ck_assert_int_eq(fleet_link_new(loop, config, &link_), ERR_OK);
    fleet_link_set_random(link_, little_jitter);
    sits(&a);
}

#define PLAIN "servers = 127.0.0.1:%d\ntls = off\n"

static void sends(struct sitter *sitter, enum fleet_verb verb, uint64_t fence)
{
    const struct fleet_command command = {.verb = verb,
                                          .id = ID,
                                          .member = sitter->name,
                                          .have = have,
                                          .wish = wish,
                                          .lease = 10 * SECOND,
                                          .limit = 10,
                                          .fence = fence,
                                          .sealed = "sealed",
                                          .sealed_len = strlen("sealed"),
                                          .expire_at = last.now + 60 * 1000};

    fleet_link_send(&sitter->seat, &command);
}

/* The manual's line for a user, as a command to a server; `more` is done to him too. */
static void make_user(const struct redis *one, const char *more)
{
    static char manual[256 * 1024];
    FILE *file = fopen(MANUAL, "r");

    ck_assert_msg(file != NULL, "run it where " MANUAL " is");
    manual[fread(manual, 1, sizeof(manual) - 1, file)] = '\0';
    fclose(file);
    char *line = strstr(manual, "ACL SETUSER postcoded on >PASSWORD");
    ck_assert_ptr_nonnull(line);
    *strstr(line, "\n.Ed") = '\0';
    for (char *c = line; (c = strchr(c, '\n')) != NULL;)
        *c = ' ';
    char *rights = strstr(line, ">PASSWORD") + strlen(">PASSWORD");
    redis_do(one, "+OK", "ACL SETUSER postcoded on >hush %s %s", rights, more);
}

static void fixture_setup(void)
{
    setup();
    ck_assert_int_eq(client_global_start(), ERR_OK);
    loop = loop_new();
    ck_assert_ptr_nonnull(loop);
    buf_init(&told, 64 * 1024);
    memset(redis, 0, sizeof(redis));
    wish = TOKEN_WISH_FIRST;
    have = 0;
    timeout = "10s"; /* none happens but where it is meant to */
}

static void fixture_teardown(void)
{
    if (a.seat.link != NULL)
        fleet_link_leave(&a.seat);
    if (b.seat.link != NULL)
        fleet_link_leave(&b.seat);
    fleet_link_free(link_);
    config_unref(config);
    buf_fini(&told);
    loop_drain(loop);
    loop_free(loop);
    client_global_stop();
    for (size_t i = 0; i < ARRAY_LEN(redis); i++)
        redis_kill(&redis[i]);
    teardown();
}

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
