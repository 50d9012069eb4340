/*
 * EPOLLEXCLUSIVE works only in the set that a thread waits in. Linux counts a wake-up as exclusive
 * when a thread sleeps in epoll_wait on that very set; a set that is watched by another set has no
 * such sleeper, so the wake-up goes on to every other watcher. With eight sleepers and 200
 * connections, one after the other, Linux 6.18 wakes threads 1600 times with a set of its own in
 * each thread's set, 1600 times without the flag, and 220 to 300 times with the flag in the
 * thread's own set (by the count of their sleeps, as unit/test_accept_watch takes it).
 *
 * So the descriptor goes into the loop's own set, whose descriptor libuv tells (uv_backend_fd).
 * libuv puts it there without the flag; right after, it is taken out and put back with it. Three
 * things about libuv's inside are relied on, and are so in the source of the versions below: it
 * finds a watcher by the descriptor in epoll_event.data.fd; it does not change the entry of a
 * watcher whose events stay the same (the kernel allows no change of an exclusive one); and what it
 * changes in its set, through io_uring too, is done before the check handles run.
 *
 * With another version of libuv the descriptor is in an epoll set of its own, which the loop
 * watches. Everything works there too, but each connection wakes every loop that is idle.
 */
#include "front/accept_watch.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"

#define ACCEPT_WATCH_MAGIC 0x41575443u

#define UV(major, minor, patch) ((unsigned)(major) << 16 | (unsigned)(minor) << 8 | (patch))

/* Read from 1.44.0 to 1.52.1; run with 1.44.2 (Debian 12) and 1.50.0 (Debian 13). */
enum accept_watch_place accept_watch_place(unsigned uv_version)
{
    return uv_version >= UV(1, 44, 0) && uv_version < UV(1, 53, 0) ? ACCEPT_WATCH_LOOP_SET
                                                                   : ACCEPT_WATCH_OWN_SET;
}

static void readable(uv_poll_t *poll, int status, int events)
{
    MAGIC_CAST(struct accept_watch, watch, poll->data, ACCEPT_WATCH_MAGIC);
    (void)status;
    (void)events;
    loop_awake(poll->loop);
    watch->ready(watch);
}

/* Where the kernel has no such flag, each connection wakes all loops. */
static int add(int set, int fd)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLEXCLUSIVE, .data.fd = fd};
    if (epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) == 0)
        return 0;
    event.events = EPOLLIN;
    return epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
}

/*
 * The loop has just waited. Where libuv has not put the descriptor into its set yet (it was told
 * after that), it does so before it waits next, and must not find it there.
 */
static void make_exclusive(uv_check_t *check)
{
    MAGIC_CAST(struct accept_watch, watch, check->data, ACCEPT_WATCH_MAGIC);
    const int set = uv_backend_fd(check->loop);
    struct epoll_event unused = {.events = 0};
    if (epoll_ctl(set, EPOLL_CTL_DEL, watch->fd, &unused) != 0)
        return;
    uv_check_stop(check);
    MEM_MUST(add(set, watch->fd) == 0); /* it has just been there */
}

void accept_watch_resume(struct accept_watch *watch)
{
    MAGIC_OK(watch, ACCEPT_WATCH_MAGIC);
    MUST(uv_poll_start(&watch->poll, UV_READABLE, readable) == 0);
    if (watch->set < 0)
        uv_check_start(&watch->check, make_exclusive);
}

void accept_watch_pause(struct accept_watch *watch)
{
    MAGIC_OK(watch, ACCEPT_WATCH_MAGIC);
    uv_check_stop(&watch->check);
    uv_poll_stop(&watch->poll);
}

/* -1: none was made. */
static int own_set(int fd)
{
    int set = epoll_create1(EPOLL_CLOEXEC);
    if (set >= 0 && add(set, fd) != 0) {
        int error = errno;
        close(set);
        errno = error;
        return -1;
    }
    return set;
}

enum err accept_watch_start(struct accept_watch *watch, struct loop *loop, int fd,
                            enum accept_watch_place place,
                            void (*ready)(struct accept_watch *watch))
{
    *watch = (struct accept_watch){.fd = fd, .set = -1, .ready = ready};
    if (place == ACCEPT_WATCH_OWN_SET && (watch->set = own_set(fd)) < 0)
        return ERR_SYSTEM;
    if (uv_poll_init(loop_uv(loop), &watch->poll, watch->set >= 0 ? watch->set : fd) != 0) {
        if (watch->set >= 0)
            close(watch->set);
        return ERR_SYSTEM;
    }
    MAGIC_SET(watch, ACCEPT_WATCH_MAGIC);
    MUST(uv_check_init(loop_uv(loop), &watch->check) == 0);
    watch->poll.data = watch->check.data = watch;
    accept_watch_resume(watch);
    return ERR_OK;
}

static void handle_closed(uv_handle_t *handle)
{
    MAGIC_CAST(struct accept_watch, watch, handle->data, ACCEPT_WATCH_MAGIC);
    if (!watch->closing) {
        watch->closing = true;
        return;
    }
    MAGIC_CLEAR(watch);
    watch->closed(watch);
}

void accept_watch_close(struct accept_watch *watch, void (*closed)(struct accept_watch *watch))
{
    MAGIC_OK(watch, ACCEPT_WATCH_MAGIC);
    watch->closed = closed;
    uv_close((uv_handle_t *)&watch->check, handle_closed);
    uv_close((uv_handle_t *)&watch->poll, handle_closed);
    if (watch->set >= 0)
        close(watch->set);
}
