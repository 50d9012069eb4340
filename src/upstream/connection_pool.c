/*
 * The connection that was used last is used next, so the others grow old and are closed, and there
 * are as many as are needed. Two limits close them: an age, so that a change in DNS is followed,
 * and an idle time, so that the connections of a peak do not stay open through the night.
 *
 * A third closes those that may lead nowhere (upstream/get): where one connection was mute, the
 * others that were idle as long have the same path behind them (a firewall that has forgotten them,
 * a host that is gone), and each would cost a lookup its deadline. An upstream that is only slow
 * keeps those on which it answers: they were given back later. What is closed in error is opened
 * again.
 *
 * Nothing may arrive on an idle connection. Whatever arrives (the server's closing, or bytes that
 * would be taken for the next response) closes it, as soon as the loop reports it. A connection
 * that was idle for a while is probed once more before it is used: servers close what is idle for
 * long, and a lookup that finds out by failing costs a retry.
 */
#include "upstream/connection_pool.h"

#include <utlist.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/metrics.h"

#define CONNECTION_POOL_MAGIC 0x11e40002u

/* Cells of METRIC_UPSTREAM_CONNECTIONS. */
enum { CELL_ACTIVE, CELL_IDLE };

struct idle {
    struct idle *prev, *next;
    struct connection_user user;
    struct connection_pool *pool;
    struct connection *connection;
    struct mono_time since;
};

struct connection_pool {
    unsigned magic;
    struct connection_pool_settings settings;
    struct idle *idle;   /* newest first */
    struct idle *spares; /* unused structs, by `next` */
    size_t open;         /* idle, in use or being opened */
    struct timer *sweep;
};

static void count(const struct connection_pool *pool, size_t cell, int n)
{
    if (pool->settings.counted)
        metric_upstream_add(METRIC_UPSTREAM_CONNECTIONS, pool->settings.upstream, cell, n);
}

/* The connection is in use from now on. */
static struct connection *take_out(struct idle *idle)
{
    struct connection_pool *pool = idle->pool;
    struct connection *connection = idle->connection;

    DL_DELETE(pool->idle, idle);
    LL_PREPEND(pool->spares, idle);
    count(pool, CELL_IDLE, -1);
    count(pool, CELL_ACTIVE, 1);
    return connection;
}

static void close_idle(struct idle *idle)
{
    struct connection_pool *pool = idle->pool;

    connection_pool_drop(pool, take_out(idle));
}

/* There is nothing to read, though TLS may have taken in a message of its own (a session ticket).
 */
static bool is_silent(struct connection *connection)
{
    char byte;
    size_t got;
    bool more;

    return connection_recv(connection, &byte, 1, &got, &more) == CONNECTION_AGAIN;
}

static void on_ready(struct connection_user *user)
{
    struct idle *idle = CONTAINER_OF(user, struct idle, user);

    if (!is_silent(idle->connection))
        close_idle(idle);
}

static bool is_stale(const struct idle *idle, struct mono_time now)
{
    return doubt_is_connection(idle->pool->settings.doubt, idle->since) ||
           mono_diff(now, connection_opened(idle->connection)) >= idle->pool->settings.max_age ||
           mono_diff(now, idle->since) >= CONNECTION_POOL_IDLE_MAX;
}

static void on_sweep(void *arg);

static void sweep_later(struct connection_pool *pool)
{
    if (pool->sweep == NULL && pool->idle != NULL)
        pool->sweep =
            timer_start(pool->settings.connections.loop, CONNECTION_POOL_SWEEP, on_sweep, pool);
}

static void on_sweep(void *arg)
{
    MAGIC_CAST(struct connection_pool, pool, arg, CONNECTION_POOL_MAGIC);

    pool->sweep = NULL;
    connection_pool_sweep(pool, mono_now());
    sweep_later(pool);
}

void connection_pool_sweep(struct connection_pool *pool, struct mono_time now)
{
    struct idle *idle, *next;

    MAGIC_OK(pool, CONNECTION_POOL_MAGIC);
    DL_FOREACH_SAFE(pool->idle, idle, next)
    {
        if (is_stale(idle, now))
            close_idle(idle);
    }
}

void connection_pool_doubt(struct connection_pool *pool, struct mono_time until,
                           struct mono_time now)
{
    MAGIC_OK(pool, CONNECTION_POOL_MAGIC);
    doubt_connections(pool->settings.doubt, until);
    connection_pool_sweep(pool, now);
}

struct connection_pool *connection_pool_new(const struct connection_pool_settings *settings)
{
    struct connection_pool *pool = mem_zalloc(sizeof(*pool));

    MAGIC_SET(pool, CONNECTION_POOL_MAGIC);
    pool->settings = *settings;
    return pool;
}

void connection_pool_free(struct connection_pool *pool)
{
    MAGIC_OK(pool, CONNECTION_POOL_MAGIC);
    while (pool->idle != NULL)
        close_idle(pool->idle);
    MUST(pool->open == 0);
    connection_end_resolving(&pool->settings.connections);
    timer_stop(&pool->sweep);
    while (pool->spares != NULL) {
        struct idle *idle = pool->spares;

        LL_DELETE(pool->spares, idle);
        mem_free(idle);
    }
    MAGIC_CLEAR(pool);
    mem_free(pool);
}

struct connection *connection_pool_take(struct connection_pool *pool, struct connection_user *user,
                                        struct mono_time now, struct mono_time *since)
{
    MAGIC_OK(pool, CONNECTION_POOL_MAGIC);
    while (pool->idle != NULL) {
        struct idle *idle = pool->idle;
        bool recent = mono_diff(now, idle->since) < CONNECTION_POOL_PROBE_AFTER;

        if (!is_stale(idle, now) && (recent || is_silent(idle->connection))) {
            *since = idle->since;
            struct connection *connection = take_out(idle);
            connection_give(connection, user);
            return connection;
        }
        close_idle(idle);
    }
    return NULL;
}

struct connection *connection_pool_open(struct connection_pool *pool, struct connection_user *user)
{
    MAGIC_OK(pool, CONNECTION_POOL_MAGIC);
    if (pool->open >= pool->settings.max && pool->idle != NULL)
        close_idle(pool->idle->prev); /* the oldest makes room */
    struct connection *connection = connection_open(&pool->settings.connections, user);
    if (connection == NULL)
        return NULL;
    pool->open++;
    count(pool, CELL_ACTIVE, 1);
    return connection;
}

void connection_pool_forget(struct connection_pool *pool)
{
    MAGIC_OK(pool, CONNECTION_POOL_MAGIC);
    pool->open--;
    count(pool, CELL_ACTIVE, -1);
}

static struct idle *place(struct connection_pool *pool)
{
    struct idle *idle = pool->spares;

    if (idle == NULL)
        return mem_zalloc(sizeof(*idle));
    LL_DELETE(pool->spares, idle);
    return idle;
}

void connection_pool_give(struct connection_pool *pool, struct connection *connection,
                          struct mono_time now)
{
    struct idle *idle = place(pool);

    MAGIC_OK(pool, CONNECTION_POOL_MAGIC);
    *idle =
        (struct idle){.user.ready = on_ready, .pool = pool, .connection = connection, .since = now};
    connection_give(connection, &idle->user);
    DL_PREPEND(pool->idle, idle);
    count(pool, CELL_ACTIVE, -1);
    count(pool, CELL_IDLE, 1);
    sweep_later(pool);
}

void connection_pool_drop(struct connection_pool *pool, struct connection *connection)
{
    connection_close(connection);
    connection_pool_forget(pool);
}
