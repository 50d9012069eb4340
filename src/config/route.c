/* There is one route yet, of the built-in prefix and for all postcodes. */
#include "config/route.h"

#include <string.h>

size_t route_find_prefix(const struct config *config, const char *path, size_t len)
{
    const size_t prefix = strlen(config->routes[0].prefix);

    return len >= prefix && memcmp(path, config->routes[0].prefix, prefix) == 0 ? prefix : 0;
}

const struct config_route *route_find(const struct config *config, const char *path,
                                      size_t prefix_len, const char *postcode)
{
    (void)path;
    (void)prefix_len;
    (void)postcode;
    return &config->routes[0];
}
