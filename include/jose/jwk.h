/*
 * One key from JSON: a JWK (RFC 7517; RFC 8037 for Ed25519). Only for jose/.
 */
#ifndef JOSE_JWK_H
#define JOSE_JWK_H

#include <stddef.h>

#include <jansson.h>

#include "base/err.h"
#include "base/reason.h"
#include "jose/key.h"

/* What a key is wanted for. */
enum jwk_purpose {
    JWK_IDENTITIES, /* to verify, and where it can, to sign */
    JWK_ASSERTIONS, /* to sign, with a private half */
};

/*
 * The JSON of a text that holds a JWK or a set; a name that occurs twice is a fault. NULL: the
 * reason is set. Else jose_json_free.
 */
json_t *jwk_parse(const char *bytes, size_t len, struct reason *reason);

/*
 * Reads one JWK; `json` may be any JSON. ERR_INVALID: it is none, is for something else, or is
 * broken or weak; the reason says what it is and what it should be, and *key is untouched. ERR_OK:
 * key_fini.
 */
ERR_CHECKED enum err jwk_read(const json_t *json, enum jwk_purpose purpose, struct jose_key *key,
                              struct reason *reason);

#endif
