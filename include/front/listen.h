/*
 * The listening sockets of one kind of caller: several addresses, Unix sockets. They are bound,
 * owned and closed here; who accepts from them is the affair of front/acceptor.h.
 *
 * Thread: the main one; what only reads is for any.
 */
#ifndef FRONT_LISTEN_H
#define FRONT_LISTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/reason.h"
#include "config/config.h"

struct listen;

/*
 * Binds and listens on every address. A stale Unix socket (nothing accepts on it) is removed; on
 * ERR_SYSTEM `reason` says which address, why, and what to do, errno is the system's, and nothing
 * stays bound.
 */
ERR_CHECKED enum err listen_new(const struct config_addresses *addresses, int64_t socket_mode,
                                struct listen **out, struct reason *reason);

/*
 * The same for sockets that listen already, handed down by a service manager: theirs is the path of
 * a Unix socket, which is not removed. Takes the descriptors, which become -1; at least one. `tls`
 * says of each whether callers speak TLS there.
 */
ERR_CHECKED enum err listen_adopt(int *sockets, const bool *tls, size_t count, struct listen **out,
                                  struct reason *reason);

/*
 * Whether only this machine can reach them: loopback addresses and Unix sockets. `but_tls`: those
 * with TLS are not asked about.
 */
bool listen_is_local(const struct listen *listen, bool but_tls);
/* Whether callers speak TLS on any of them. */
bool listen_has_tls(const struct listen *listen);

/* The sockets, which do not block; there may be none. */
size_t listen_count(const struct listen *listen);
int listen_fd(const struct listen *listen, size_t i);
bool listen_is_tls(const struct listen *listen, size_t i);

/*
 * From now on nobody connects to the sockets made here, and Unix ones are gone; what waits in the
 * backlogs can still be taken. Nothing is changed of sockets that were handed down: those that come
 * to them are for whoever has them next.
 */
void listen_refuse(struct listen *listen);
/* Closes the sockets and removes Unix ones; a second time nothing happens. */
void listen_close(struct listen *listen);
/* After listen_close. NULL is allowed. */
void listen_free(struct listen *listen);

/*
 * The addresses really bound (a port 0 has become a number), as "HOST:PORT, tls:HOST:PORT, ...";
 * borrowed.
 */
const char *listen_addresses(const struct listen *listen);

#endif
