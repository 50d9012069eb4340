/*
 * What a worker's client is made of, from the configuration, and a digest by which a reload tells
 * whether it would be made otherwise than it was.
 */
#ifndef SERVICE_WIRING_H
#define SERVICE_WIRING_H

#include <stddef.h>

#include "base/digest.h"
#include "config/config.h"
#include "upstream/client.h"

/* In what follows `upstream` is one of config's, max_connections a worker's share of it. */

/* A worker's client. `origin` is the caller's. */
struct client_settings wiring_client(const struct config *config,
                                     const struct config_upstream *upstream, const char *origin,
                                     size_t max_connections);
/* Of all that a worker's client is made of; files are read. */
struct digest wiring_client_digest(const struct config *config,
                                   const struct config_upstream *upstream, size_t max_connections);

#endif
