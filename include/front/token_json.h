/*
 * A token's status as JSON: for /tokens and for /status.json (contract 8). No secret.
 *
 * Any thread.
 */
#ifndef FRONT_TOKEN_JSON_H
#define FRONT_TOKEN_JSON_H

#include <jansson.h>

#include "token/fleet.h"
#include "token/fleet_link.h"
#include "token/keeper.h"

/* A new reference. */
json_t *token_json(const struct keeper_status *status);
/*
 * Of a fleet: what `fleet` of a token is. `store` is NULL where nothing is known of it; then there
 * is no error of it either. A new reference.
 */
json_t *token_json_fleet(const struct fleet_status *member, const struct fleet_link_status *store);
/* A text; bytes that are no UTF-8, of which jansson takes none, become U+FFFD. */
json_t *token_json_text(const char *bytes);

#endif
