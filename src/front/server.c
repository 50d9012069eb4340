/*
 * libmicrohttpd on our loop: its callbacks (a connection began, a request line came, a header
 * section is whole, a response went out, a connection ended), and a server's life. When it runs,
 * and how a request waits for its response, is decided in mhd_scheduler.c.
 *
 * libmicrohttpd calls the handler twice for a request without a body. A response queued in the
 * first call closes the connection. That is right for a request that announced a body, and for no
 * other: those with a body are served in the first call, the others in the second.
 */
#include "front/server.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "exchange/response.h"
#include "front/conn.h"
#include "front/guard.h"
#include "front/header_limit.h"
#include "front/mhd.h"
#include "front/mhd_scheduler.h"
#include "front/rejections.h"
#include "middleware/tracker.h"

#define SERVER_MAGIC 0x53525652u
/* What a connection costs beside its pool is so much over a KiB; its pool makes up for it. */
#define POOL_LESS 64

struct server {
    unsigned magic;
    struct loop *loop;
    struct MHD_Daemon *daemon;
    size_t max_header_size;
    struct mhd_scheduler scheduler;
    /* Those that libmicrohttpd has not taken yet are the last ones. */
    struct conn *conns;
    struct conn *reading; /* whose request line came last; NULL: it has gone since */
    struct rejections rejections;
    bool draining;
    bool stopped;
};

/* ---- what libmicrohttpd tells ---- */

static struct conn *conn_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info == NULL ? NULL : info->socket_context;
}

/* A parked request was settled. */
static void settled(struct request *request)
{
    struct conn *conn = request->owner;
    mhd_scheduler_settled(&conn->server->scheduler, request);
}

/* The request is over, however it ended; one broken off before it was served was abandoned. */
static void finish(struct conn *conn)
{
    struct request *request = conn->request;
    conn->request = NULL;
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

/* Begins the request, unless it has begun, so that it can be rejected and accounted for. */
static void begin_rejected(struct conn *conn, bool whole)
{
    struct request *request = conn->request;
    if (request->state != REQUEST_HEADER_SECTION)
        return;
    request_begin(request, conn->server->loop, "-");
    metric_add(METRIC_IN_FLIGHT, 0, conn->app->counted);
    tracker_rejected(request, conn->app->guids, whole);
}

static enum problem_id rejection_problem(unsigned status)
{
    switch (status) {
    case MHD_HTTP_URI_TOO_LONG:
        return PROBLEM_TARGET_TOO_LARGE;
    case MHD_HTTP_CONTENT_TOO_LARGE:
    case MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE:
        return PROBLEM_HEADER_TOO_LARGE;
    default:
        return PROBLEM_BAD_REQUEST;
    }
}

static struct request *make_request(struct conn *conn, struct MHD_Connection *connection,
                                    const char *target)
{
    struct request *request = request_new(conn->app->config, target);
    request->connection = connection;
    request->owner = conn;
    request->fd = conn->fd;
    request->max_header_size = conn->server->max_header_size;
    request->settled = settled;
    request->timed_out = response_timed_out;
    conn->request = request;
    return request;
}

static void account_rejection(struct conn *conn, unsigned status)
{
    begin_rejected(conn, false);
    request_settle(conn->request, rejection_problem(status), (int)status, NULL);
}

/* A response that is queued though the handler was never called is libmicrohttpd's rejection. */
static void account_response(struct conn *conn, struct MHD_Connection *connection)
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
 * What is no request line at all has no request that could end. Its rejection is known from the log
 * alone, so the next connection to be closed, not with a request's end, is taken for it: the count
 * is right, and the access line may name another caller, who left in that moment.
 */
static void account_closing(struct conn *conn, struct MHD_Connection *connection)
{
    struct server *server = conn->server;
    const unsigned status = rejections_oldest(&server->rejections);
    if (status == 0 || conn->request != NULL || conn->last_run == server->scheduler.run_count)
        return;
    rejections_forget(&server->rejections, status);
    make_request(conn, connection, "-");
    account_rejection(conn, status);
}

/* ---- a connection's beginning and end ---- */

static struct conn *last_conn(const struct server *server)
{
    return server->conns == NULL ? NULL : server->conns->prev;
}

static void drop(struct server *server, struct conn *conn)
{
    if (server->reading == conn)
        server->reading = NULL;
    DL_DELETE(server->conns, conn); /* NOLINT(clang-analyzer-core.NullDereference) */
    conn_close(conn);
}

/* The one of those not yet taken that has this descriptor: the first of them, as a rule. */
static struct conn *find_starting(struct server *server, int fd)
{
    struct conn *found = NULL;
    for (struct conn *conn = last_conn(server); conn != NULL && !conn->started;
         conn = conn == server->conns ? NULL : conn->prev)
        if (conn->fd == fd)
            found = conn;
    return found;
}

/* After a run, what is not taken was rejected, and its descriptor closed. */
static void drop_rejected(struct mhd_scheduler *scheduler)
{
    struct server *server = CONTAINER_OF(scheduler, struct server, scheduler);
    for (struct conn *conn; (conn = last_conn(server)) != NULL && !conn->started;)
        drop(server, conn);
    rejections_forget_closings(&server->rejections);
}

/*
 * Did libmicrohttpd close a connection without a request, though its caller is there? So 0.9 treats
 * a first line that is none, without a line in the log. A caller who closes at once is missed.
 */
static bool is_closed_without_response(const struct conn *conn)
{
    char byte;
    if (conn->request != NULL || conn->phase != CONN_HEADER_SECTION || conn->gone ||
        conn->server->stopped)
        return false;
    ssize_t got = recv(conn->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return got > 0 || (got < 0 && errno == EAGAIN);
}

static void on_connection(void *arg, struct MHD_Connection *connection, void **context,
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
    } else if (conn != NULL) {
        if (rejections_oldest(&server->rejections) == 0 && is_closed_without_response(conn))
            rejections_note(&server->rejections, MHD_HTTP_BAD_REQUEST);
        account_closing(conn, connection);
        if (conn->request != NULL)
            finish(conn);
        drop(server, conn);
        *context = NULL;
    }
}

/* ---- a request ---- */

static void *on_target(void *arg, const char *target, struct MHD_Connection *connection)
{
    MAGIC_CAST(struct server, server, arg, SERVER_MAGIC);
    struct conn *conn = conn_of(connection);
    MUST(conn != NULL && conn->request == NULL && conn->server == server);
    struct request *request = make_request(conn, connection, target);
    server->reading = conn;
    conn_enter(conn, CONN_HEADER_SECTION);
    if (strlen(target) > server->max_header_size) {
        begin_rejected(conn, false);
        header_limit_reject_target(request);
    }
    return request;
}

/* What was decided goes to libmicrohttpd; MHD_NO makes it close without a word. */
static enum MHD_Result give(struct conn *conn, struct request *request)
{
    if (request->response == NULL)
        return MHD_NO;
    if (request->close || conn->server->draining)
        MHD_add_response_header(request->response, "Connection", "close");
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

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url,
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

static void on_completed(void *arg, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode code)
{
    MAGIC_CAST(struct server, server, arg, SERVER_MAGIC);
    struct conn *conn = conn_of(connection);
    (void)code;
    MUST(conn != NULL && conn->server == server);
    *context = NULL;
    if (conn->request == NULL)
        return;
    account_response(conn, connection);
    finish(conn);
    conn->last_run = server->scheduler.run_count;
    conn_enter(conn, CONN_IDLE);
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
        begin_rejected(conn, true);
        guard_reject_at_once(conn->request, status == MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE
                                                ? PROBLEM_HEADER_TOO_LARGE
                                                : PROBLEM_BAD_REQUEST);
    } else if (reading == NULL || reading->request == NULL || !reading->request->written_at_once) {
        rejections_note(&server->rejections, status);
    }
}

/*
 * Every line of libmicrohttpd's is about a caller's doing, or about our closing without a word.
 * Where it quotes something (`...'), that is the caller's target, which holds a postcode.
 */
__attribute__((format(printf, 2, 0))) static void on_message(void *arg, const char *format,
                                                             va_list args)
{
    MAGIC_CAST(struct server, server, arg, SERVER_MAGIC);
    char text[256];
    vsnprintf(text, sizeof(text), format, args);
    unsigned status = mhd_rejection_status(text);
    if (status != 0)
        reject_first(server, status);
    text[strcspn(text, "`\n")] = '\0';
    log_debug(NULL, "libmicrohttpd: %s", text);
}

/* ---- life ---- */

static struct MHD_Daemon *start_daemon(struct server *server, size_t pool_size)
{
    return MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME |
                                MHD_USE_ERROR_LOG,
                            0, NULL, NULL, on_request, server,                            //
                            MHD_OPTION_EXTERNAL_LOGGER, on_message, server,               //
                            MHD_OPTION_URI_LOG_CALLBACK, on_target, server,               //
                            MHD_OPTION_NOTIFY_CONNECTION, on_connection, server,          //
                            MHD_OPTION_NOTIFY_COMPLETED, on_completed, server,            //
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, pool_size,                //
                            MHD_OPTION_CONNECTION_LIMIT, (unsigned)INT16_MAX * INT16_MAX, //
                            MHD_OPTION_CONNECTION_TIMEOUT, 0u,                            //
                            mhd_strictness_option(), mhd_strictness(),                    //
                            MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,                         //
                            MHD_OPTION_END);
}

enum err server_new(struct loop *loop, size_t max_header_size, struct server **out)
{
    struct server *server = mem_zalloc(sizeof(*server));
    MAGIC_SET(server, SERVER_MAGIC);
    server->loop = loop;
    server->max_header_size = max_header_size;
    server->daemon = start_daemon(server, SERVER_POOL(max_header_size) - POOL_LESS);
    if (server->daemon == NULL) {
        mem_free(server);
        return ERR_SYSTEM;
    }
    if (mhd_scheduler_start(&server->scheduler, loop, server->daemon) != ERR_OK) {
        MHD_stop_daemon(server->daemon);
        mem_free(server);
        return ERR_SYSTEM;
    }
    server->scheduler.after_runs = drop_rejected;
    *out = server;
    return ERR_OK;
}

struct arrival {
    struct mail mail;
    struct server *server;
    struct server_app *app;
    struct server_quota *quota;
    int fd;
    struct sockaddr_storage addr;
    socklen_t addr_len;
};

static void arrive(struct mail *mail)
{
    struct arrival *arrival = CONTAINER_OF(mail, struct arrival, mail);
    struct server *server = arrival->server;
    MAGIC_OK(server, SERVER_MAGIC);
    struct conn *conn = NULL;
    if (!server->stopped)
        conn = conn_new(server, server->loop, arrival->app, arrival->quota, arrival->fd);
    if (conn == NULL) {
        atomic_fetch_sub_explicit(&arrival->quota->open, 1, memory_order_relaxed);
        close(arrival->fd);
        mem_free(arrival);
        return;
    }
    DL_APPEND(server->conns, conn);
    if (MHD_add_connection(server->daemon, arrival->fd, (const struct sockaddr *)&arrival->addr,
                           arrival->addr_len) == MHD_NO &&
        last_conn(server) == conn && !conn->started)
        drop(server, conn); /* rejected before it began; the descriptor is closed */
    mem_free(arrival);
    mhd_scheduler_make_due(&server->scheduler);
}

void server_hand_over(struct server *server, struct server_app *app, struct server_quota *quota,
                      int fd, const struct sockaddr *addr, socklen_t addr_len)
{
    MAGIC_OK(server, SERVER_MAGIC);
    struct arrival *arrival = mem_zalloc(sizeof(*arrival));
    arrival->mail.deliver = arrive;
    arrival->server = server;
    arrival->app = app;
    arrival->quota = quota;
    arrival->fd = fd;
    memcpy(&arrival->addr, addr, addr_len);
    arrival->addr_len = addr_len;
    loop_mail(server->loop, &arrival->mail);
}

void server_drain(struct server *server)
{
    MAGIC_OK(server, SERVER_MAGIC);
    server->draining = true;
}

void server_stop(struct server *server)
{
    MAGIC_OK(server, SERVER_MAGIC);
    server->stopped = true;
    struct conn *conn;
    DL_FOREACH(server->conns, conn)
    {
        if (conn->request != NULL && conn->request->state == REQUEST_PARKED)
            request_abandon(conn->request);
    }
    mhd_scheduler_stop(&server->scheduler);
    MHD_stop_daemon(server->daemon);
    server->daemon = NULL;
}

void server_free(struct server *server)
{
    if (server == NULL)
        return;
    MAGIC_OK(server, SERVER_MAGIC);
    MUST(server->stopped && server->conns == NULL);
    rejections_fini(&server->rejections);
    MAGIC_CLEAR(server);
    mem_free(server);
}
