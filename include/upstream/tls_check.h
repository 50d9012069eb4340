/*
 * Checks the files that a client's TLS needs, before a client is made of them: --check, a start and
 * a reload reject bad ones with a reason.
 */
#ifndef UPSTREAM_TLS_CHECK_H
#define UPSTREAM_TLS_CHECK_H

#include <stdbool.h>

#include "base/err.h"
#include "base/reason.h"
#include "base/secret.h"
#include "upstream/call.h"

/*
 * Whether certificate, key and CA can be used. ERR_INVALID: `reason` is one line without secrets,
 * "key: what is wrong", with the configuration key at fault. ERR_OK: `reason` is "", or a note in
 * the same form.
 *
 * Any thread; needs no client_global_start.
 */
ERR_CHECKED enum err client_check(const struct client_settings *settings, struct reason *reason);

/* A private key in PEM that cannot be read without its password. Any thread. */
bool client_key_is_encrypted(const struct secret *key);

#endif
