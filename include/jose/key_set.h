/*
 * The keys of a JWK set (RFC 7517, section 5) that identities can be verified with. Only for
 * keys.c.
 */
#ifndef JOSE_KEY_SET_H
#define JOSE_KEY_SET_H

#include <stdbool.h>

#include <jansson.h>

#include "base/err.h"
#include "base/reason.h"
#include "jose/jws.h"

/*
 * Adds the keys of the array `set` to `keys`, which is empty and has room for each. Those that
 * cannot be used are left out, and the note says which and why. `secrets`: whether HMAC secrets
 * and private halves may be among them. ERR_NOT_FOUND: none is left that verifies; the reason says
 * why the first cannot.
 */
ERR_CHECKED enum err key_set_read(const json_t *set, bool secrets, struct jwt_keys *keys,
                                  struct reason *reason);

#endif
