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

/* The upstream of every lookup: there is one (CONFIG_UPSTREAMS_MAX). */
const struct config_upstream *wiring_upstream(const struct config *config);

/* In what follows `upstream` is one of config's. */

/* Borrowed from `upstream`. */
struct keeper_settings wiring_keeper(const struct config *config,
                                     const struct config_upstream *upstream);

/* A worker's client, with its share of the upstream's connections. `origin` is the caller's. */
struct client_settings wiring_client(const struct config *config,
                                     const struct config_upstream *upstream, const char *origin,
                                     size_t workers);

/* What lies in files is read, so that a certificate renewed in its place counts. */

/* Of all that a worker's client is made of. */
struct digest wiring_client_digest(const struct config *config,
                                   const struct config_upstream *upstream, size_t workers);
/* Of all that the request to the token endpoint is made of. */
struct digest wiring_fetch_digest(const struct config *config,
                                  const struct config_upstream *upstream);

#endif
