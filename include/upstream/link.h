/*
 * A connection to the upstream: libcurl opens it (names, TCP, proxies, TLS, certificates), and from
 * then on bytes go in and out here. Private to src/upstream.
 */
#ifndef UPSTREAM_LINK_H
#define UPSTREAM_LINK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"
#include "runtime/loop.h"
#include "upstream/client.h"
#include "upstream/handle.h"
#include "upstream/multi.h"

struct link;

/* Whoever has a link; embedded. Each of these is called as the last thing in a callback of its. */
struct link_user {
    /* Connecting ended. CLIENT_OK: it is open. Else it is gone; `detail`, borrowed: libcurl's
     * words. */
    void (*opened)(struct link_user *user, enum client_error error, const char *detail);
    /* There is something to read, or, where that was asked for, room to write. */
    void (*ready)(struct link_user *user);
};

/* What links share; outlives them. */
struct link_means {
    struct loop *loop;
    struct handles *handles;
    struct multi *multi; /* in which they are opened, but for those with TLS */
    bool tls;
};

/* NULL when libcurl refuses. `user` is told in a later turn. */
struct link *link_open(const struct link_means *means, struct link_user *user);
void link_close(struct link *link);

/* Gives an open link to another user. */
void link_give(struct link *link, struct link_user *user);
/* When it was open. */
struct mono_time link_opened(const struct link *link);

enum link_io {
    LINK_DONE,
    LINK_AGAIN, /* not now */
    LINK_END,   /* the other side has closed */
    LINK_BROKEN,
};

/* LINK_DONE: *sent bytes were taken, perhaps not all. */
enum link_io link_send(struct link *link, const char *data, size_t len, size_t *sent);
/*
 * LINK_DONE: *got bytes, at least one. *more: there may be more at once, and no event will tell.
 */
enum link_io link_recv(struct link *link, char *out, size_t size, size_t *got, bool *more);
/* Whether `ready` is to tell of room to write. */
void link_want_room(struct link *link, bool wanted);

#endif
