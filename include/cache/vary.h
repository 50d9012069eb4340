/*
 * Whether an answer is the same for all lookups that may find it (RFC 9111, section 4.1): what a
 * key does not tell apart must not be what the upstream chose the answer by.
 *
 * Any thread.
 */
#ifndef CACHE_VARY_H
#define CACHE_VARY_H

#include <stdbool.h>

#include "config/config.h"

/* `vary`: all Vary fields, joined with commas; NULL: none. False too where it cannot be read. */
bool vary_is_satisfied(const char *vary, const struct config *config);

#endif
