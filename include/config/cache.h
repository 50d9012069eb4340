/* Is there a [cache], empty or not? Any thread. */
#ifndef CONFIG_CACHE_H
#define CONFIG_CACHE_H

#include <stdbool.h>

#include "config/config.h"

bool config_cache_is_on(const struct config *config);

#endif
