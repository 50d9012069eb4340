/*
 * A connection to the upstream: libcurl opens it (names, TCP, proxies, TLS, certificates), and from
 * then on bytes are sent and received here. Private to src/upstream.
 *
 * Thread: the client's loop.
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

/* The user of a connection; embedded. Each of these is the last call in a callback of ours. */
struct connection_user {
    /*
     * Connecting ended. CLIENT_OK: the connection is open. Else it is freed; `detail` is libcurl's
     * description, borrowed; `os_error` below is why, where the system refused it.
     */
    void (*opened)(struct connection_user *user, enum client_error error, const char *detail);
    /* There is something to read, or, after connection_want_room, room to write. */
    void (*ready)(struct connection_user *user);
    int os_error; /* errno; 0: none */
};

/*
 * One connection at a time has the name resolved; others that are being opened meanwhile wait for
 * its answer. It begins as zero.
 */
struct connection_resolving {
    struct connection *leader;  /* NULL: none */
    struct connection *waiting; /* in order of arrival */
    struct timer *resume;
    struct timer *expire; /* of the oldest of those that wait, or earlier */
};

/* The shared context of connections; outlives them. */
struct connection_shared {
    struct loop *loop;
    struct handles *handles;
    struct multi *multi; /* opens those without TLS */
    struct connection_resolving *resolving;
    bool tls;
};

/* NULL when libcurl fails. user->opened is called in a later turn. */
struct connection *connection_open(const struct connection_shared *shared,
                                   struct connection_user *user);
void connection_close(struct connection *connection);
/* All are closed; ends what one of them may have left to the resolver. */
void connection_end_resolving(const struct connection_shared *shared);

/* An open connection gets another user. */
void connection_give(struct connection *connection, struct connection_user *user);
/* When connection_open was called. */
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
 * CONNECTION_DONE: *got bytes, at least one. *more: there may be more to read, and no event reports
 * it.
 */
enum connection_io connection_recv(struct connection *connection, char *out, size_t size,
                                   size_t *got, bool *more);
/* Whether `ready` is also called when there is room to write. */
void connection_want_room(struct connection *connection, bool wanted);

#endif
