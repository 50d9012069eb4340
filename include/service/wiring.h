/*
 * What is made of a configuration: the settings of the parts, for a start and for a reload alike,
 * and digests by which a reload tells whether a part would be made otherwise than it was.
 */
#ifndef SERVICE_WIRING_H
#define SERVICE_WIRING_H

#include <stddef.h>

#include "base/digest.h"
#include "config/config.h"
#include "runtime/loop.h"
#include "token/keeper.h"
#include "upstream/client.h"

/* Borrowed from `config`. */
struct keeper_settings wiring_keeper(const struct config *config);

/* A worker's client, with its share of the upstream's connections. `origin` is the caller's. */
struct client_settings wiring_client(const struct config *config, const char *origin,
                                     size_t workers);

/* What lies in files is read, so that a certificate renewed in its place counts. */

/* Of all that a worker's client is made of. */
struct digest wiring_client_digest(const struct config *config, size_t workers);
/* Of all that the request to the token endpoint is made of. */
struct digest wiring_fetch_digest(const struct config *config);

#endif
