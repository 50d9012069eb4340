/*
 * The list is kept sorted by inserting from its tail: delays hardly ever differ, so a new call
 * nearly always belongs there, and a thousand parked calls cost no more than one.
 */
#include "parking.h"

#include <limits.h>
#include <stdlib.h>
#include <sys/epoll.h>

void parking_init(struct parking *parking, int epoll_fd)
{
    parking->epoll_fd = epoll_fd;
    TAILQ_INIT(&parking->list);
}

static int descriptor(const struct call *call)
{
    return MHD_get_connection_info(call->connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
}

static void insert(struct parking *parking, struct call *call, long long due)
{
    call->due = due;
    struct call *before = TAILQ_LAST(&parking->list, call_list);
    while (before != NULL && before->due > due)
        before = TAILQ_PREV(before, call_list, entry);
    if (before != NULL)
        TAILQ_INSERT_AFTER(&parking->list, before, call, entry);
    else
        TAILQ_INSERT_HEAD(&parking->list, call, entry);
}

void parking_add(struct parking *parking, struct call *call, long long due)
{
    struct epoll_event event = {.events = EPOLLRDHUP | EPOLLONESHOT, .data.ptr = call};
    if (epoll_ctl(parking->epoll_fd, EPOLL_CTL_ADD, descriptor(call), &event) != 0)
        abort();
    MHD_suspend_connection(call->connection);
    call->parked = true;
    insert(parking, call, due);
}

void parking_hasten(struct parking *parking, struct call *call)
{
    TAILQ_REMOVE(&parking->list, call, entry);
    insert(parking, call, 0);
}

static void resume(struct parking *parking, struct call *call)
{
    TAILQ_REMOVE(&parking->list, call, entry);
    call->parked = false;
    epoll_ctl(parking->epoll_fd, EPOLL_CTL_DEL, descriptor(call), NULL);
    MHD_resume_connection(call->connection);
}

void parking_gone(struct parking *parking, struct call *call)
{
    call->gone = true;
    resume(parking, call);
}

void parking_release(struct parking *parking, long long now)
{
    struct call *call;
    while ((call = TAILQ_FIRST(&parking->list)) != NULL && call->due <= now)
        resume(parking, call);
}

int parking_timeout(const struct parking *parking, long long now)
{
    const struct call *first = TAILQ_FIRST(&parking->list);
    if (first == NULL || first->due == TIME_NEVER)
        return -1;
    if (first->due <= now)
        return 0;
    long long ms = (first->due - now + NS_PER_MS - 1) / NS_PER_MS;
    return ms > INT_MAX ? INT_MAX : (int)ms;
}
