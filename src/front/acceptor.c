/*
 * A connection over the limit is taken and closed at once, for a caller left in the backlog would
 * wait without a word. Out of descriptors, accepting pauses instead of spinning on a socket that
 * stays readable, and tries again soon.
 *
 * A loop with more than its share does not leave the connection in the backlog: the wake-up was for
 * this loop alone (front/accept_watch.h), and no other would come for it.
 */
#include "front/acceptor.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "front/accept_watch.h"

#define ACCEPTOR_MAGIC 0x41434350u
/* Accepted in one go before other work of the loop has its turn. */
#define ACCEPTS_A_TURN 16
/* Taken from one backlog in one go at the end. It may be a service manager's, and of any size. */
#define ACCEPTS_AT_THE_END 65536
#define PAUSE (100 * MILLISECOND)

/* One listener. */
struct entry {
    struct accept_watch watch;
    struct acceptor *acceptor;
    bool tls;
    struct timer *pause;
};

struct acceptor {
    unsigned magic;
    struct loop *loop;
    const struct accept_group *group;
    size_t self;
    size_t open; /* entries whose watch is not closed */
    struct entry entries[];
};

/* ---- who gets it ---- */

static int64_t open_of(const struct accept_member *member)
{
    return atomic_load_explicit(&member->app->open, memory_order_relaxed);
}

static size_t least_busy(const struct accept_group *group)
{
    size_t least = 0;
    for (size_t i = 1; i < group->count; i++)
        if (open_of(&group->members[i]) < open_of(&group->members[least]))
            least = i;
    return least;
}

/* The sums may be a moment old: nothing is lost by that but a little evenness. */
static bool has_more_than_its_share(const struct accept_group *group, size_t self)
{
    int64_t all = 0;
    for (size_t i = 0; i < group->count; i++)
        all += open_of(&group->members[i]);
    const int64_t count = (int64_t)group->count;
    return (open_of(&group->members[self]) + 1) * count > all + 1 + ACCEPT_SLACK * count;
}

static size_t receiver(const struct accept_group *group, size_t self)
{
    return group->count > 1 && has_more_than_its_share(group, self) ? least_busy(group) : self;
}

/* One that is refused is not counted for a moment either: another could be refused for it. */
static bool is_over_limit(struct server_quota *quota)
{
    int64_t open = atomic_load_explicit(&quota->open, memory_order_relaxed);
    do {
        if (open >= atomic_load_explicit(&quota->limit, memory_order_relaxed))
            return true;
    } while (!atomic_compare_exchange_weak_explicit(&quota->open, &open, open + 1,
                                                    memory_order_relaxed, memory_order_relaxed));
    return false;
}

/* `self` is group->count where no member's loop is the present thread's. */
static void take(const struct accept_group *group, size_t self, bool tls, int fd,
                 const struct sockaddr *addr, socklen_t len)
{
    if (is_over_limit(group->quota)) {
        close(fd);
        metric_add(METRIC_CONNECTIONS_REFUSED, 0, 1);
        return;
    }
    const size_t to = self < group->count ? receiver(group, self) : least_busy(group);
    const struct accept_member *member = &group->members[to];
    atomic_fetch_add_explicit(&member->app->open, 1, memory_order_relaxed);
    struct server *server = tls ? member->tls : member->server;
    (to == self ? server_take : server_hand_over)(server, member->app, group->quota, fd, addr, len);
}

/* ---- accepting ---- */

/*
 * 0: it was taken, or what the network left on the socket was passed over. EAGAIN: none waits.
 * Else the system lacks something.
 */
static int accept_one(int listener, bool tls, const struct accept_group *group, size_t self)
{
    struct sockaddr_storage addr = {.ss_family = AF_UNSPEC};
    socklen_t len = sizeof(addr);
    int fd = accept4(listener, (struct sockaddr *)&addr, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0) {
        take(group, self, tls, fd, (const struct sockaddr *)&addr, len);
        return 0;
    }
    switch (errno) {
    case EINVAL: /* a Unix socket that takes no more, and none waits */
        return EAGAIN;
    case EAGAIN:
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        return errno;
    default: /* ECONNABORTED and the like: the next may be well */
        return 0;
    }
}

static void resume(void *arg)
{
    struct entry *entry = arg;
    entry->pause = NULL;
    accept_watch_resume(&entry->watch);
}

/* All loops lack descriptors at the same time; one of them logs it. */
static void pause_accepting(struct entry *entry, int error)
{
    struct acceptor *acceptor = entry->acceptor;
    if (!atomic_exchange(&acceptor->group->quota->starved, true))
        log_warning(NULL, "cannot accept connections: %s; trying again every 100 ms",
                    strerrordesc_np(error));
    accept_watch_pause(&entry->watch);
    entry->pause = timer_start(acceptor->loop, PAUSE, resume, entry);
}

static void ready(struct accept_watch *watch)
{
    struct entry *entry = CONTAINER_OF(watch, struct entry, watch);
    struct acceptor *acceptor = entry->acceptor;
    int error = 0, accepted = 0;
    MAGIC_OK(acceptor, ACCEPTOR_MAGIC);
    for (; accepted < ACCEPTS_A_TURN && error == 0; accepted += error == 0)
        error = accept_one(watch->fd, entry->tls, acceptor->group, acceptor->self);
    if (error != 0 && error != EAGAIN)
        pause_accepting(entry, error);
    else if (accepted > 0)
        atomic_store_explicit(&acceptor->group->quota->starved, false, memory_order_relaxed);
}

/* ---- life ---- */

static void closed(struct accept_watch *watch)
{
    struct acceptor *acceptor = CONTAINER_OF(watch, struct entry, watch)->acceptor;
    MAGIC_OK(acceptor, ACCEPTOR_MAGIC);
    if (--acceptor->open > 0)
        return;
    MAGIC_CLEAR(acceptor);
    mem_free(acceptor);
}

static void close_watches(struct acceptor *acceptor)
{
    const size_t count = acceptor->open;
    if (count == 0)
        mem_free(acceptor);
    for (size_t i = 0; i < count; i++) {
        timer_stop(&acceptor->entries[i].pause);
        accept_watch_close(&acceptor->entries[i].watch, closed);
    }
}

enum err acceptor_new(struct loop *loop, const struct listen *listen,
                      const struct accept_group *group, size_t self, struct acceptor **out)
{
    const size_t count = listen_count(listen);
    struct acceptor *acceptor = mem_zalloc(sizeof(*acceptor) + count * sizeof(struct entry));
    MAGIC_SET(acceptor, ACCEPTOR_MAGIC);
    acceptor->loop = loop;
    acceptor->group = group;
    acceptor->self = self;
    for (size_t i = 0; i < count; i++) {
        acceptor->entries[i].acceptor = acceptor;
        acceptor->entries[i].tls = listen_is_tls(listen, i);
        if (accept_watch_start(&acceptor->entries[i].watch, loop, listen_fd(listen, i),
                               accept_watch_place(uv_version()), ready) != ERR_OK) {
            close_watches(acceptor);
            return ERR_SYSTEM;
        }
        acceptor->open++;
    }
    *out = acceptor;
    return ERR_OK;
}

/* False when some may wait still. */
static bool take_backlog(int listener, bool tls, const struct accept_group *group)
{
    int error = 0;
    for (int i = 0; i < ACCEPTS_AT_THE_END && error == 0; i++)
        error = accept_one(listener, tls, group, group->count);
    return error == EAGAIN;
}

void acceptor_stop(struct acceptor *acceptor)
{
    MAGIC_OK(acceptor, ACCEPTOR_MAGIC);
    close_watches(acceptor);
}

bool accept_rest(const struct listen *listen, const struct accept_group *group)
{
    bool empty = true;
    for (size_t i = 0; i < listen_count(listen); i++)
        empty = take_backlog(listen_fd(listen, i), listen_is_tls(listen, i), group) && empty;
    return empty;
}
