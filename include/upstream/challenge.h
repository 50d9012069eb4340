/*
 * Reads WWW-Authenticate (RFC 9110, section 11.6.1): whether an upstream asks for a bearer token,
 * and whether it says that it does not accept the one it got (RFC 6750, section 3.1).
 *
 * Thread: any; without state.
 */
#ifndef UPSTREAM_CHALLENGE_H
#define UPSTREAM_CHALLENGE_H

#include <stdbool.h>

/* `value`: of one field, which may hold several challenges; NULL: there is none. */

/* Whether one of its challenges has the scheme Bearer, in any case. */
bool challenge_is_bearer(const char *value);
/* Whether one of those has the parameter error, as a token or quoted, with the value
 * invalid_token. */
bool challenge_says_invalid_token(const char *value);

#endif
