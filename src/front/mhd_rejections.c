/*
 * Requests that libmicrohttpd rejects itself. It tells of them in its log, a line before it sends
 * its own response or closes without one, and in no other way. Each of them is to have an access
 * line and to be counted, and one response: the daemon's own where the header section is whole.
 */
#include "front/server_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <utlist.h>

#include "base/check.h"
#include "base/log.h"
#include "base/metrics.h"
#include "exchange/response.h"
#include "front/endpoint.h"
#include "front/guard.h"
#include "front/header_limit.h"
#include "front/mhd.h"
#include "middleware/tracker.h"

/* A parked request was settled. */
static void settled(struct request *request)
{
    struct conn *conn = request->owner;
    mhd_scheduler_settled(&conn->server->scheduler, request);
}

struct request *server_make_request(struct conn *conn, struct MHD_Connection *connection,
                                    const char *target)
{
    struct request *request = request_new(conn->app->config, target);
    request->connection = connection;
    request->owner = conn;
    request->fd = conn->fd;
    request->early_method = "-";
    request->max_header_size = conn->server->max_header_size;
    request->settled = settled;
    request->timed_out = response_timed_out;
    conn->request = request;
    return request;
}

void server_begin_rejected(struct conn *conn, bool whole)
{
    struct request *request = conn->request;
    if (request->state != REQUEST_HEADER_SECTION)
        return;
    request_begin(request, conn->server->loop, request->early_method);
    metric_add(METRIC_IN_FLIGHT, 0, conn->app->counted);
    tracker_rejected(request, conn->app->guids, whole);
}

/* Every status that libmicrohttpd is known to send has a row of its own (exchange/problem.h). */
static enum problem_id rejection_problem(unsigned status)
{
    switch (status) {
    case MHD_HTTP_URI_TOO_LONG:
        return PROBLEM_TARGET_TOO_LARGE;
    case MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE:
        return PROBLEM_HEADER_TOO_LARGE;
    case MHD_HTTP_NOT_IMPLEMENTED:
        return PROBLEM_METHOD_UNKNOWN;
    case MHD_HTTP_HTTP_VERSION_NOT_SUPPORTED:
        return PROBLEM_VERSION_UNKNOWN;
    default:
        return PROBLEM_BAD_REQUEST;
    }
}

static void account_rejection(struct conn *conn, unsigned status)
{
    server_begin_rejected(conn, false);
    request_settle(conn->request, rejection_problem(status), (int)status, NULL);
}

void server_account_response(struct conn *conn, struct MHD_Connection *connection)
{
    struct server *server = conn->server;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_HTTP_STATUS);
    if (info == NULL || conn->request->state != REQUEST_HEADER_SECTION)
        return;
    rejections_forget(&server->rejections, info->http_status);
    account_rejection(conn, info->http_status);
}

/*
 * Did libmicrohttpd close a connection without a request, though its caller is there? So 0.9 treats
 * a line that is no request line, without a line in the log. A caller who closes at once is missed.
 */
static bool is_closed_without_response(const struct conn *conn)
{
    char byte;
    if (conn->gone || conn->server->stopped)
        return false;
    if (conn->tls != NULL)
        return tls_session_is_there(conn->tls);
    ssize_t got = recv(conn->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return got > 0 || (got < 0 && errno == EAGAIN);
}

/* In the run in which a response has ended, a connection that was not kept ends for no more. */
static bool closes_with_response(const struct conn *conn)
{
    return conn->last_run == conn->server->scheduler.run_count && !conn->kept;
}

/*
 * What is no request line at all has no request that could end. Its rejection is known from the log
 * alone, so the next connection to be closed, not with a request's end, is taken for it: the count
 * is right, and the access line may name another caller, who left in that moment.
 */
void server_account_closing(struct conn *conn, struct MHD_Connection *connection)
{
    struct server *server = conn->server;
    if (conn->request != NULL || closes_with_response(conn))
        return;
    if (rejections_oldest(&server->rejections) == 0 && is_closed_without_response(conn))
        rejections_note(&server->rejections, MHD_HTTP_BAD_REQUEST);
    const unsigned status = rejections_oldest(&server->rejections);
    if (status == 0)
        return;
    rejections_forget(&server->rejections, status);
    server_make_request(conn, connection, "-");
    account_rejection(conn, status);
}

/* Its header section is whole, its handler was not called, and it has no response of any kind. */
static bool is_being_rejected(const struct conn *conn)
{
    const struct request *request = conn->request;
    if (request == NULL || request->state != REQUEST_HEADER_SECTION)
        return false;
    struct MHD_Connection *connection = request->connection;
    return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE) != NULL &&
           MHD_get_connection_info(connection, MHD_CONNECTION_INFO_HTTP_STATUS) == NULL;
}

static struct conn *being_rejected(const struct server *server)
{
    struct conn *conn;
    if (server->reading != NULL && is_being_rejected(server->reading))
        return server->reading;
    DL_FOREACH(server->conns, conn)
    {
        if (is_being_rejected(conn))
            return conn;
    }
    return NULL;
}

/*
 * libmicrohttpd is about to reject a request. Where the header section is whole, as for a
 * Content-Length that is not a length, the daemon responds first: 0.9 would send the header section
 * of its own response twice, and no problem in JSON. What it writes after that finds the connection
 * shut down.
 */
static void reject_first(struct server *server, unsigned status)
{
    const struct conn *reading = server->reading;
    struct conn *conn = being_rejected(server);
    if (conn != NULL) {
        server_begin_rejected(conn, true);
        if (status == MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE)
            header_limit_reject_fields(conn->request);
        else
            guard_reject_at_once(conn->request);
    } else if (reading == NULL || reading->request == NULL || !reading->request->written_at_once) {
        rejections_note(&server->rejections, status);
    }
}

/* A handshake has failed: counted, and in the log as a request would be. */
static void account_handshake(struct conn *conn)
{
    static const char *const reasons[] = {
#define REASON(id, name) [id] = (name),
        TLS_FAILURES(REASON)
#undef REASON
    };
    if (!tls_session_is_shaking(conn->tls))
        return;
    const bool late = !mono_before(mono_now(), conn->due);
    const union MHD_ConnectionInfo *peer =
        MHD_get_connection_info(conn->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    char client[ENDPOINT_TEXT];
    const char *detail;
    const enum tls_failure failure = tls_session_failed(conn->tls, late, &detail);
    metric_add(METRIC_TLS_FAILED, failure, 1);
    endpoint_text(peer == NULL ? NULL : peer->client_addr, client);
    const struct log_field fields[] = {
        LOG_TEXT("client", client),
        LOG_TEXT("reason", reasons[failure]),
        LOG_TEXT("detail", detail),
    };
    const bool silent = failure == TLS_CLOSED && !tls_session_has_heard(conn->tls);
    if (conn->app->config->log_access)
        log_fields(silent ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO, NULL, "tls handshake failed", fields,
                   ARRAY_LEN(fields));
}

/*
 * A response was taken, and its header section finds no memory: requests stand behind this one, and
 * fill what its fields have left. The line comes in the call that took the response.
 */
static void respond_instead(struct server *server)
{
    struct conn *conn = server->giving;
    if (conn == NULL || conn->request == NULL || conn->request->state != REQUEST_SENDING)
        return;
    conn->kept = false;
    header_limit_replace_response(conn->request);
}

/*
 * Every line of libmicrohttpd's is about a caller's doing, or about our closing without a word.
 * Where it quotes something (`...'), that is the caller's target, which holds a postcode.
 */
void mhd_on_message(void *arg, const char *format, va_list args)
{
    MAGIC_CAST(struct server, server, arg, SERVER_MAGIC);
    char text[256];
    vsnprintf(text, sizeof(text), format, args);
    if (server->shaking != NULL && mhd_is_failed_handshake(text)) {
        account_handshake(server->shaking);
        return;
    }
    unsigned status = mhd_rejection_status(text);
    if (status != 0)
        reject_first(server, status);
    else if (mhd_response_is_lost(text))
        respond_instead(server);
    text[strcspn(text, "`\n")] = '\0';
    log_debug(NULL, "libmicrohttpd: %s", text);
}
