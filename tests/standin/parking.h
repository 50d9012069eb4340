/*
 * Calls whose answer waits: for a delay, for a hold to end, for counters to be reached.
 *
 * A parked connection is suspended in libmicrohttpd, which then looks at it no more; so its
 * descriptor is watched here, and a caller who goes away is noticed at once.
 */
#ifndef STANDIN_PARKING_H
#define STANDIN_PARKING_H

#include "call.h"

struct parking {
    int epoll_fd;          /* borrowed; a parked call's events carry the call as their data */
    struct call_list list; /* by due time */
};

void parking_init(struct parking *parking, int epoll_fd);

/* Suspends the call until `due` (TIME_NEVER: until it is moved). */
void parking_add(struct parking *parking, struct call *call, long long due);

/* A parked call's time has come after all: at the next parking_release. */
void parking_hasten(struct parking *parking, struct call *call);

/* Epoll reported the descriptor of a parked call: the caller went away. Resumes it. */
void parking_gone(struct parking *parking, struct call *call);

/* Resumes what is due. */
void parking_release(struct parking *parking, long long now);

/* Milliseconds until the next is due, rounded up; -1 when none will be. */
int parking_timeout(const struct parking *parking, long long now);

#endif
