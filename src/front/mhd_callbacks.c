/*
 * What libmicrohttpd calls: a connection began, a request line came, a header section is whole, a
 * response went out, a connection ended.
 *
 * It calls the handler twice for a request without a body. A response queued in the first call
 * closes the connection. That is right for a request that announced a body, and for no other: those
 * with a body are served in the first call, the others in the second.
 */
#include "front/server_internal.h"

#include <string.h>
#include <utlist.h>

#include "base/check.h"
#include "base/metrics.h"
#include "front/guard.h"
#include "front/header_limit.h"
#include "front/mhd.h"

static struct conn *conn_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info == NULL ? NULL : info->socket_context;
}

/* The request is over, however it ended; one broken off before it was served was abandoned. */
static void finish(struct conn *conn)
{
    struct request *request = conn->request;
    conn->request = NULL;
    conn->sends_on = request->announces_body;
    if (request->state == REQUEST_SENDING)
        mhd_scheduler_response_ends(&conn->server->scheduler);
    if (request->state != REQUEST_HEADER_SECTION) {
        request_abandon(request);
        request_enter(request, REQUEST_ENDED);
        metric_add(METRIC_IN_FLIGHT, 0, -conn->app->counted);
        conn->app->ended(conn->app, request);
    }
    request_free(request);
}

/* ---- a connection's beginning and end ---- */

/*
 * In TLS a caller sends its request along with the end of its handshake, whatever comes of that,
 * and a large header section in many pieces; with or without, a body goes on that nobody reads.
 * libmicrohttpd closes right after this.
 */
static void let_linger(struct conn *conn)
{
    struct server *server = conn->server;
    if (server->stopped || server->draining)
        return;
    departures_unwatch(&server->departures, conn->fd);
    linger_begin(&server->lingers, server->loop, conn->app, conn->quota, conn->fd);
}

struct conn *server_last_conn(const struct server *server)
{
    return server->conns == NULL ? NULL : server->conns->prev;
}

void server_drop(struct server *server, struct conn *conn)
{
    if (server->reading == conn)
        server->reading = NULL;
    if (server->shaking == conn)
        server->shaking = NULL;
    if (server->giving == conn)
        server->giving = NULL;
    DL_DELETE(server->conns, conn); /* NOLINT(clang-analyzer-core.NullDereference) */
    conn_close(conn);
}

/* The one of those not yet taken that has this descriptor: the first of them, as a rule. */
static struct conn *find_starting(struct server *server, int fd)
{
    struct conn *found = NULL;
    for (struct conn *conn = server_last_conn(server); conn != NULL && !conn->started;
         conn = conn == server->conns ? NULL : conn->prev)
        if (conn->fd == fd)
            found = conn;
    return found;
}

/* After a run, what is not taken was rejected, and its descriptor closed. */
void mhd_after_runs(struct mhd_scheduler *scheduler)
{
    struct server *server = CONTAINER_OF(scheduler, struct server, scheduler);
    for (struct conn *conn; (conn = server_last_conn(server)) != NULL && !conn->started;)
        server_drop(server, conn);
    rejections_forget_closings(&server->rejections);
}

static void tls_active(void *arg)
{
    struct conn *conn = arg;
    conn->server->shaking = conn;
}

void mhd_tls_goes_on(void *arg)
{
    struct conn *conn = arg;
    if (!conn->held)
        return;
    conn->held = false;
    departures_watch_reading(&conn->server->departures, conn->fd, conn, false);
    MHD_resume_connection(conn->connection);
    mhd_scheduler_make_due(&conn->server->scheduler);
}

/* A caller that has left cannot be waited for, and when the server stops nothing is suspended. */
static void tls_blocked(void *arg)
{
    struct conn *conn = arg;
    if (conn->held || conn->gone || conn->server->stopped)
        return;
    conn->held = true;
    MHD_suspend_connection(conn->connection);
    departures_watch_reading(&conn->server->departures, conn->fd, conn, true);
}

static void begin_tls(struct conn *conn, struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    MUST(info != NULL);
    const struct tls_session_ports ports = {
        .arg = conn, .active = tls_active, .blocked = tls_blocked};
    conn->connection = connection;
    conn->tls = tls_session_new(conn->server->tls, info->tls_session, conn->fd, &ports);
}

void mhd_on_connection(void *arg, struct MHD_Connection *connection, void **context,
                       enum MHD_ConnectionNotificationCode code)
{
    MAGIC_CAST(struct server, server, arg, SERVER_MAGIC);
    struct conn *conn = *context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        MUST(info != NULL);
        conn = find_starting(server, info->connect_fd);
        MUST(conn != NULL);
        conn->started = true;
        *context = conn;
        if (server->tls != NULL)
            begin_tls(conn, connection);
    } else if (conn != NULL) {
        server_account_closing(conn, connection);
        if (conn->request != NULL)
            finish(conn);
        if (conn->tls != NULL || conn->sends_on)
            let_linger(conn);
        server_drop(server, conn);
        *context = NULL;
    }
}

/* ---- a request ---- */

void *mhd_on_target(void *arg, const char *target, struct MHD_Connection *connection)
{
    MAGIC_CAST(struct server, server, arg, SERVER_MAGIC);
    struct conn *conn = conn_of(connection);
    MUST(conn != NULL && conn->request == NULL && conn->server == server);
    struct request *request = server_make_request(conn, connection, target);
    request->certificate_user = conn->tls != NULL ? tls_session_user(conn->tls) : NULL;
    request->early_method = mhd_method_before(target);
    request_hide_cookies(request);
    conn->kept = false;
    server->reading = conn;
    conn_enter(conn, CONN_HEADER_SECTION);
    if (!header_limit_allows_target(request)) {
        server_begin_rejected(conn, false);
        header_limit_reject_target(request);
    }
    return request;
}

/* What was decided goes to libmicrohttpd; MHD_NO makes it close without a word. */
static enum MHD_Result give(struct conn *conn, struct request *request)
{
    if (request->response == NULL)
        return MHD_NO;
    const bool close = request->close || conn->server->draining;
    if (close)
        MHD_add_response_header(request->response, "Connection", "close");
    conn->kept = !close && request->plain_keep && request->ending != ENDED_NOT_MODIFIED;
    conn->server->giving = conn;
    request_enter(request, REQUEST_SENDING);
    conn_enter(conn, CONN_SENDING);
    mhd_scheduler_response_begins(&conn->server->scheduler);
    enum MHD_Result queued =
        MHD_queue_response(request->connection, (unsigned)request->status, request->response);
    MHD_destroy_response(request->response);
    request->response = NULL;
    return queued;
}

static enum MHD_Result serve(struct conn *conn, struct request *request)
{
    check_request(request_guid(request));
    request_use(request, conn->app->config);
    if (conn->gone || conn->server->stopped) /* which parks nothing any more */
        request_abandon(request);
    else
        conn->app->serve(conn->app, request);
    check_request(NULL);
    if (request_is_settled(request))
        return give(conn, request);
    MUST(!request->announces_body);
    request_enter(request, REQUEST_PARKED);
    mhd_scheduler_park(&conn->server->scheduler, request);
    return MHD_YES;
}

/*
 * A reload has changed the authorities. The connection was judged by those before, or by none, and
 * is not to outlive them: this is its last response.
 */
static void judge_again(struct conn *conn, struct request *request)
{
    const struct tls *now = conn->server->tls;
    if (conn->tls == NULL || tls_session_is_current(conn->tls, now))
        return;
    request->close = true;
    request->lacks_certificate = tls_verifies(now) && !tls_session_verified(conn->tls);
}

enum MHD_Result mhd_on_request(void *arg, struct MHD_Connection *connection, const char *url,
                               const char *method, const char *version, const char *upload_data,
                               size_t *upload_data_size, void **context)
{
    MAGIC_CAST(struct server, server, arg, SERVER_MAGIC);
    struct request *request = *context;
    struct conn *conn = request->owner;
    (void)connection;
    (void)url; /* decoded in ways that are not ours: see request->target */
    (void)upload_data;
    (void)upload_data_size;
    if (request->state == REQUEST_HEADER_SECTION) {
        request_begin(request, server->loop, method);
        metric_add(METRIC_IN_FLIGHT, 0, conn->app->counted);
        request->version = version;
        guard_read(request);
        judge_again(conn, request);
        conn_enter(conn, CONN_WORKING);
        return request->announces_body ? serve(conn, request) : MHD_YES;
    }
    if (request_is_settled(request))
        return give(conn, request);
    if (request->state == REQUEST_RUNNING)
        return serve(conn, request);
    mhd_scheduler_still_parked(&server->scheduler, request);
    return MHD_YES;
}

void mhd_on_completed(void *arg, struct MHD_Connection *connection, void **context,
                      enum MHD_RequestTerminationCode code)
{
    MAGIC_CAST(struct server, server, arg, SERVER_MAGIC);
    struct conn *conn = conn_of(connection);
    (void)code;
    MUST(conn != NULL && conn->server == server);
    *context = NULL;
    if (conn->request == NULL)
        return;
    server_account_response(conn, connection);
    finish(conn);
    conn->last_run = server->scheduler.run_count;
    conn_enter(conn, CONN_IDLE);
}
