/*
 * A worker: one thread with one loop, and on it everything a lookup needs (a server, a client, the
 * token's present view). Workers share nothing but what is immutable, counted, or mailed.
 *
 * Made, started, stopped and freed by the main thread.
 */
#ifndef SERVICE_WORKER_H
#define SERVICE_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "config/config.h"
#include "front/acceptor.h"
#include "front/listen.h"
#include "front/lookups.h"
#include "front/server.h"
#include "middleware/identity.h"
#include "runtime/loop.h"
#include "service/side.h"

struct worker;

/* A worker's way to one upstream of a configuration. */
struct worker_way {
    struct side *side;      /* borrowed; the worker's */
    size_t max_connections; /* of a new client */
    bool new_client;        /* else that of the present plan's way with this side */
    struct token_era era;   /* see struct lookup_way; of use from worker_commit on */
};

struct worker_settings {
    size_t number;
    struct loop *loop; /* the worker's from then on: it frees it, also when it cannot be made */
    struct loop *main_loop;
    const struct worker_way *ways; /* in the order of config->upstreams */
    struct lookup_places *places;
    struct quota *quota; /* of users; all workers' */
    struct cache *cache; /* NULL: there is none */
    struct config *config;
    struct identity *identity;
    struct tls *tls; /* for the server with TLS; NULL: no listener has it */
    /* Called on the main loop: a token names a key that is not in the set of key_url. */
    void (*key_asked)(void *arg);
    void *key_asked_arg;
};

/* ERR_SYSTEM, ERR_INVALID: as client_new and server_new. Nothing runs yet. */
ERR_CHECKED enum err worker_new(const struct worker_settings *settings, struct worker **out);
/* ERR_SYSTEM: no thread. */
ERR_CHECKED enum err worker_start(struct worker *worker);

/*
 * Before worker_start: from its start on it accepts from these listeners, as the member of the
 * group with its number. ERR_SYSTEM: no descriptor. Both outlive it.
 */
ERR_CHECKED enum err worker_accept(struct worker *worker, const struct listen *listen,
                                   const struct accept_group *group);

struct server *worker_server(struct worker *worker);
/* NULL: there is none. */
struct server *worker_tls_server(struct worker *worker);
struct server_app *worker_app(struct worker *worker);
/* Mailed: what is known of the keys of key_url from now on. */
void worker_publish_keys(struct worker *worker, const struct key_view *view);

/* For its sides of upstreams. */
struct loop *worker_loop(struct worker *worker);

/* When its loop last turned, at most a moment ago while it is well. Any thread. */
struct mono_time worker_beat(const struct worker *worker);
/* How long its loop has waited, in ns (loop_waited). Any thread. */
int64_t worker_waited(const struct worker *worker, struct mono_time now);
/* How often a worker's loop turns at the least. */
#define WORKER_BEAT (500 * MILLISECOND)

/*
 * Another configuration for the lookups to come (a reload), in two steps, so that it is taken by
 * all workers or by none: each prepares what can fail, and when all have, each is told to use it.
 */
struct worker_change {
    struct mail mail; /* private */
    struct worker *worker;
    struct config *config; /* references, the change's own */
    struct identity *identity;
    struct tls *tls;         /* NULL: there is none */
    struct worker_way *ways; /* its own; in the order of config->upstreams; the caller fills them */
    struct cache *cache;     /* NULL: there is none; a reference, of use from worker_commit on */
    struct key_view keys;    /* of key_url, a reference; of use from worker_commit on */
    enum err err;            /* how preparing ended */
    /* Called in the main thread once it has prepared. */
    void (*prepared)(struct worker_change *change);
    void *arg; /* the caller's */
};
/* Takes references. */
struct worker_change *worker_change_new(struct worker *worker, struct config *config,
                                        struct identity *identity, struct tls *tls);
/* Mailed; only while the worker runs. */
void worker_prepare(struct worker_change *change);
/* Mailed, once `prepared` was called: uses it, or forgets it. Frees the change. */
void worker_commit(struct worker_change *change);
void worker_discard(struct worker_change *change);

/*
 * Mailed: it accepts no more, and what waits in the backlogs is the caller's to take; from then on
 * its responses close their connections. Then `drained` is called in the main thread, with the
 * number of connections that wait for a request (server_drain), and it may be asked again: what it
 * had taken before the last answer, it has read before the next one.
 */
void worker_drain(struct worker *worker, void (*drained)(void *arg, size_t arriving), void *arg);
/* Cuts what is left, ends the thread and waits for it. Its mail may still be delivered. */
void worker_stop(struct worker *worker);
/* After worker_stop, when nobody mails it any more. NULL is allowed. */
void worker_free(struct worker *worker);

#endif
