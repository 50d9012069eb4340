/*
 * Which route a lookup takes: first by its path, then by its postcode. Both are literal prefixes,
 * and the longest one that fits wins.
 *
 * Any thread, under a reference to the configuration.
 */
#ifndef CONFIG_ROUTE_H
#define CONFIG_ROUTE_H

#include <stddef.h>

#include "config/config.h"

/*
 * The length of the longest prefix of any route with which this path begins; 0: there is none. The
 * postcode is what follows.
 */
size_t route_find_prefix(const struct config *config, const char *path, size_t len);

/*
 * The route of the longest `postcodes` that fits, among those whose prefix is the `prefix_len`
 * first bytes of `path`; else the one of them that has no `postcodes`. Case, spaces and hyphens in
 * `postcode` do not count. NULL: there is none. `prefix_len` is what route_find_prefix gave.
 */
const struct config_route *route_find(const struct config *config, const char *path,
                                      size_t prefix_len, const char *postcode);

#endif
