/*
 * A server, for the files of front/ that make it up:
 *
 *   server.c          its life, and how connections come to it
 *   mhd_callbacks.c   what libmicrohttpd calls: connections, requests, responses
 *   mhd_rejections.c  requests that libmicrohttpd rejects itself: their responses and accounts
 *   mhd_scheduler.c   when libmicrohttpd runs, and how a request is parked
 *
 * Thread: the server's loop's.
 */
#ifndef FRONT_SERVER_INTERNAL_H
#define FRONT_SERVER_INTERNAL_H

#include <microhttpd.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "front/conn.h"
#include "front/departures.h"
#include "front/linger.h"
#include "front/mhd_scheduler.h"
#include "front/rejections.h"
#include "front/server.h"

#define SERVER_MAGIC 0x53525652u

struct server {
    unsigned magic;
    struct loop *loop;
    struct MHD_Daemon *daemon;
    size_t max_header_size;
    struct mhd_scheduler scheduler;
    struct departures departures; /* of its connections' callers */
    /* Those that libmicrohttpd has not taken yet are the last ones. */
    struct conn *conns;
    struct conn *reading; /* whose request line came last; NULL: it has gone since */
    struct tls *tls;      /* a reference; NULL: callers speak no TLS */
    struct conn *shaking; /* whose TLS was last active; NULL: it has gone since */
    struct conn *giving;  /* that was last given a response; NULL: it has gone since */
    struct rejections rejections;
    struct lingers lingers; /* of callers with TLS */
    bool draining;
    bool stopped;
};

/* ---- mhd_callbacks.c ---- */

/* For MHD_start_daemon; `arg` is the server. */
void *mhd_on_target(void *arg, const char *target, struct MHD_Connection *connection);
enum MHD_Result mhd_on_request(void *arg, struct MHD_Connection *connection, const char *url,
                               const char *method, const char *version, const char *upload_data,
                               size_t *upload_data_size, void **context);
void mhd_on_completed(void *arg, struct MHD_Connection *connection, void **context,
                      enum MHD_RequestTerminationCode code);
void mhd_on_connection(void *arg, struct MHD_Connection *connection, void **context,
                       enum MHD_ConnectionNotificationCode code);
/* For departures: a TLS handshake that waited for more to read (conn->held) goes on. */
void mhd_tls_goes_on(void *conn);
/* For the scheduler. */
void mhd_after_runs(struct mhd_scheduler *scheduler);
/* The connection last given to libmicrohttpd; NULL: there is none. */
struct conn *server_last_conn(const struct server *server);
/* Its descriptor is closed, or about to be. */
void server_drop(struct server *server, struct conn *conn);

/* ---- mhd_rejections.c ---- */

/* A request whose line has come; it is the connection's from now on. */
struct request *server_make_request(struct conn *conn, struct MHD_Connection *connection,
                                    const char *target);
/* Begins the request, unless it has begun, so that it can be rejected and accounted for. */
void server_begin_rejected(struct conn *conn, bool whole);
/* A response that is queued though the handler was never called is libmicrohttpd's rejection. */
void server_account_response(struct conn *conn, struct MHD_Connection *connection);
/* A connection ends: perhaps with a rejection that the log alone has told. */
void server_account_closing(struct conn *conn, struct MHD_Connection *connection);
/* For MHD_start_daemon, as its logger. */
void mhd_on_message(void *arg, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

#endif
