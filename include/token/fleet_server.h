/*
 * The servers of a fleet's store: their addresses as text ("HOST:PORT", "[::1]:6379",
 * "unix:/PATH"), and what a connection to one is made with.
 *
 * Any thread; no state.
 */
#ifndef TOKEN_FLEET_SERVER_H
#define TOKEN_FLEET_SERVER_H

#include <stdbool.h>

#include "base/digest.h"
#include "config/config.h"
#include "upstream/resp.h"

/* Bytes of an address that a server names, its NUL included: a host name, brackets, a port. */
#define FLEET_SERVER 272

/* Opening a connection takes no longer, TLS and AUTH included; ns. */
#define FLEET_CONNECT_TIMEOUT (3 * SECOND)

/* Borrowed from both. */
struct resp_settings fleet_server_settings(struct loop *loop, const struct config *config,
                                           const char *server);
/* The same for a Sentinel: it has users and passwords of its own. */
struct resp_settings fleet_server_sentinel_settings(struct loop *loop, const struct config *config,
                                                    const char *server);

/* An address from its parts, of which neither is trusted; false: they make none. */
bool fleet_server_join(const char *host, size_t host_len, const char *port, size_t port_len,
                       char out[FLEET_SERVER]);
/*
 * Where "MOVED 3999 127.0.0.1:6381" leads; without a host to another port of `server`, which said
 * so. False: nowhere.
 */
bool fleet_server_moved(const struct resp_reply *reply, const char *server, char out[FLEET_SERVER]);

/* fleet_link_digest. */
struct digest fleet_server_digest(const struct config *config);

#endif
