/*
 * The identity of the caller (contract 4): the policy of one configuration, shared by all workers.
 *
 * Threads: immutable and reference-counted; any thread.
 */
#ifndef MIDDLEWARE_IDENTITY_H
#define MIDDLEWARE_IDENTITY_H

#include "base/reason.h"
#include "config/config.h"
#include "exchange/request.h"
#include "middleware/verified_tokens.h"

struct identity;

/*
 * What the configuration asks for, with the keys of its key file. NULL with a fault added when
 * that is no key file. One reference, the caller's.
 */
struct identity *identity_new(struct config *config, struct config_faults *faults);
struct identity *identity_ref(struct identity *identity);
void identity_unref(struct identity *identity); /* NULL is allowed */

/*
 * Finds the request's user, or settles it with 401 (400 when it has two identities). What was
 * verified is remembered: in the worker's own memory, which knows nothing of another policy's.
 */
void identity_run(struct request *request, const struct identity *identity,
                  struct verified_tokens *verified);

/*
 * For --mint-identity: a signed identity for `user` (free it with mem_free), or NULL with a
 * sentence in `reason`. ttl in ns.
 */
char *identity_mint(const struct identity *identity, const char *user, int64_t ttl,
                    struct reason *reason);

#endif
