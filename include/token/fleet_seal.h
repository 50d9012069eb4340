/*
 * A token as it lies in the fleet's store, and the name it lies under there. Both come from the
 * credentials (token/credentials.h), so that members with others never meet, and whoever reads the
 * store learns neither.
 *
 * Sealed (token/seal.h) with the mark "postcodF". Id and generation are bound to it: a record of an
 * earlier generation, or of another id, does not open in the place of another. The text is a grant
 * (token/sealed_token.h); when the token expires the store says.
 *
 * HKDF is fast. So where the client's secret could be guessed, the store's contents tell whether a
 * guess is right; [fleet] key_file makes that impossible.
 *
 * Any thread.
 */
#ifndef TOKEN_FLEET_SEAL_H
#define TOKEN_FLEET_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/secret.h"
#include "config/config.h"
#include "token/fleet_store.h"
#include "token/sealed_token.h"
#include "token/token.h"

#define FLEET_SEAL_MIN (SEAL_HEADER + SEALED_GRANT_FACTS + 1 + 1 + SEAL_TAG)
#define FLEET_SEAL_MAX (SEAL_HEADER + SEALED_GRANT_MAX + SEAL_TAG)

/* The id under which tokens obtained with the secret number `which` of `upstream` lie. */
void fleet_seal_id(const struct config_upstream *upstream, size_t which, char out[FLEET_ID]);

/* What seals them: of those credentials, and of `key_file` where it is not NULL. One reference. */
struct secret *fleet_seal_key(const struct config_upstream *upstream, size_t which,
                              const struct secret *key_file);

/* As seal_close. */
struct secret *fleet_seal(const struct secret *key, const struct token *token, const char *id,
                          uint64_t generation);
/* The opposite, of any bytes. False: they are of no use here. sealed_token_fini in every case. */
bool fleet_open(struct sealed_token *out, const void *bytes, size_t len, const struct secret *key,
                const char *id, uint64_t generation);

#endif
