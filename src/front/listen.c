/*
 * An error names the address, and what to do: most starts that fail, fail here.
 */
#include "front/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "front/endpoint.h"

/* Connections that wait to be accepted, at most, on each socket. */
#define LISTEN_BACKLOG 1024

struct listener {
    int fd;
    bool tls;
    char *path; /* of a Unix socket that we made, to be removed; else NULL */
};

struct listen {
    struct listener *listeners;
    size_t count;
    char *addresses;
    bool adopted; /* others have them too */
};

/* ---- binding ---- */

static bool is_unix(const struct config_address *address)
{
    return address->addr.ss_family == AF_UNIX;
}

static const char *unix_path(const struct config_address *address)
{
    return ((const struct sockaddr_un *)(const void *)&address->addr)->sun_path;
}

/* A socket file that nothing accepts on is left over from a daemon that was killed. */
static void remove_stale(const struct config_address *address)
{
    struct stat st;
    if (lstat(unix_path(address), &st) != 0 || !S_ISSOCK(st.st_mode))
        return;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    if (connect(fd, (const struct sockaddr *)&address->addr, address->addr_len) != 0 &&
        errno == ECONNREFUSED)
        unlink(unix_path(address));
    close(fd);
}

static int open_socket(const struct config_address *address, int64_t mode)
{
    int fd = socket(address->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    const int on = 1, off = 0;
    if (is_unix(address)) {
        remove_stale(address);
        fchmod(fd, (mode_t)mode); /* the mode of the file that bind makes, less the umask */
    } else {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        /* Whatever the system's default is. */
        if (address->addr.ss_family == AF_INET6)
            setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    }
    if (bind(fd, (const struct sockaddr *)&address->addr, address->addr_len) != 0 ||
        (is_unix(address) && chmod(unix_path(address), (mode_t)mode) != 0) ||
        listen(fd, LISTEN_BACKLOG) != 0) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

/* 0 for a Unix socket. */
static unsigned port_of(const struct config_address *address)
{
    const void *addr = &address->addr;
    if (address->addr.ss_family == AF_INET)
        return ntohs(((const struct sockaddr_in *)addr)->sin_port);
    if (address->addr.ss_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)addr)->sin6_port);
    return 0;
}

static void advise_unix(const struct config_address *address, int error, struct buf *text)
{
    const char *path = unix_path(address);
    const int dir_len = (int)(strrchr(path, '/') - path) + (strrchr(path, '/') == path);
    struct stat st;
    if (error == EADDRINUSE && lstat(path, &st) == 0 && !S_ISSOCK(st.st_mode))
        buf_puts(text, "a file that is not a socket is there; remove it, or choose another path");
    else if (error == EADDRINUSE)
        buf_printf(text,
                   "another process has it; `ss -lxp src %s` names that: stop it, or choose "
                   "another path",
                   path);
    else if (error == ENOENT || error == ENOTDIR)
        buf_printf(text,
                   "there is no directory %.*s; make it (mkdir, or RuntimeDirectory= of the unit), "
                   "or choose another path",
                   dir_len, path);
    else if (error == EACCES || error == EPERM)
        buf_printf(text, "user %u may not write to %.*s; change its owner, or choose another path",
                   (unsigned)geteuid(), dir_len, path);
    else if (error == EROFS)
        buf_printf(text, "%.*s is on a read-only file system; choose a path on one that is not",
                   dir_len, path);
    else
        buf_puts(text, strerrordesc_np(error));
}

static void advise_inet(const struct config_address *address, int error, struct buf *text)
{
    const unsigned port = port_of(address);
    const bool is_v6 = address->addr.ss_family == AF_INET6;
    if (error == EADDRINUSE)
        buf_printf(text,
                   "another process has it; `ss -ltnp sport = :%u` names that: stop it, or choose "
                   "another port",
                   port);
    else if ((error == EACCES || error == EPERM) && port < IPPORT_RESERVED)
        buf_printf(text,
                   "port %u is below %d and not allowed; choose a port from %d on, or let the "
                   "service manager listen: a socket unit (FileDescriptorName=tls for TLS)",
                   port, IPPORT_RESERVED, IPPORT_RESERVED);
    else if (error == EAFNOSUPPORT && is_v6)
        buf_printf(text, "this machine has no IPv6; write 127.0.0.1:%u or 0.0.0.0:%u", port, port);
    else if (error == EADDRNOTAVAIL || error == EAFNOSUPPORT)
        buf_printf(text,
                   "this machine has no such address; `ip address` lists those it has; on one "
                   "with %s",
                   is_v6 ? "IPv4 only, write 127.0.0.1:PORT or 0.0.0.0:PORT"
                         : "IPv6 only, write [::1]:PORT or [::]:PORT");
    else
        buf_puts(text, strerrordesc_np(error));
}

static void explain(const struct config_address *address, int error, struct reason *reason)
{
    struct buf text;
    buf_init(&text, REASON_MAX);
    buf_printf(&text, "cannot listen on %s: ", address->text);
    if (is_unix(address))
        advise_unix(address, error, &text);
    else
        advise_inet(address, error, &text);
    reason_set(reason, "%s", buf_text(&text));
    buf_fini(&text);
}

static void add_unix_address(struct buf *text, const struct sockaddr_un *bound, socklen_t len)
{
    const size_t path_len = len - offsetof(struct sockaddr_un, sun_path);
    if (len > offsetof(struct sockaddr_un, sun_path) && bound->sun_path[0] == '\0')
        buf_printf(text, "unix:@%.*s", (int)(path_len - 1), bound->sun_path + 1);
    else
        buf_printf(text, "unix:%.*s", (int)path_len, bound->sun_path);
}

static void add_bound_address(struct buf *text, int fd, bool tls)
{
    struct sockaddr_storage bound = {.ss_family = AF_UNSPEC};
    socklen_t len = sizeof(bound);
    if (text->len > 0)
        buf_puts(text, ", ");
    if (tls)
        buf_puts(text, "tls:");
    MUST(getsockname(fd, (struct sockaddr *)&bound, &len) == 0);
    if (bound.ss_family == AF_UNIX) {
        add_unix_address(text, (const struct sockaddr_un *)(const void *)&bound, len);
    } else {
        char end[ENDPOINT_TEXT];
        endpoint_text((const struct sockaddr *)&bound, end);
        buf_puts(text, end);
    }
}

static void remove_path(struct listener *listener)
{
    if (listener->path != NULL)
        unlink(listener->path);
    mem_free(listener->path);
    listener->path = NULL;
}

static void close_sockets(struct listen *set)
{
    for (size_t i = 0; i < set->count; i++) {
        struct listener *listener = &set->listeners[i];
        /* First, for once it is closed another daemon may take the path for stale, and its own. */
        remove_path(listener);
        if (listener->fd >= 0)
            close(listener->fd);
        listener->fd = -1;
    }
}

static struct listen *set_new(size_t room)
{
    struct listen *set = mem_zalloc(sizeof(*set));
    set->listeners = mem_zalloc((room + 1) * sizeof(*set->listeners));
    return set;
}

/* The path, if any, is the listener's from now on. */
static void add_listener(struct listen *set, int fd, bool tls, char *path)
{
    const int on = 1;
    /*
     * Sockets accepted from it inherit this. A handshake is sent in two pieces, the second of which
     * would wait for the acknowledgement of the first.
     */
    if (tls)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    set->listeners[set->count++] = (struct listener){.fd = fd, .tls = tls, .path = path};
}

static void write_addresses(struct listen *set)
{
    struct buf text;
    buf_init(&text, 64 * 1024);
    for (size_t i = 0; i < set->count; i++)
        add_bound_address(&text, set->listeners[i].fd, set->listeners[i].tls);
    set->addresses = mem_strdup(buf_text(&text));
    buf_fini(&text);
}

enum err listen_new(const struct config_addresses *addresses, int64_t socket_mode,
                    struct listen **out, struct reason *reason)
{
    struct listen *set = set_new(addresses->count);
    for (size_t i = 0; i < addresses->count; i++) {
        const struct config_address *address = &addresses->items[i];
        int fd = open_socket(address, socket_mode);
        if (fd < 0) {
            int error = errno;
            explain(address, error, reason);
            close_sockets(set);
            listen_free(set);
            errno = error;
            return ERR_SYSTEM;
        }
        add_listener(set, fd, address->tls,
                     is_unix(address) ? mem_strdup(unix_path(address)) : NULL);
    }
    write_addresses(set);
    *out = set;
    return ERR_OK;
}

enum err listen_adopt(int *sockets, const bool *tls, size_t count, struct listen **out,
                      struct reason *reason)
{
    struct listen *set = set_new(count);
    set->adopted = true;
    for (size_t i = 0; i < count; i++) {
        int flags = fcntl(sockets[i], F_GETFL);
        if (flags < 0 || fcntl(sockets[i], F_SETFL, flags | O_NONBLOCK) != 0) {
            reason_set(reason, "cannot use socket %d of the service manager: %s", sockets[i],
                       strerrordesc_np(errno));
            close_sockets(set);
            listen_free(set);
            return ERR_SYSTEM;
        }
        add_listener(set, sockets[i], tls[i], NULL);
        sockets[i] = -1;
    }
    write_addresses(set);
    *out = set;
    return ERR_OK;
}

static bool is_local(int fd)
{
    struct sockaddr_storage bound = {.ss_family = AF_UNSPEC};
    socklen_t len = sizeof(bound);
    MUST(getsockname(fd, (struct sockaddr *)&bound, &len) == 0);
    return config_is_loopback((const struct sockaddr *)&bound);
}

bool listen_is_local(const struct listen *set, bool but_tls)
{
    for (size_t i = 0; i < set->count; i++)
        if (!(but_tls && set->listeners[i].tls) && !is_local(set->listeners[i].fd))
            return false;
    return true;
}

bool listen_has_tls(const struct listen *set)
{
    for (size_t i = 0; i < set->count; i++)
        if (set->listeners[i].tls)
            return true;
    return false;
}

const char *listen_addresses(const struct listen *set)
{
    return set->addresses;
}

size_t listen_count(const struct listen *set)
{
    return set->count;
}

int listen_fd(const struct listen *set, size_t i)
{
    return set->listeners[i].fd;
}

bool listen_is_tls(const struct listen *set, size_t i)
{
    return set->listeners[i].tls;
}

/*
 * Closing a TCP socket resets what came since it was last looked into. So its SYNs are dropped
 * first: a caller that sends one again finds the socket closed. Where that is not permitted, those
 * that come in between are reset.
 */
static void drop_syns(int fd)
{
    enum { FLAGS_AT = 13 };
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, FLAGS_AT),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, TH_SYN, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
    };
    const struct sock_fprog program = {.len = ARRAY_LEN(code), .filter = code};
    setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

void listen_refuse(struct listen *set)
{
    for (size_t i = 0; i < set->count && !set->adopted; i++) {
        struct listener *listener = &set->listeners[i];
        if (listener->path == NULL) {
            drop_syns(listener->fd);
        } else {
            remove_path(listener);
            shutdown(listener->fd, SHUT_RD);
        }
    }
}

void listen_close(struct listen *set)
{
    close_sockets(set);
}

void listen_free(struct listen *set)
{
    if (set == NULL)
        return;
    mem_free(set->listeners);
    mem_free(set->addresses);
    mem_free(set);
}
