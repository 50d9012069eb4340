/*
 * The last requests that ended with a problem, for the status page. Those that say something of the
 * daemon, its upstream or its token are kept apart from those that say something of the caller
 * (400, 404 and the like), so that callers' mistakes do not push out the others.
 *
 * Thread: problem_log_add any, problem_log_read the main loop's. Each thread has a ring of its own
 * under a lock of its own; only a problem takes it, and the reader copies one ring at a time.
 */
#ifndef FRONT_PROBLEM_LOG_H
#define FRONT_PROBLEM_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "exchange/request.h"

#define PROBLEM_LOG_ENTRIES 20
#define PROBLEM_LOG_PATH 96

struct problem_entry {
    struct wall_time at;    /* when it ended */
    struct mono_time ended; /* the same: they are sorted by it */
    char guid[GUID_MAX + 1];
    enum problem_id ending;
    int status;
    char path[PROBLEM_LOG_PATH]; /* as [log] postcodes allows; cut */
    int64_t duration;            /* ns */
};

/* What an ending says something of. */
enum problem_side {
    PROBLEM_OF_SERVICE, /* the daemon, its token or its upstream */
    PROBLEM_OF_CALLER,
    PROBLEM_SIDES,
};

/* Is it one? Not where a request ended well or its caller left. */
bool problem_log_wants(enum problem_id ending);
/* Of a request that ended with one; `path` may be shown as it is. */
void problem_log_add(const struct request *request, const char *path, int64_t duration);
/* Postcodes are to be shown less fully than so far: what is there goes. Thread: any. */
void problem_log_forget(void);
/* The newest ones of all threads, the newest first; gives their number. */
size_t problem_log_read(enum problem_side side, struct problem_entry out[PROBLEM_LOG_ENTRIES]);

#endif
