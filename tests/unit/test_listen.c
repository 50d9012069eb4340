/*
 * Listeners at their end: what waits is not lost, and nobody comes after. Those of [::] are for
 * IPv4 too. A machine without IPv6 is told what to write.
 *
 * The test's own socket() stands in front of the system's, to play such a machine.
 */
#include "front/listen.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "base/mem.h"
#include "front/endpoint.h"
#include "loopback.h"
#include "scratch.h"
#include "suite.h"

static bool has_ipv6;

int socket(int family, int type, int protocol)
{
    int (*real)(int, int, int);

    *(void **)&real = dlsym(RTLD_NEXT, "socket");
    if (family == AF_INET6 && !has_ipv6) {
        errno = EAFNOSUPPORT;
        return -1;
    }
    return real(family, type, protocol);
}

/* ---- sets of listeners ---- */

static struct listen *set;
static struct reason reason;

static void start(void)
{
    has_ipv6 = true;
    set = NULL;
    scratch_make();
}

static void stop(void)
{
    if (set != NULL)
        listen_close(set);
    listen_free(set);
    scratch_remove();
}

static struct config_address inet(const char *host, unsigned port)
{
    struct config_address address = {.text = mem_printf("%s:%u", host, port)};
    struct sockaddr_in *in = (void *)&address.addr;

    in->sin_family = AF_INET;
    in->sin_port = htons((in_port_t)port);
    ck_assert_int_eq(inet_pton(AF_INET, host, &in->sin_addr), 1);
    address.addr_len = sizeof(*in);
    return address;
}

static struct config_address inet6(const char *host, unsigned port)
{
    struct config_address address = {.text = mem_printf("[%s]:%u", host, port)};
    struct sockaddr_in6 *in6 = (void *)&address.addr;

    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons((in_port_t)port);
    ck_assert_int_eq(inet_pton(AF_INET6, host, &in6->sin6_addr), 1);
    address.addr_len = sizeof(*in6);
    return address;
}

static struct config_address unix_path(const char *name)
{
    char *path = scratch_path(name);
    struct config_address address = {.text = mem_printf("unix:%s", path)};
    struct sockaddr_un *un = (void *)&address.addr;

    un->sun_family = AF_UNIX;
    snprintf(un->sun_path, sizeof(un->sun_path), "%s", path);
    address.addr_len = sizeof(*un);
    mem_free(path);
    return address;
}

static enum err listen_on(struct config_address address)
{
    const struct config_addresses one = {.items = &address, .count = 1};
    enum err err = listen_new(&one, 0600, &set, &reason);

    mem_free(address.text);
    return err;
}

static struct sockaddr_storage bound(void)
{
    struct sockaddr_storage addr = {.ss_family = AF_UNSPEC};
    socklen_t len = sizeof(addr);

    ck_assert_int_eq(getsockname(listen_fd(set, 0), (struct sockaddr *)&addr, &len), 0);
    return addr;
}

/* Accepts one, and says where from; false: none waits. */
static bool take(char from[ENDPOINT_TEXT])
{
    struct sockaddr_storage addr = {.ss_family = AF_UNSPEC};
    socklen_t len = sizeof(addr);
    int fd = accept4(listen_fd(set, 0), (struct sockaddr *)&addr, &len, SOCK_CLOEXEC);

    if (fd < 0)
        return false;
    endpoint_text((struct sockaddr *)&addr, from);
    close(fd);
    return true;
}

/* ---- the end ---- */

/* 0: it is connected; EINPROGRESS: it waits for an answer. */
static int connect_now(int fd, const struct sockaddr_storage *to, socklen_t len)
{
    ck_assert_int_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return connect(fd, (const struct sockaddr *)to, len) == 0 ? 0 : errno;
}

START_TEST(tcp_refuses)
{
    char from[ENDPOINT_TEXT];
    int error = 0;
    socklen_t len = sizeof(error);

    ck_assert_int_eq(listen_on(inet("127.0.0.1", 0)), ERR_OK);
    const struct sockaddr_storage address = bound();
    int early = loopback_socket(), late = loopback_socket();
    connect_now(early, &address, sizeof(struct sockaddr_in));
    listen_refuse(set);
    ck_assert_int_eq(connect_now(late, &address, sizeof(struct sockaddr_in)), EINPROGRESS);
    ck_assert(take(from));
    ck_assert(!take(from));
    listen_close(set);
    struct pollfd wait = {.fd = late, .events = POLLOUT};
    ck_assert_int_eq(poll(&wait, 1, 20000), 1);
    ck_assert_int_eq(getsockopt(late, SOL_SOCKET, SO_ERROR, &error, &len), 0);
    ck_assert_int_eq(error, ECONNREFUSED);
    close(early);
    close(late);
}
END_TEST

START_TEST(unix_refuses)
{
    struct config_address at = unix_path("s");
    const struct sockaddr_storage address = at.addr;
    const struct sockaddr_un *un = (const void *)&address;
    char from[ENDPOINT_TEXT];

    ck_assert_int_eq(listen_on(at), ERR_OK);
    int early = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int late = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(connect_now(early, &address, sizeof(struct sockaddr_un)), 0);
    /* Who found the file before it was removed. */
    char *other = scratch_path("t");
    ck_assert_int_eq(link(un->sun_path, other), 0);
    listen_refuse(set);
    ck_assert_int_eq(access(un->sun_path, F_OK), -1);
    struct sockaddr_un through = {.sun_family = AF_UNIX};
    snprintf(through.sun_path, sizeof(through.sun_path), "%s", other);
    ck_assert_int_eq(connect(late, (struct sockaddr *)&through, sizeof(through)), -1);
    ck_assert_int_eq(errno, ECONNREFUSED);
    ck_assert(take(from));
    ck_assert(!take(from));
    mem_free(other);
    close(early);
    close(late);
}
END_TEST

/* Others accept from it. */
START_TEST(handed_down_is_left_alone)
{
    struct sockaddr_in address;
    char from[ENDPOINT_TEXT];
    int fd = loopback_listener(&address), kept = dup(fd);

    ck_assert_int_eq(listen_adopt(&fd, &(bool){false}, 1, &set, &reason), ERR_OK);
    listen_refuse(set);
    int late = loopback_connect(&address);
    ck_assert(take(from));
    close(late);
    close(kept);
}
END_TEST

/* ---- [::] ---- */

static bool machine_has_ipv6(void)
{
    return access("/proc/net/if_inet6", R_OK) == 0;
}

START_TEST(any_takes_ipv4)
{
    char from[ENDPOINT_TEXT], text[ENDPOINT_TEXT];
    struct sockaddr_in local;
    socklen_t len = sizeof(local);

    if (!machine_has_ipv6())
        return;
    ck_assert_int_eq(listen_on(inet6("::", 0)), ERR_OK);
    const struct sockaddr_storage address = bound();
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = ((const struct sockaddr_in6 *)&address)->sin6_port};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ck_assert(!listen_is_local(set, false));
    ck_assert_int_eq(strncmp(listen_addresses(set), "[::]:", 5), 0);
    int caller = loopback_connect(&to);
    ck_assert(take(from));
    ck_assert_int_eq(getsockname(caller, (struct sockaddr *)&local, &len), 0);
    endpoint_text((struct sockaddr *)&local, text);
    ck_assert_str_eq(from, text); /* not ::ffff:127.0.0.1 */
    close(caller);
}
END_TEST

START_TEST(mapped_loopback_is_local)
{
    if (!machine_has_ipv6())
        return;
    ck_assert_int_eq(listen_on(inet6("::ffff:127.0.0.1", 0)), ERR_OK);
    ck_assert(listen_is_local(set, false));
    ck_assert_int_eq(strncmp(listen_addresses(set), "127.0.0.1:", 10), 0);
}
END_TEST

START_TEST(no_ipv6_is_told)
{
    has_ipv6 = false;
    ck_assert_int_eq(listen_on(inet6("::", 8080)), ERR_SYSTEM);
    ck_assert_str_eq(reason.text, "cannot listen on [::]:8080: this machine has no IPv6; write "
                                  "127.0.0.1:8080 or 0.0.0.0:8080");
}
END_TEST

/* 192.0.2.0/24 and 2001:db8::/32 are for documents. */
START_TEST(foreign_address_is_told)
{
    ck_assert_int_eq(listen_on(inet("192.0.2.1", 8080)), ERR_SYSTEM);
    ck_assert_ptr_nonnull(strstr(reason.text, "no such address"));
    ck_assert_ptr_nonnull(strstr(reason.text, "[::1]:PORT"));
    if (!machine_has_ipv6())
        return;
    ck_assert_int_eq(listen_on(inet6("2001:db8::1", 8080)), ERR_SYSTEM);
    ck_assert_ptr_nonnull(strstr(reason.text, "no such address"));
    ck_assert_ptr_nonnull(strstr(reason.text, "127.0.0.1:PORT"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("listen");
    TCase *tests = tcase_create("listen");

    tcase_add_checked_fixture(tests, start, stop);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, tcp_refuses);
    tcase_add_test(tests, unix_refuses);
    tcase_add_test(tests, handed_down_is_left_alone);
    tcase_add_test(tests, any_takes_ipv4);
    tcase_add_test(tests, mapped_loopback_is_local);
    tcase_add_test(tests, no_ipv6_is_told);
    tcase_add_test(tests, foreign_address_is_told);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
