/*
 * The connections of a client: those that wait to be used again, and how many there are. Private to
 * src/upstream.
 *
 * Time is passed in as `now`, so that tests run in false time. Thread: the client's loop.
 */
#ifndef UPSTREAM_CONNECTION_POOL_H
#define UPSTREAM_CONNECTION_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "upstream/connection.h"

/* A connection that was idle for so long is closed, however young it is. */
#define CONNECTION_POOL_IDLE_MAX MINUTE
/* One that was idle for less is taken without a probe (a read that must find nothing). */
#define CONNECTION_POOL_PROBE_AFTER SECOND

/* How often idle connections are examined. */
#define CONNECTION_POOL_SWEEP (5 * SECOND)

struct connection_pool;

struct connection_pool_settings {
    struct connection_shared connections;
    struct doubt *doubt; /* perhaps of other pools too, on other threads */
    size_t max;          /* open or being opened; the callers see to it that not all are in use */
    int64_t max_age;     /* ns since a connection was begun */
    bool counted;        /* METRIC_UPSTREAM_CONNECTIONS counts them */
    size_t upstream;     /* the upstream's index in it */
};

struct connection_pool *connection_pool_new(const struct connection_pool_settings *settings);
/* None may be in use. */
void connection_pool_free(struct connection_pool *pool);

/*
 * The idle one that was used last, and since when it was idle; those that are not fit for use are
 * closed. NULL: none.
 */
struct connection *connection_pool_take(struct connection_pool *pool, struct connection_user *user,
                                        struct mono_time now, struct mono_time *since);
/* A fresh one; user->opened is called. NULL when libcurl fails. */
struct connection *connection_pool_open(struct connection_pool *pool, struct connection_user *user);
/* connection_user.opened has reported an error, so the connection is freed. */
void connection_pool_forget(struct connection_pool *pool);

/* From its user, to be used again. */
void connection_pool_give(struct connection_pool *pool, struct connection *connection,
                          struct mono_time now);
/* From its user, to be closed. */
void connection_pool_drop(struct connection_pool *pool, struct connection *connection);

/*
 * All that are idle since before `until` may be dead: they are closed, in the pools with the same
 * doubt too; there when one is taken or at the next sweep. Those that were given back since then
 * have been heard of meanwhile.
 */
void connection_pool_doubt(struct connection_pool *pool, struct mono_time until,
                           struct mono_time now);

/*
 * Closes the idle connections that are doubted or too old, or were idle for too long. While there
 * are any, the pool does so by itself, every CONNECTION_POOL_SWEEP.
 */
void connection_pool_sweep(struct connection_pool *pool, struct mono_time now);

#endif
