/*
 * Waits on a loop for connections to a listening socket that other loops wait for too, so that a
 * new connection wakes one of them (EPOLLEXCLUSIVE). libuv has no such flag: see accept_watch.c.
 *
 * Thread: the loop's. The socket is the caller's, and stays open longer than the watch.
 */
#ifndef FRONT_ACCEPT_WATCH_H
#define FRONT_ACCEPT_WATCH_H

#include <stdbool.h>
#include <uv.h>

#include "base/err.h"
#include "runtime/loop.h"

struct accept_watch {
    unsigned magic;
    int fd;
    int set; /* an epoll set of its own; -1: the descriptor is in the loop's */
    void (*ready)(struct accept_watch *watch);
    uv_poll_t poll;
    uv_check_t check; /* until the descriptor is in the loop's set */
    bool closing;     /* the second of the two handles is */
    void (*closed)(struct accept_watch *watch);
};

/* Where the descriptor is put. */
enum accept_watch_place {
    ACCEPT_WATCH_LOOP_SET, /* the loop's own set: one loop is woken */
    ACCEPT_WATCH_OWN_SET,  /* a set of its own, which the loop watches: all loops are */
};
/* The first for versions of libuv whose source was read for it, the second for others. */
enum accept_watch_place accept_watch_place(unsigned uv_version);

/*
 * `ready` is called, in later turns, while a connection waits to be accepted; another loop may
 * have taken it meanwhile. ERR_SYSTEM: no descriptor. The watch must not move in memory.
 */
ERR_CHECKED enum err accept_watch_start(struct accept_watch *watch, struct loop *loop, int fd,
                                        enum accept_watch_place place,
                                        void (*ready)(struct accept_watch *watch));
/* Nothing is reported until accept_watch_resume. */
void accept_watch_pause(struct accept_watch *watch);
void accept_watch_resume(struct accept_watch *watch);
/* `closed` is called in a later turn; then its memory may go. */
void accept_watch_close(struct accept_watch *watch, void (*closed)(struct accept_watch *watch));

#endif
