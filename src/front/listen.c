/*
 * One place accepts, so that one place counts: a connection over the limit is taken and closed at
 * once, for a caller left in the backlog would wait without a word. Out of descriptors, accepting
 * pauses instead of spinning on a socket that stays readable, and tries again soon.
 */
#include "front/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "front/endpoint.h"

#define LISTENER_MAGIC 0x4c53544eu
/* Accepted in one go before other work of the main loop has its turn. */
#define ACCEPTS_A_TURN 64
#define PAUSE (100 * MILLISECOND)
#define BACKLOG 1024

struct listener {
    unsigned magic;
    struct listen *set;
    int fd;
    char *path; /* of a Unix socket that we made, to be removed; else NULL */
    uv_poll_t poll;
    bool polling;
    struct timer *pause;
};

struct listen {
    struct loop *loop;
    struct listener *listeners;
    size_t count;
    struct listen_target *targets;
    size_t target_count;
    size_t next_target;
    struct server_quota *quota;
    char *addresses;
    bool starved; /* out of descriptors, and said so */
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
    const int on = 1;
    if (is_unix(address)) {
        remove_stale(address);
        fchmod(fd, (mode_t)mode); /* the mode of the file that bind makes, less the umask */
    } else {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        if (address->addr.ss_family == AF_INET6)
            setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    }
    if (bind(fd, (const struct sockaddr *)&address->addr, address->addr_len) != 0 ||
        (is_unix(address) && chmod(unix_path(address), (mode_t)mode) != 0) ||
        listen(fd, BACKLOG) != 0) {
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
    if (error == EADDRINUSE)
        buf_printf(text,
                   "another process has it; `ss -ltnp sport = :%u` names that: stop it, or choose "
                   "another port",
                   port);
    else if ((error == EACCES || error == EPERM) && port < IPPORT_RESERVED)
        buf_printf(text,
                   "port %u is below %d and not allowed; choose a port from %d on, or grant "
                   "CAP_NET_BIND_SERVICE",
                   port, IPPORT_RESERVED, IPPORT_RESERVED);
    else if (error == EADDRNOTAVAIL || error == EAFNOSUPPORT)
        buf_puts(text, "this machine has no such address; `ip address` lists those it has; on one "
                       "with IPv6 only, write [::1]:PORT or [::]:PORT");
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

static void add_bound_address(struct buf *text, int fd)
{
    struct sockaddr_storage bound = {.ss_family = AF_UNSPEC};
    socklen_t len = sizeof(bound);
    if (text->len > 0)
        buf_puts(text, ", ");
    MUST(getsockname(fd, (struct sockaddr *)&bound, &len) == 0);
    if (bound.ss_family == AF_UNIX) {
        add_unix_address(text, (const struct sockaddr_un *)(const void *)&bound, len);
    } else {
        char end[ENDPOINT_TEXT];
        endpoint_text((const struct sockaddr *)&bound, end);
        buf_puts(text, end);
    }
}

static void close_sockets(struct listen *set)
{
    for (size_t i = 0; i < set->count; i++) {
        struct listener *listener = &set->listeners[i];
        /* First, for once it is closed another daemon may take the path for stale, and its own. */
        if (listener->path != NULL)
            unlink(listener->path);
        if (listener->fd >= 0)
            close(listener->fd);
        listener->fd = -1;
        mem_free(listener->path);
        listener->path = NULL;
    }
}

static struct listen *set_new(struct loop *loop, size_t room)
{
    struct listen *set = mem_zalloc(sizeof(*set));
    set->loop = loop;
    set->listeners = mem_zalloc((room + 1) * sizeof(*set->listeners));
    return set;
}

/* The path, if any, is the listener's from now on. */
static void add_listener(struct listen *set, int fd, char *path)
{
    struct listener *listener = &set->listeners[set->count++];
    MAGIC_SET(listener, LISTENER_MAGIC);
    listener->set = set;
    listener->fd = fd;
    listener->path = path;
}

static void write_addresses(struct listen *set)
{
    struct buf text;
    buf_init(&text, 64 * 1024);
    for (size_t i = 0; i < set->count; i++)
        add_bound_address(&text, set->listeners[i].fd);
    set->addresses = mem_strdup(buf_text(&text));
    buf_fini(&text);
}

enum err listen_new(struct loop *loop, const struct config_addresses *addresses,
                    int64_t socket_mode, struct listen **out, struct reason *reason)
{
    struct listen *set = set_new(loop, addresses->count);
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
        add_listener(set, fd, is_unix(address) ? mem_strdup(unix_path(address)) : NULL);
    }
    write_addresses(set);
    *out = set;
    return ERR_OK;
}

enum err listen_adopt(struct loop *loop, int *sockets, size_t count, struct listen **out,
                      struct reason *reason)
{
    struct listen *set = set_new(loop, count);
    for (size_t i = 0; i < count; i++) {
        int flags = fcntl(sockets[i], F_GETFL);
        if (flags < 0 || fcntl(sockets[i], F_SETFL, flags | O_NONBLOCK) != 0) {
            reason_set(reason, "cannot use socket %d of the service manager: %s", sockets[i],
                       strerrordesc_np(errno));
            close_sockets(set);
            listen_free(set);
            return ERR_SYSTEM;
        }
        add_listener(set, sockets[i], NULL);
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

bool listen_is_local(const struct listen *set)
{
    for (size_t i = 0; i < set->count; i++)
        if (!is_local(set->listeners[i].fd))
            return false;
    return true;
}

const char *listen_addresses(const struct listen *set)
{
    return set->addresses;
}

/* ---- accepting ---- */

static bool over_quota(struct server_quota *quota)
{
    int64_t open = atomic_fetch_add_explicit(&quota->open, 1, memory_order_relaxed);
    if (open < atomic_load_explicit(&quota->limit, memory_order_relaxed))
        return false;
    atomic_fetch_sub_explicit(&quota->open, 1, memory_order_relaxed);
    return true;
}

static void take(struct listen *set, int fd, const struct sockaddr *addr, socklen_t len)
{
    if (over_quota(set->quota)) {
        close(fd);
        metric_add(METRIC_CONNECTIONS_REFUSED, 0, 1);
        return;
    }
    const struct listen_target *target = &set->targets[set->next_target];
    set->next_target = (set->next_target + 1) % set->target_count;
    server_hand_over(target->server, target->app, set->quota, fd, addr, len);
}

static void readable(uv_poll_t *poll, int status, int events);

static void resume(void *arg)
{
    MAGIC_CAST(struct listener, listener, arg, LISTENER_MAGIC);
    listener->pause = NULL;
    uv_poll_start(&listener->poll, UV_READABLE, readable);
}

static void pause_accepting(struct listener *listener, int error)
{
    if (!listener->set->starved)
        log_warning(NULL, "cannot accept connections: %s; trying again every 100 ms",
                    strerror(error));
    listener->set->starved = true;
    uv_poll_stop(&listener->poll);
    if (listener->pause == NULL)
        listener->pause = timer_start(listener->set->loop, PAUSE, resume, listener);
}

/* Whether there may be more. */
static bool accept_one(struct listener *listener)
{
    struct sockaddr_storage addr = {.ss_family = AF_UNSPEC};
    socklen_t len = sizeof(addr);
    int fd = accept4(listener->fd, (struct sockaddr *)&addr, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0) {
        listener->set->starved = false;
        take(listener->set, fd, (const struct sockaddr *)&addr, len);
        return true;
    }
    switch (errno) {
    case EAGAIN:
        return false;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        pause_accepting(listener, errno);
        return false;
    default: /* ECONNABORTED and what the network left on the socket: the next may be well */
        return true;
    }
}

static void accept_some(struct listener *listener)
{
    for (int i = 0; i < ACCEPTS_A_TURN; i++)
        if (!accept_one(listener))
            return;
}

static void readable(uv_poll_t *poll, int status, int events)
{
    MAGIC_CAST(struct listener, listener, poll->data, LISTENER_MAGIC);
    (void)status;
    (void)events;
    accept_some(listener);
}

void listen_start(struct listen *set, const struct listen_target *targets, size_t count,
                  struct server_quota *quota)
{
    MUST(count > 0);
    set->targets = mem_alloc(count * sizeof(*targets));
    memcpy(set->targets, targets, count * sizeof(*targets));
    set->target_count = count;
    set->quota = quota;
    for (size_t i = 0; i < set->count; i++) {
        struct listener *listener = &set->listeners[i];
        MUST(uv_poll_init(loop_uv(set->loop), &listener->poll, listener->fd) == 0);
        listener->poll.data = listener;
        listener->polling = true;
        uv_poll_start(&listener->poll, UV_READABLE, readable);
    }
}

void listen_stop(struct listen *set)
{
    for (size_t i = 0; i < set->count; i++) {
        struct listener *listener = &set->listeners[i];
        if (!listener->polling)
            continue;
        for (int n = 0; n < BACKLOG && listener->pause == NULL && accept_one(listener); n++)
            ;
        timer_stop(&listener->pause);
        uv_close((uv_handle_t *)&listener->poll, NULL);
        listener->polling = false;
    }
    close_sockets(set);
}

void listen_free(struct listen *set)
{
    if (set == NULL)
        return;
    mem_free(set->listeners);
    mem_free(set->targets);
    mem_free(set->addresses);
    mem_free(set);
}
