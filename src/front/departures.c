/*
 * The watches are edge-triggered: a caller that has left stays so, and a level would be reported in
 * every turn until the connection is closed.
 */
#include "front/departures.h"

#include <sys/epoll.h>
#include <unistd.h>

#include "base/check.h"

#define DEPARTURES_MAGIC 0x44455041u
/* Reported in one turn; what is left keeps the set readable. */
#define DEPARTURES_A_TURN 64

static void readable(uv_poll_t *poll, int status, int events)
{
    MAGIC_CAST(struct departures, departures, poll->data, DEPARTURES_MAGIC);
    struct epoll_event ready[DEPARTURES_A_TURN];
    (void)status;
    (void)events;
    loop_awake(poll->loop);
    const int count = epoll_wait(departures->set, ready, DEPARTURES_A_TURN, 0);
    for (int i = 0; i < count; i++) {
        if (ready[i].events & EPOLLIN)
            departures->readable(ready[i].data.ptr);
        if (ready[i].events & ~(uint32_t)EPOLLIN)
            departures->left(ready[i].data.ptr);
    }
}

enum err departures_start(struct departures *departures, struct loop *loop, void (*left)(void *who))
{
    *departures = (struct departures){.set = epoll_create1(EPOLL_CLOEXEC), .left = left};
    if (departures->set < 0)
        return ERR_SYSTEM;
    if (uv_poll_init(loop_uv(loop), &departures->poll, departures->set) != 0) {
        close(departures->set);
        return ERR_SYSTEM;
    }
    MAGIC_SET(departures, DEPARTURES_MAGIC);
    departures->poll.data = departures;
    MUST(uv_poll_start(&departures->poll, UV_READABLE, readable) == 0);
    return ERR_OK;
}

void departures_stop(struct departures *departures)
{
    MAGIC_OK(departures, DEPARTURES_MAGIC);
    uv_close((uv_handle_t *)&departures->poll, NULL);
    close(departures->set);
    MAGIC_CLEAR(departures);
}

enum err departures_watch(struct departures *departures, int fd, void *who)
{
    struct epoll_event event = {.events = EPOLLRDHUP | EPOLLET, .data.ptr = who};
    MAGIC_OK(departures, DEPARTURES_MAGIC);
    return epoll_ctl(departures->set, EPOLL_CTL_ADD, fd, &event) == 0 ? ERR_OK : ERR_SYSTEM;
}

void departures_watch_reading(struct departures *departures, int fd, void *who, bool on)
{
    struct epoll_event event = {.events = (on ? EPOLLIN : 0) | EPOLLRDHUP | EPOLLET,
                                .data.ptr = who};
    MAGIC_OK(departures, DEPARTURES_MAGIC);
    MUST(epoll_ctl(departures->set, EPOLL_CTL_MOD, fd, &event) == 0);
}

void departures_unwatch(struct departures *departures, int fd)
{
    MAGIC_OK(departures, DEPARTURES_MAGIC);
    (void)epoll_ctl(departures->set, EPOLL_CTL_DEL, fd, NULL);
}
