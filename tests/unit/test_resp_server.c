/*
 * A connection to a real store: redis-server or valkey-server, whichever is installed, on TCP, on
 * TLS with client certificates, and on a Unix socket, with the access rules that the manual names.
 */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "certificates.h"
#include "resp_fixture.h"

static const char *const programs[] = {"redis-server", "valkey-server"};
static const char *program; /* NULL: none is installed */

static pid_t store;
static int port, tls_port;
static struct files files, mine; /* the server's, and the client's */
static struct secret *password, *key;

/* ---- the server ---- */

static bool is_installed(const char *name)
{
    char *command = mem_printf("command -v %s >/dev/null", name);
    bool found = system(command) == 0;

    mem_free(command);
    return found;
}

/* Two that were free a moment ago. */
static void find_ports(void)
{
    int fds[] = {peer_bind(&port), peer_bind(&tls_port)};

    close(fds[0]);
    close(fds[1]);
}

static void write_config(void)
{
    char *text = mem_printf(
        "port %d\nbind 127.0.0.1\nunixsocket %s/store.sock\ndir %s\nsave \"\"\nappendonly no\n"
        "daemonize no\nlogfile \"\"\n"
        "tls-port %d\ntls-cert-file %s\ntls-key-file %s\ntls-ca-cert-file %s\n"
        "tls-auth-clients yes\n"
        "user default on nopass ~* &* +@all\n"
        "user postcoded on >hush ~pc:{* &pc:{* -@all +eval +evalsha +time +hget +hset +pttl +get"
        " +set +del +publish +subscribe +unsubscribe +ping +auth +role +pubsub|numsub"
        " +client|setname\n"
        "user off off >hush\n",
        port, dir, dir, tls_port, files.certificate, files.key, mine.certificate);

    scratch_write("store.conf", text, strlen(text), 0600);
    mem_free(text);
}

static void start_store(void)
{
    char *config = scratch_path("store.conf"), *log = scratch_path("store.log");

    store = fork();
    ck_assert_int_ge(store, 0);
    if (store == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (freopen(log, "w", stdout) == NULL || dup2(STDOUT_FILENO, STDERR_FILENO) < 0)
            _exit(126);
        execlp(program, program, config, (char *)NULL);
        _exit(127);
    }
    mem_free(config);
    mem_free(log);
}

/* A socket to the store; -1: it does not listen, or no more. */
static int connect_store(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char *path = scratch_path("store.sock");

    ck_assert_int_ge(fd, 0);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    mem_free(path);
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    close(fd);
    return -1;
}

/* False: it has ended, perhaps because somebody took a port meanwhile. */
static bool is_started(void)
{
    int fd;

    find_ports();
    write_config();
    start_store();
    while ((fd = connect_store()) < 0) {
        if (waitpid(store, NULL, WNOHANG) != 0)
            return false;
        usleep(10 * 1000);
    }
    close(fd);
    return true;
}

/* What another client does meanwhile, in one line; it gets the first line of the reply. */
static void operate(const char *command)
{
    char reply[256];
    int fd = connect_store();

    ck_assert_int_ge(fd, 0);
    peer_say(fd, command);
    peer_say(fd, "\r\n");
    ck_assert_int_gt(recv(fd, reply, sizeof(reply), 0), 0);
    ck_assert_msg(reply[0] != '-', "%s", reply);
    close(fd);
}

static void setup_store(void)
{
    scratch_make();
    files = make_files("store", "IP:127.0.0.1", 1, NULL);
    mine = make_files("mine", "DNS:me.example", 1, NULL);
    for (int tries = 1; !is_started(); tries++)
        ck_assert_int_lt(tries, 5);
    setup();
    snprintf(server, sizeof(server), "127.0.0.1:%d", port);
    password = secret_new("hush", 4);
    key = NULL;
    settings.user = "postcoded";
    settings.password = password;
    settings.name = "member.1";
}

static void teardown_store(void)
{
    teardown();
    secret_unref(password);
    secret_unref(key);
    kill(store, SIGKILL);
    waitpid(store, NULL, 0);
    free_files(&files);
    free_files(&mine);
    scratch_remove();
}

/* ---- ways to it ---- */

static void use_tcp(void)
{
}

static void use_unix_socket(void)
{
    snprintf(server, sizeof(server), "unix:%s/store.sock", dir);
}

static void use_tls(void)
{
    char bytes[8192];
    FILE *in = fopen(mine.key, "r");

    ck_assert_ptr_nonnull(in);
    key = secret_new(bytes, fread(bytes, 1, sizeof(bytes), in));
    fclose(in);
    snprintf(server, sizeof(server), "127.0.0.1:%d", tls_port);
    settings.tls = true;
    settings.ca_file = files.certificate;
    settings.client_certificate = mine.certificate;
    settings.client_key = key;
}

static void (*const ways[])(void) = {use_tcp, use_unix_socket, use_tls};

/* Each kind of reply. */
START_TEST(test_commands)
{
    ways[_i]();
    open_it();
    await("opened\n");
    ck_assert(command("set", "SET pc:{1}:t v PX 60000"));
    ck_assert(command("get", "GET pc:{1}:t"));
    ck_assert(command("none", "GET pc:{1}:none"));
    ck_assert(command("eval", "EVAL return{1,KEYS[1],false,{'x'}} 1 pc:{1}:t"));
    ck_assert(command("sha", "EVALSHA aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa 0"));
    ck_assert(command("other", "GET other"));
    ck_assert(command("keys", "KEYS *"));
    ck_assert(command("role", "ROLE"));
    await("role ");
    ck_assert_ptr_nonnull(strstr(buf_text(&told), "opened\nset +OK\nget $v\nnone nil\n"
                                                  "eval [:1 $pc:{1}:t nil [$x]]\nsha -NOSCRIPT "));
    ck_assert_ptr_nonnull(strstr(buf_text(&told), "other -NOPERM "));
    ck_assert_ptr_nonnull(strstr(buf_text(&told), "keys -NOPERM "));
    ck_assert_ptr_nonnull(strstr(buf_text(&told), "role [$master :0 []]\n"));
}
END_TEST

START_TEST(test_channels)
{
    ways[_i]();
    open_it();
    await("opened\n");
    ck_assert(subscribe("pc:{1}:c"));
    ck_assert(subscribe("pc:{2}:c"));
    ck_assert(subscribe("other"));
    await("other -NOPERM ");
    operate("PUBLISH pc:{2}:c hello");
    await("message pc:{2}:c hello\n");
    ck_assert(resp_unsubscribe(resp, "pc:{1}:c"));
    ck_assert(subscribe("pc:{3}:c"));
    await("pc:{3}:c :2\n");
    operate("PUBLISH pc:{1}:c nobody");
    operate("PUBLISH pc:{3}:c bye");
    await("message pc:{3}:c bye\n");
    ck_assert_ptr_null(strstr(buf_text(&told), "nobody"));
    ck_assert_ptr_nonnull(strstr(buf_text(&told), "opened\npc:{1}:c :1\npc:{2}:c :2\n"));
}
END_TEST

START_TEST(test_large_values)
{
    char *large = mem_zalloc(60001);
    char *text;

    memset(large, 'x', 60000);
    text = mem_printf("SET pc:{1}:t %s", large);
    ways[_i]();
    open_it();
    await("opened\n");
    ck_assert(command("set", text));
    ck_assert(command("get", "GET pc:{1}:t"));
    await("get $xxx");
    ck_assert_ptr_nonnull(strstr(buf_text(&told), large));
    operate("APPEND pc:{1}:t 0123456789");
    operate("SETRANGE pc:{1}:t 65600 x");
    ck_assert(command("get", "GET pc:{1}:t"));
    ck_ended("closed protocol it sent a reply that is too large\n");
    mem_free(large);
    mem_free(text);
}
END_TEST

/* ---- refusals ---- */

static const struct {
    const char *user, *password, *before, *told;
} refusals[] = {
    {"postcoded", "hus", NULL, "closed auth the user or the password is wrong"},
    {"nobody", "hush", NULL, "closed auth the user or the password is wrong"},
    {"off", "hush", NULL, "closed auth the user or the password is wrong"},
    {NULL, "hush", NULL, "closed auth its user \"default\" has no password, and was given one\n"},
    {NULL, "hush", "CONFIG SET requirepass other", "closed auth the user or the password is wrong"},
    {NULL, NULL, "CONFIG SET requirepass other", "closed auth it demands a password (NOAUTH)\n"},
};

START_TEST(test_refused)
{
    if (refusals[_i].before != NULL)
        operate(refusals[_i].before);
    settings.user = refusals[_i].user;
    secret_unref(password);
    password = NULL;
    if (refusals[_i].password != NULL)
        password = secret_new(refusals[_i].password, strlen(refusals[_i].password));
    settings.password = password;
    open_it();
    ck_ended(refusals[_i].told);
}
END_TEST

/* With and without a word of ours before it is refused. */
START_TEST(test_too_many_clients)
{
    operate("CONFIG SET maxclients 1");
    int only = connect_store();
    ck_assert_int_ge(only, 0);
    if (_i == 1) {
        settings.password = NULL;
        settings.name = NULL;
    }
    open_it();
    ck_ended("closed refused it has as many clients as it allows (maxclients)\n");
    close(only);
}
END_TEST

START_TEST(test_tls_without_a_certificate)
{
    use_tls();
    settings.client_certificate = NULL;
    settings.client_key = NULL;
    open_it();
    ck_ended("closed tls ");
}
END_TEST

/* ---- ends ---- */

START_TEST(test_store_ends)
{
    ways[_i]();
    open_it();
    await("opened\n");
    kill(store, SIGTERM);
    ck_ended("closed closed ");
}
END_TEST

START_TEST(test_killed)
{
    ways[_i]();
    open_it();
    await("opened\n");
    ck_assert(subscribe("pc:{1}:c"));
    await("pc:{1}:c :1\n");
    operate("CLIENT KILL TYPE pubsub");
    ck_ended("closed closed ");
}
END_TEST

/* The process stops, and the kernel goes on acknowledging. */
START_TEST(test_store_stands_still)
{
    settings.timeout = SECOND;
    ways[_i]();
    open_it();
    await("opened\n");
    kill(store, SIGSTOP);
    ck_assert(command("get", "GET pc:{1}:t"));
    ck_ended("closed timeout no reply within 1000 ms\n");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("resp_server");
    TCase *tcase = tcase_create("server");

    for (size_t i = 0; i < ARRAY_LEN(programs) && program == NULL; i++)
        if (is_installed(programs[i]))
            program = programs[i];
    if (program == NULL) {
        printf("SKIP: neither redis-server nor valkey-server is installed\n");
        return 77;
    }
    tcase_add_checked_fixture(tcase, setup_store, teardown_store);
    tcase_set_timeout(tcase, CASE_PATIENCE);
    tcase_add_loop_test(tcase, test_commands, 0, ARRAY_LEN(ways));
    tcase_add_loop_test(tcase, test_channels, 0, ARRAY_LEN(ways));
    tcase_add_loop_test(tcase, test_large_values, 0, ARRAY_LEN(ways));
    tcase_add_loop_test(tcase, test_refused, 0, ARRAY_LEN(refusals));
    tcase_add_loop_test(tcase, test_too_many_clients, 0, 2);
    tcase_add_test(tcase, test_tls_without_a_certificate);
    tcase_add_loop_test(tcase, test_store_ends, 0, ARRAY_LEN(ways));
    tcase_add_loop_test(tcase, test_killed, 0, ARRAY_LEN(ways));
    tcase_add_loop_test(tcase, test_store_stands_still, 0, ARRAY_LEN(ways));
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
