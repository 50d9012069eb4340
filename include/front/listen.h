/*
 * Accepting, on the main loop, for all servers: several addresses, Unix sockets, the limit on
 * connections, descriptors running out. What is accepted is handed to the servers in turn.
 *
 * Thread: the main loop's.
 */
#ifndef FRONT_LISTEN_H
#define FRONT_LISTEN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/reason.h"
#include "config/config.h"
#include "front/server.h"
#include "runtime/loop.h"

/* What takes connections: a server, and the app that serves them. */
struct listen_target {
    struct server *server;
    struct server_app *app;
};

struct listen;

/*
 * Binds and listens on every address; nothing is accepted before listen_start. A stale Unix socket
 * (nothing accepts on it) is removed; on ERR_SYSTEM `reason` says which address, why, and what to
 * do, errno is the system's, and nothing stays bound.
 */
ERR_CHECKED enum err listen_new(struct loop *loop, const struct config_addresses *addresses,
                                int64_t socket_mode, struct listen **out, struct reason *reason);

/*
 * The same for sockets that listen already, handed down by a service manager: theirs is the path of
 * a Unix socket, which is not removed. Takes the descriptors, which become -1; at least one.
 */
ERR_CHECKED enum err listen_adopt(struct loop *loop, int *sockets, size_t count,
                                  struct listen **out, struct reason *reason);

/* Whether only this machine can reach them: loopback addresses and Unix sockets. */
bool listen_is_local(const struct listen *listen);

/* The targets are copied; the quota outlives the listeners. */
void listen_start(struct listen *listen, const struct listen_target *targets, size_t count,
                  struct server_quota *quota);

/* Takes what is waiting in the backlogs, then closes the sockets and removes Unix ones. */
void listen_stop(struct listen *listen);
/* After listen_stop and a turn of the loop. NULL is allowed. */
void listen_free(struct listen *listen);

/* The addresses really bound (a port 0 has become a number), as "HOST:PORT, ..."; borrowed. */
const char *listen_addresses(const struct listen *listen);

#endif
