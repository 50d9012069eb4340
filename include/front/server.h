/*
 * A loop's HTTP server: one libmicrohttpd daemon in external epoll mode, without a listener of its
 * own. Connections are accepted on the main loop (front/listen.h) and handed over.
 *
 * What is done with a request is the affair of an app: the server brings it a request whose head
 * is whole, and parks the connection when the app has not settled the request when it returns.
 * Requests that are settled in a turn of the loop are answered together at its end.
 *
 * Thread: the loop's, but for server_hand_over.
 */
#ifndef FRONT_SERVER_H
#define FRONT_SERVER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"
#include "config/config.h"
#include "exchange/request.h"
#include "runtime/loop.h"
#include "runtime/trace.h"

struct server;

/* Connections open, of all servers that share a limit. */
struct server_quota {
    _Atomic int64_t open;
    _Atomic int64_t limit;
};

struct server_app {
    /* The snapshot new requests begin with; the app's own reference. */
    struct config *config;
    int counted; /* 1: its connections and requests count in the gauges of callers; 0: not */
    struct guid_source *guids; /* the thread's; for requests that are refused before `serve` too */
    /* The head is whole. Settles the request, now or in a later turn. */
    void (*serve)(struct server_app *app, struct request *request);
    /* It ended; it is freed after this. */
    void (*ended)(struct server_app *app, struct request *request);
};

/*
 * max_header_size: bytes of the largest head that is served, from the request line to the empty
 * line. The library gets memory for a head of that size and a copy of its cookies; an idle
 * connection keeps that memory, SERVER_POOL(max_header_size), and a KiB. ERR_SYSTEM when the system
 * refuses descriptors.
 */
#define SERVER_POOL(max_header_size) (2 * (max_header_size) + 4096)
enum err server_new(struct loop *loop, size_t max_header_size, struct server **out);

/*
 * Gives the server a connected socket for `app`; its place in the quota has been taken, and is
 * given back when the connection is closed. Any thread. In a server that was stopped it is closed.
 */
void server_hand_over(struct server *server, struct server_app *app, struct server_quota *quota,
                      int fd, const struct sockaddr *addr, socklen_t addr_len);

/* From now on every answer closes its connection. */
void server_drain(struct server *server);

/* Cuts every connection; parked requests are abandoned. The loop must turn once after it. */
void server_stop(struct server *server);
/* After server_stop and loop_drain. */
void server_free(struct server *server);

#endif
