/*
 * What operators are told of a fleet, in words that /tokens, /readyz, the status page and the
 * service manager share. Nothing secret: the link's errors have none.
 *
 * Any thread.
 */
#ifndef FRONT_FLEET_TEXT_H
#define FRONT_FLEET_TEXT_H

#include <stdbool.h>

#include "token/fleet.h"
#include "token/fleet_link.h"

/* A longer error is cut. */
#define FLEET_STORE_TEXT 768

/*
 * "redis.example:6379 cannot be reached (Connection refused)". False, and "": the store is
 * connected and does what it is asked, or nothing is known of it (NULL).
 */
bool fleet_text_store(const struct fleet_link_status *store, char out[FLEET_STORE_TEXT]);

#endif
