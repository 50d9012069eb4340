/*
 * Notices callers that leave: that close their connection, or its sending half. A parked request's
 * connection is not watched by libmicrohttpd, so all connections of a server are watched here, from
 * their first moment to their last.
 *
 * One epoll set holds them, and the loop watches the set. A uv_poll_t for each connection would do
 * the same for six system calls; this is one.
 *
 * Thread: the loop's.
 */
#ifndef FRONT_DEPARTURES_H
#define FRONT_DEPARTURES_H

#include <stdbool.h>
#include <uv.h>

#include "base/err.h"
#include "runtime/loop.h"

struct departures {
    unsigned magic;
    int set;
    uv_poll_t poll;
    void (*left)(void *who);
    void (*readable)(void *who); /* the owner may set it, after the start */
};

/* `left` is called once or more for each caller that has left. ERR_SYSTEM: no descriptor. */
ERR_CHECKED enum err departures_start(struct departures *departures, struct loop *loop,
                                      void (*left)(void *who));
/* Nothing is reported any more; its memory may go when the loop has let go of its handle. */
void departures_stop(struct departures *departures);

/*
 * Watches the connected socket on behalf of `who`, which must live until the socket is closed. That
 * ends the watch, because nothing in the process duplicates a descriptor that is watched, or forks.
 * ERR_SYSTEM: the system has no room for the watch.
 */
ERR_CHECKED enum err departures_watch(struct departures *departures, int fd, void *who);
/* Ends the watch of a socket that is to be duplicated (front/linger.h). */
void departures_unwatch(struct departures *departures, int fd);
/*
 * From now on `readable` is called too when there is more to read from a socket that is watched, or
 * nothing will come any more; at once where that is so already. Or it is not called any longer.
 */
void departures_watch_reading(struct departures *departures, int fd, void *who, bool on);

#endif
