/*
 * Who we are at the token endpoint, as a key: the same for the same credentials, and of no use for
 * anything else. It tells whether a token had before a reload or a restart is still ours, and what
 * is encrypted under it can be read by nobody who lacks the client's secret.
 *
 * Any thread.
 */
#ifndef TOKEN_CREDENTIALS_H
#define TOKEN_CREDENTIALS_H

#include <stddef.h>

#include "base/secret.h"
#include "config/config.h"

#define CREDENTIALS_KEY 32

/*
 * HKDF-SHA256 (RFC 5869) of the client's secret number `which`, with a digest of everything else
 * that decides what a token is good for: address, token endpoint, flow, client_id, scope, audience
 * and parameters. CREDENTIALS_KEY bytes; one reference, the caller's.
 */
struct secret *credentials_key(const struct config_upstream *upstream, size_t which);

/*
 * HKDF-SHA256 with salt and a label, for those who derive further keys; out has CREDENTIALS_KEY
 * bytes. salt_len may be 0.
 */
void credentials_derive(const void *key, size_t key_len, const void *salt, size_t salt_len,
                        const void *label, size_t label_len, unsigned char *out);

#endif
