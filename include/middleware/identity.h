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
#include "middleware/key_view.h"
#include "middleware/verified_tokens.h"
#include "runtime/loop.h"

struct identity;

/*
 * What the configuration asks for, with the keys of its key file; those of key_url come later, and
 * to each worker. NULL with a fault added when that is no key file. One reference, the caller's.
 */
struct identity *identity_new(struct config *config, struct config_faults *faults);
struct identity *identity_ref(struct identity *identity);
void identity_unref(struct identity *identity); /* NULL is allowed */

/* The keys of its key file, borrowed; NULL: it has none. */
const struct jwt_keys *identity_keys(const struct identity *identity);
/* Whether identities are verified with the keys of key_url. */
bool identity_has_url(const struct config *config);

/* By which a worker asks for keys that it lacks; see identity_worker_connect. */
struct identity_asking {
    struct mail mail; /* one, which is under way or here: nothing is allocated */
    bool under_way;
    struct loop *loop; /* the worker's; NULL: it cannot ask */
    struct loop *main_loop;
    void (*asked)(void *arg);
    void *arg;
};

/* A worker's side: the present policy, the keys to verify with, and what they have verified. */
struct identity_worker {
    struct identity *identity; /* a reference */
    struct key_view view;      /* the keys, of the file or of key_url */
    struct verified_tokens *verified;
    struct identity_asking asking;
};

/* Takes a reference; all zero in the place of a view: no keys of key_url yet. */
void identity_worker_init(struct identity_worker *worker, struct identity *identity);
void identity_worker_fini(struct identity_worker *worker);
/*
 * `asked` is called on the main loop after a token named a key that is not in the set; at most one
 * call is under way. The worker is freed when both loops have delivered their mail.
 */
void identity_worker_connect(struct identity_worker *worker, struct loop *loop,
                             struct loop *main_loop, void (*asked)(void *arg), void *arg);
/* Another policy for the requests to come (a reload), with its own keys or, for key_url, `view`. */
void identity_worker_use(struct identity_worker *worker, struct identity *identity,
                         const struct key_view *view);
/*
 * Mailed from the main thread: what is known of the keys of key_url from now on. With other keys,
 * what the old ones verified is forgotten.
 */
void identity_worker_publish(struct identity_worker *worker, const struct key_view *view);

/*
 * Finds the request's user, or settles it: with 401, with 403 where the identity lacks a required
 * claim, with 400 where there are two identities, with 503 where there is one and no keys were ever
 * obtained from key_url.
 */
void identity_run(struct request *request, struct identity_worker *worker);

/*
 * For --mint-identity: a signed identity for `user` (free it with mem_free), or NULL with a
 * sentence in `reason`. ttl in ns.
 */
char *identity_mint(const struct identity *identity, const char *user, int64_t ttl,
                    struct reason *reason);

#endif
