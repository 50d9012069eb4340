/*
 * One caller's connection, as the server keeps it beside libmicrohttpd's: whether the caller has
 * left, and the deadlines that libmicrohttpd does not keep (its own is inactivity
 * only, which a slow sender never trips).
 *
 * Private to front/conn.c and the files of front/server_internal.h.
 */
#ifndef FRONT_CONN_H
#define FRONT_CONN_H

#include <stdbool.h>
#include <stdint.h>

#include "front/server_app.h"
#include "front/tls_session.h"
#include "runtime/loop.h"

struct server;

/* What a connection is doing, and with it which time bounds it. */
enum conn_phase {
    CONN_HEADER_SECTION, /* header_timeout, from the connection's or the request line's arrival */
    CONN_WORKING,        /* none: the request's own deadline */
    CONN_SENDING,        /* idle_timeout: for a caller that does not read */
    CONN_IDLE,           /* idle_timeout, to the next request line */
};

struct conn {
    unsigned magic;
    enum conn_phase phase;
    struct server_app *app;
    struct server_quota *quota;
    struct loop *loop;
    struct request *request; /* NULL between requests */
    struct mono_time due;    /* when the phase has lasted too long */
    struct timer *timer; /* NULL, or fires at `wakes`, which may be too early but not too late */
    struct mono_time wakes;
    bool gone; /* sticky: the caller has left, or closed its sending half */
    struct mono_time gone_since;
    uint64_t last_run;       /* of libmicrohttpd, in which its last request ended; 0: none has */
    bool kept;               /* its last response kept the connection for certain */
    bool sends_on;           /* its last request announced a body, which is not read */
    bool started;            /* libmicrohttpd has taken it; it may do so a run later */
    int fd;                  /* libmicrohttpd's; ours to watch and to shut down */
    struct tls_session *tls; /* NULL: no TLS, or not yet */
    struct MHD_Connection *connection; /* of one with TLS */
    /*
     * Its handshake goes on when something comes: libmicrohttpd, which would call for it without
     * end, has it suspended.
     */
    bool held;
    struct server *server;
    struct conn *prev, *next; /* in the server's list of all */
};

/* Starts its first deadline. */
struct conn *conn_new(struct server *server, struct loop *loop, struct server_app *app,
                      struct server_quota *quota, int fd);
/* The descriptor is about to be closed. Frees the conn. */
void conn_close(struct conn *conn);
/*
 * The caller has left: for departures_start. A request that is parked is abandoned; a connection
 * that waits for the caller is closed, once what has come was read.
 */
void conn_left(void *conn);
void conn_enter(struct conn *conn, enum conn_phase phase);

#endif
