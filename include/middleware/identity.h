/*
 * The identity of the caller (contract 4): the policy of one configuration, shared by all workers,
 * and what a worker keeps beside it.
 *
 * Threads: a policy is immutable and reference-counted; any thread. An identity_worker is its
 * worker's.
 */
#ifndef MIDDLEWARE_IDENTITY_H
#define MIDDLEWARE_IDENTITY_H

#include "base/reason.h"
#include "config/config.h"
#include "exchange/request.h"
#include "jose/jwt.h"
#include "middleware/verified_tokens.h"

struct identity;

/*
 * What the configuration asks for, with the keys of its key file. NULL with a fault added when
 * that is no key file. One reference, the caller's.
 */
struct identity *identity_new(struct config *config, struct config_faults *faults);
struct identity *identity_ref(struct identity *identity);
void identity_unref(struct identity *identity); /* NULL is allowed */

/* A worker's side: the present policy, the keys to verify with, and what they have verified. */
struct identity_worker {
    struct identity *identity; /* references */
    struct jwt_keys *keys;     /* NULL: there are none */
    struct verified_tokens *verified;
};

/* Takes references. */
void identity_worker_init(struct identity_worker *worker, struct identity *identity);
void identity_worker_fini(struct identity_worker *worker);
/* Another policy, with its keys, for the requests to come (a reload). */
void identity_worker_use(struct identity_worker *worker, struct identity *identity);

/*
 * Finds the request's user, or settles it: with 401, with 403 where the identity lacks a required
 * claim, with 400 where there are two identities.
 */
void identity_run(struct request *request, struct identity_worker *worker);

/*
 * For --mint-identity: a signed identity for `user` (free it with mem_free), or NULL with a
 * sentence in `reason`. ttl in ns.
 */
char *identity_mint(const struct identity *identity, const char *user, int64_t ttl,
                    struct reason *reason);

#endif
