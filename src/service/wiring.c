/*
 * A digest and not a comparison, because the files that a setting names may have changed under an
 * unchanged name, and only what was in them at the time can tell. A file that cannot be read counts
 * as an empty one: that it cannot be used has been said elsewhere (setup_read).
 */
#include "service/wiring.h"

#include "base/check.h"
#include "base/mem.h"

struct client_settings wiring_client(const struct config *config,
                                     const struct config_upstream *upstream, const char *origin,
                                     size_t max_connections)
{
    struct client_settings settings = client_settings_from(upstream);
    settings.origin = origin;
    settings.max_connections = max_connections;
    settings.max_queue = (size_t)config->server_max_in_flight;
    settings.counted = true;
    return settings;
}

struct digest wiring_client_digest(const struct config *config,
                                   const struct config_upstream *upstream, size_t max_connections)
{
    EVP_MD_CTX *digest = digest_begin();
    char *origin = origin_of(upstream->address);
    const struct client_settings settings =
        wiring_client(config, upstream, origin, max_connections);
    client_settings_digest(digest, &settings);
    mem_free(origin);
    return digest_end(digest);
}
