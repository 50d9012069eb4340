/* The form of a server is judged by rules_fleet.c; here it is only taken apart. */
#include "config/fleet.h"

#include <string.h>

#include "base/mem.h"
#include "config/address.h"

bool config_fleet_is_set(const struct config *config)
{
    return config->fleet_servers.count > 0;
}

bool config_fleet_is_unix(const char *server)
{
    return strncmp(server, CONFIG_FLEET_UNIX, strlen(CONFIG_FLEET_UNIX)) == 0;
}

bool config_fleet_is_local(const char *server)
{
    const char *colon = strrchr(server, ':');

    if (config_fleet_is_unix(server))
        return true;
    if (colon == NULL)
        return false;
    size_t len = (size_t)(colon - server);
    const bool bracketed = len > 2 && server[0] == '[' && server[len - 1] == ']';
    char *host = bracketed ? mem_strndup(server + 1, len - 2) : mem_strndup(server, len);
    const bool local = address_host_is_loopback(host);
    mem_free(host);
    return local;
}

bool config_fleet_takes_tls(const struct config *config, const char *server)
{
    return config->fleet_tls && !config_fleet_is_unix(server);
}

bool config_fleet_may_use(const struct config *config, const char *server)
{
    return config_fleet_takes_tls(config, server) || config->fleet_plaintext ||
           config_fleet_is_local(server);
}
