/*
 * A connection to the upstream: libcurl opens it (names, TCP, proxies, TLS, certificates), and from
 * then on bytes go in and out here. Private to src/upstream.
 */
#ifndef UPSTREAM_CONNECTION_H
#define UPSTREAM_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"
#include "runtime/loop.h"
#include "upstream/call.h"
#include "upstream/handle.h"
#include "upstream/multi.h"

struct connection;

/* Whoever has a connection; embedded. Each of these is called as the last thing in a callback. */
struct connection_user {
    /* Connecting ended. CLIENT_OK: it is open. Else it is gone; `detail`, borrowed: libcurl's
     * words. */
    void (*opened)(struct connection_user *user, enum client_error error, const char *detail);
    /* There is something to read, or, where that was asked for, room to write. */
    void (*ready)(struct connection_user *user);
};

/* What connections share; outlives them. */
struct connection_shared {
    struct loop *loop;
    struct handles *handles;
    struct multi *multi; /* in which they are opened, but for those with TLS */
    bool tls;
};

/* NULL when libcurl refuses. `user` is told in a later turn. */
struct connection *connection_open(const struct connection_shared *shared,
                                   struct connection_user *user);
void connection_close(struct connection *connection);

/* Gives an open connection to another user. */
void connection_give(struct connection *connection, struct connection_user *user);
/* When it was open. */
struct mono_time connection_opened(const struct connection *connection);

enum connection_io {
    CONNECTION_DONE,
    CONNECTION_AGAIN, /* not now */
    CONNECTION_END,   /* the other side has closed */
    CONNECTION_BROKEN,
};

/* CONNECTION_DONE: *sent bytes were taken, perhaps not all. */
enum connection_io connection_send(struct connection *connection, const char *data, size_t len,
                                   size_t *sent);
/*
 * CONNECTION_DONE: *got bytes, at least one. *more: there may be more at once, and no event will
 * tell.
 */
enum connection_io connection_recv(struct connection *connection, char *out, size_t size,
                                   size_t *got, bool *more);
/* Whether `ready` is to tell of room to write. */
void connection_want_room(struct connection *connection, bool wanted);

#endif
