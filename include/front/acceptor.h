/*
 * Accepting on a loop, from listeners that other loops accept from too: what comes is served on the
 * loop that took it, without a hop between threads. The limit on connections counts those of all
 * loops. A loop that has more than its share gives a connection to the loop that has least.
 *
 * Thread: an acceptor belongs to its loop's; a group is shared by all, and is not changed while
 * any of its acceptors lives.
 */
#ifndef FRONT_ACCEPTOR_H
#define FRONT_ACCEPTOR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "front/listen.h"
#include "front/server.h"
#include "runtime/loop.h"

/* One loop that serves connections: its servers, and the app that serves them. */
struct accept_member {
    struct server *server;
    struct server *tls; /* for the listeners with TLS; NULL: there are none */
    struct server_app *app;
};

struct accept_group {
    struct server_quota *quota;
    struct accept_member *members;
    size_t count;
};

/*
 * A loop has more than its share when, with the new connection, it would be more than so many above
 * the mean of all loops. 0 would be too strict: where callers come and go, handing a connection to
 * another loop costs more than it gains.
 */
#define ACCEPT_SLACK 1

struct acceptor;

/*
 * Begins to accept on `loop`, which is that of group->members[self]. Group and listeners outlive
 * it. ERR_SYSTEM: no descriptor.
 */
ERR_CHECKED enum err acceptor_new(struct loop *loop, const struct listen *listen,
                                  const struct accept_group *group, size_t self,
                                  struct acceptor **out);
/* Stops at once: what waits in the backlogs waits on. Frees it in a later turn of the loop. */
void acceptor_stop(struct acceptor *acceptor);

/*
 * Takes what waits in the backlogs still, for the member that has least, when no acceptor takes it
 * any more and the sockets are to be closed. False when the system lacks descriptors or memory for
 * it: some may wait still. Any thread.
 */
bool accept_rest(const struct listen *listen, const struct accept_group *group);

#endif
