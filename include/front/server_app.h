/*
 * What a connection of a server belongs to: the application that serves its requests, and the limit
 * that it counts against. Below both the server and its connections (front/conn.h).
 *
 * Thread: an application belongs to the loop of its server; a quota is shared by all threads.
 */
#ifndef FRONT_SERVER_APP_H
#define FRONT_SERVER_APP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "exchange/request.h"
#include "runtime/trace.h"

/* Connections open, of all servers that share a limit. */
struct server_quota {
    _Atomic int64_t open;
    _Atomic int64_t limit;
    _Atomic bool starved; /* the system lacks descriptors to accept more, and the log says so */
};

struct server_app {
    /* The snapshot new requests begin with; the app's own reference. */
    struct config *config;
    _Atomic int64_t open; /* its connections, and those on their way to it; any thread */
    int counted; /* 1: its connections and requests count in the gauges of callers; 0: not */
    struct guid_source *guids; /* the thread's; for requests that are rejected before `serve` too */
    /* The header section is whole. Settles the request, now or in a later turn. */
    void (*serve)(struct server_app *app, struct request *request);
    /* It ended; it is freed after this. */
    void (*ended)(struct server_app *app, struct request *request);
};

/* One that goes on after it was counted as ended (front/linger.h). Any thread. */
static inline void server_app_join(struct server_app *app, struct server_quota *quota)
{
    atomic_fetch_add_explicit(&app->open, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&quota->open, 1, memory_order_relaxed);
}

/* A connection that was counted, in the app and in the quota, has ended. Any thread. */
static inline void server_app_leave(struct server_app *app, struct server_quota *quota)
{
    atomic_fetch_sub_explicit(&app->open, 1, memory_order_relaxed);
    atomic_fetch_sub_explicit(&quota->open, 1, memory_order_relaxed);
}

#endif
