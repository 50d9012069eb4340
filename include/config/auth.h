/*
 * What the keys of a token request mean together: which parts the request has, and so which keys it
 * needs. The rules over keys and the request itself both ask here.
 *
 * Any thread.
 */
#ifndef CONFIG_AUTH_H
#define CONFIG_AUTH_H

#include <stdbool.h>

#include "config/config.h"

/* What auth_body may contain; filled in by the request. */
#define AUTH_BODY_ID "{client_id}"
#define AUTH_BODY_SECRET "{client_secret}"

/* auth_body, which is set, is JSON and not a form. */
bool auth_body_is_json(const struct config_upstream *upstream);
/* It has a form: grant_type and what belongs to it. */
bool auth_sends_form(const struct config_upstream *upstream);
/* It has an Authorization header (HTTP Basic). */
bool auth_sends_basic(const struct config_upstream *upstream);
/* Its form has client_id. */
bool auth_sends_id(const struct config_upstream *upstream);
/* The client's secret is in it, wherever. */
bool auth_sends_secret(const struct config_upstream *upstream);
/* The client authenticates with an assertion (RFC 7523, section 2.2). */
bool auth_signs_client(const struct config_upstream *upstream);
/* An assertion is the grant (RFC 7523, section 2.1). */
bool auth_signs_grant(const struct config_upstream *upstream);
/* An assertion is signed: either of the two. */
bool auth_signs(const struct config_upstream *upstream);

#endif
