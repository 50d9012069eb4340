/*
 * How a connection to a store is opened, or not: addresses, Unix sockets, names that take their
 * time, servers that are not there or say nothing, and how a dead path is found.
 *
 * getaddrinfo is this file's: while a test holds it, it waits until it is let go.
 */
#include <curl/curl.h>
#include <dlfcn.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <semaphore.h>
#include <sys/un.h>

#include "resp_fixture.h"
#include "scratch.h"

typedef int resolve(const char *restrict name, const char *restrict service,
                    const struct addrinfo *restrict hints, struct addrinfo **restrict result);

static atomic_bool holds;
static sem_t asked, released, left;

int getaddrinfo(const char *restrict name, const char *restrict service,
                const struct addrinfo *restrict hints, struct addrinfo **restrict result)
{
    resolve *real = (resolve *)dlsym(RTLD_NEXT, "getaddrinfo");
    bool held = atomic_load(&holds);

    if (held) {
        sem_post(&asked);
        while (sem_wait(&released) != 0)
            ;
    }
    int error = real(held ? "127.0.0.1" : name, service, hints, result);
    if (held)
        sem_post(&left);
    return error;
}

static void setup_connect(void)
{
    sem_init(&asked, 0, 0);
    sem_init(&released, 0, 0);
    sem_init(&left, 0, 0);
    atomic_store(&holds, false);
    scratch_make();
    setup();
}

static void teardown_connect(void)
{
    teardown();
    scratch_remove();
}

/* ---- addresses ---- */

#define TEN "1234567890"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

static const char *const no_servers[] = {
    "",
    "host",
    "host:",
    "host:0",
    "host:65536",
    "host:6379x",
    "host:-1",
    ":6379",
    "user@host:6379",
    "host/path:6379",
    "http://host:6379",
    "ho st:6379",
    "host?:6379",
    "host#:6379",
    "host%41:6379",
    "::1:6379",
    "[]:6379",
    "[::1]",
    "[::1]x:6379",
    "[host]:6379",
    "h\xc3\xb6st:6379",
    "unix:",
    "unix:relative",
    "unix:/" HUNDRED "/1234567",
};

START_TEST(test_no_address)
{
    settings.server = no_servers[_i];
    ck_assert_int_eq(resp_open(&settings, &ports, &resp), ERR_INVALID);
    ck_assert_ptr_null(resp);
}
END_TEST

static void play_ping(struct peer *self)
{
    int fd = peer_accept(self);

    if (fd < 0)
        return;
    hear_command(fd, "PING");
    peer_say(fd, "+PONG\r\n");
    peer_hear_end(fd);
}

static void ping(void)
{
    open_it();
    await("opened\n");
    ck_assert(command("ping", "PING"));
    await("ping +PONG");
}

START_TEST(test_name)
{
    serve(play_ping, NULL);
    snprintf(server, sizeof(server), "localhost:%d", peer.port);
    ping();
    finish();
}
END_TEST

/* One connection on a listener that is no peer's. */
static void *answer_ping(void *arg)
{
    int fd = accept(*(int *)arg, NULL, NULL);

    EXPECT(fd >= 0);
    hear_command(fd, "PING");
    peer_say(fd, "+PONG\r\n");
    peer_hear_end(fd);
    return NULL;
}

static void ping_listener(int listener)
{
    pthread_t thread;

    ck_assert_int_eq(listen(listener, 1), 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, answer_ping, &listener), 0);
    ping();
    resp_close(resp);
    resp = NULL;
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    close(listener);
}

START_TEST(test_ipv6)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    socklen_t len = sizeof(address);
    int listener = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof(address)) != 0) {
        fprintf(stderr, "no ::1 on this machine: not tried\n");
        return;
    }
    ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&address, &len), 0);
    snprintf(server, sizeof(server), "[::1]:%d", ntohs(address.sin6_port));
    ping_listener(listener);
}
END_TEST

START_TEST(test_unix_socket)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char *path = scratch_path("store.sock");

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
    snprintf(server, sizeof(server), "unix:%s", path);
    ping_listener(listener);
    mem_free(path);
}
END_TEST

START_TEST(test_no_unix_socket)
{
    char *path = scratch_path("nobody.sock");

    snprintf(server, sizeof(server), "unix:%s", path);
    open_it();
    ck_ended("closed unreachable No such file or directory\n");
    mem_free(path);
}
END_TEST

/* ---- nobody there ---- */

START_TEST(test_refused)
{
    int port, fd = peer_bind(&port); /* not listening */

    snprintf(server, sizeof(server), "127.0.0.1:%d", port);
    open_it();
    ck_ended("closed unreachable Connection refused\n");
    close(fd);
}
END_TEST

START_TEST(test_no_such_name)
{
    /* A label of more than 63 characters: rejected without a query. */
    settings.server = "a23456789b23456789c23456789d23456789e23456789f23456789g23456789.invalid:1";
    open_it();
    ck_ended("closed unreachable ");
}
END_TEST

static void accept_in_silence(struct peer *self)
{
    int fd = peer_accept(self);
    char bytes[4096];

    while (recv(fd, bytes, sizeof(bytes), 0) > 0)
        ;
    close(fd);
}

/*
 * With TLS the handshake gets no answer. libcurl 7.88 tells that it was the handshake, and then the
 * text says what may be wrong; 8.14 does not tell.
 */
START_TEST(test_silence)
{
    settings.connect_timeout = SHORT;
    settings.tls = true;
    serve(accept_in_silence, NULL);
    open_it();
    ck_ended(curl_version_info(CURLVERSION_NOW)->version_num < 0x080000
                 ? "closed timeout no reply to the TLS handshake within "
                 : "closed timeout ");
    finish();
}
END_TEST

/* A listener whose queue is full: the kernel does not answer. */
START_TEST(test_nobody_accepts)
{
    enum { CALLERS = 8 };
    int port, fds[CALLERS], listener = peer_bind(&port);
    struct sockaddr_in address = peer_address(port);

    ck_assert_int_eq(listen(listener, 0), 0);
    for (int i = 0; i < CALLERS; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        ck_assert(connect(fds[i], (struct sockaddr *)&address, sizeof(address)) == 0 ||
                  errno == EINPROGRESS);
    }
    settings.connect_timeout = SHORT;
    snprintf(server, sizeof(server), "127.0.0.1:%d", port);
    open_it();
    ck_ended("closed timeout ");
    for (int i = 0; i < CALLERS; i++)
        close(fds[i]);
    close(listener);
}
END_TEST

/* ---- names that take their time ---- */

static void hold_names(void)
{
    atomic_store(&holds, true);
    settings.server = "store.example:1";
    open_it();
    while (sem_trywait(&asked) != 0)
        uv_run(loop_uv(loop), UV_RUN_NOWAIT);
}

static void let_go(void)
{
    sem_post(&released);
    while (sem_wait(&left) != 0)
        ;
}

START_TEST(test_closed_while_a_name_resolves)
{
    hold_names();
    resp_close(resp);
    resp = NULL;
    loop_drain(loop);
    ck_told("");
    let_go();
}
END_TEST

START_TEST(test_name_takes_too_long)
{
    settings.connect_timeout = SHORT;
    hold_names();
    ck_ended("closed unreachable ");
    let_go();
}
END_TEST

START_TEST(test_name_takes_a_while)
{
    char name[64];

    serve(play_ping, NULL);
    atomic_store(&holds, true);
    snprintf(name, sizeof(name), "store.example:%d", peer.port);
    settings.server = name;
    open_it();
    while (sem_trywait(&asked) != 0)
        uv_run(loop_uv(loop), UV_RUN_NOWAIT);
    ck_told("");
    let_go();
    await("opened");
    ck_assert(command("ping", "PING"));
    await("ping +PONG");
    finish();
}
END_TEST

/* ---- closed in `closed`, and before anything ---- */

static void close_and_stop(const char *line)
{
    (void)line;
    resp_close(resp);
    resp = NULL;
    loop_stop(loop);
}

START_TEST(test_close_in_closed)
{
    int port, fd = peer_bind(&port);

    on_line = close_and_stop;
    snprintf(server, sizeof(server), "127.0.0.1:%d", port);
    open_it();
    loop_run(loop);
    ck_assert_int_eq(strncmp(buf_text(&told), "closed unreachable ", 19), 0);
    close(fd);
}
END_TEST

START_TEST(test_close_before_it_is_told)
{
    int port, fd = peer_bind(&port);

    for (int turns = 0; turns < 5; turns++) {
        snprintf(server, sizeof(server), "127.0.0.1:%d", port);
        open_it();
        for (int i = 0; i < turns && resp != NULL; i++)
            uv_run(loop_uv(loop), UV_RUN_NOWAIT);
        resp_close(resp);
        resp = NULL;
        buf_reset(&told);
        loop_drain(loop);
        ck_told("");
    }
    close(fd);
}
END_TEST

/* ---- dead paths ---- */

static int find_connection(void)
{
    for (int fd = 3; fd < 256; fd++) {
        struct sockaddr_in to;
        socklen_t len = sizeof(to);

        if (getpeername(fd, (struct sockaddr *)&to, &len) == 0 && to.sin_family == AF_INET &&
            ntohs(to.sin_port) == peer.port)
            return fd;
    }
    return -1;
}

static int option_of(int fd, int level, int option)
{
    int value = -1;
    socklen_t len = sizeof(value);

    ck_assert_int_eq(getsockopt(fd, level, option, &value, &len), 0);
    return value;
}

/* However little time a server has to accept: probes would else be many. */
START_TEST(test_path_is_probed)
{
    settings.connect_timeout = _i == 0 ? SECOND : HOUR;
    serve(play_ping, NULL);
    ping();
    int fd = find_connection();
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(option_of(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
    ck_assert_int_eq(option_of(fd, IPPROTO_TCP, TCP_KEEPIDLE), 20);
    ck_assert_int_eq(option_of(fd, IPPROTO_TCP, TCP_KEEPINTVL), 4);
    ck_assert_int_eq(option_of(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 44000);
    ck_assert_int_eq(option_of(fd, IPPROTO_TCP, TCP_NODELAY), 1);
    finish();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("resp_connect");
    TCase *tcase = tcase_create("connect");

    tcase_add_checked_fixture(tcase, setup_connect, teardown_connect);
    tcase_set_timeout(tcase, CASE_PATIENCE);
    tcase_add_loop_test(tcase, test_no_address, 0, ARRAY_LEN(no_servers));
    tcase_add_test(tcase, test_name);
    tcase_add_test(tcase, test_ipv6);
    tcase_add_test(tcase, test_unix_socket);
    tcase_add_test(tcase, test_no_unix_socket);
    tcase_add_test(tcase, test_refused);
    tcase_add_test(tcase, test_no_such_name);
    tcase_add_test(tcase, test_silence);
    tcase_add_test(tcase, test_nobody_accepts);
    tcase_add_test(tcase, test_closed_while_a_name_resolves);
    tcase_add_test(tcase, test_name_takes_too_long);
    tcase_add_test(tcase, test_name_takes_a_while);
    tcase_add_test(tcase, test_close_in_closed);
    tcase_add_test(tcase, test_close_before_it_is_told);
    tcase_add_loop_test(tcase, test_path_is_probed, 0, 2);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
