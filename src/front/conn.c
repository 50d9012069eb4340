/*
 * A caller may leave before the request that it concerns is parked: the flag it leaves is sticky.
 *
 * libmicrohttpd reads a socket when it becomes readable, and once only: of bytes and the end of the
 * stream that came together it misses the end. Shutting the socket down makes it readable anew. As
 * bytes may come together with that too, it is repeated until libmicrohttpd closes.
 */
#include "front/conn.h"

#include <sys/socket.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/metrics.h"

#define CONN_MAGIC 0x434f4e4eu

/* Between two times that libmicrohttpd is made to read. */
#define READ_AGAIN (10 * MILLISECOND)
/* After it has gone, a caller may read the rejection of its last request for so long. */
#define MAY_READ (1 * SECOND)

static void wake(void *arg);

static void set_timer(struct conn *conn, int64_t after)
{
    conn->wakes = conn->due;
    conn->timer = timer_start(conn->loop, after, wake, conn);
}

static bool awaits_caller(const struct conn *conn)
{
    return conn->phase == CONN_HEADER_SECTION || conn->phase == CONN_IDLE;
}

/*
 * libmicrohttpd finds the end of the stream behind what it has not read yet, and closes. What it
 * sends then rejects the last request; a caller that has closed only its sending half may read it.
 */
static void end_phase(struct conn *conn)
{
    const bool may_read =
        conn->gone && awaits_caller(conn) && mono_diff(mono_now(), conn->gone_since) < MAY_READ;
    shutdown(conn->fd, may_read ? SHUT_RD : SHUT_RDWR);
    set_timer(conn, READ_AGAIN);
}

/*
 * A busy connection changes its phase four times a request, and its timer is left alone as long as
 * it comes early enough: it then finds out how long there is still to wait.
 */
static void wake(void *arg)
{
    MAGIC_CAST(struct conn, conn, arg, CONN_MAGIC);
    conn->timer = NULL;
    if (conn->due.ns == MONO_NEVER.ns)
        return;
    int64_t left = mono_diff(conn->due, mono_now());
    if (left > 0)
        set_timer(conn, left);
    else
        end_phase(conn);
}

static int64_t phase_limit(const struct conn *conn)
{
    if (conn->gone && awaits_caller(conn))
        return READ_AGAIN;
    switch (conn->phase) {
    case CONN_HEADER_SECTION:
        return conn->app->config->server_header_timeout;
    case CONN_SENDING:
    case CONN_IDLE:
        return conn->app->config->server_idle_timeout;
    case CONN_WORKING:
        break;
    }
    return 0;
}

void conn_enter(struct conn *conn, enum conn_phase phase)
{
    MAGIC_OK(conn, CONN_MAGIC);
    conn->phase = phase;
    int64_t limit = phase_limit(conn);
    conn->due = limit > 0 ? mono_add(loop_now(conn->loop), limit) : MONO_NEVER;
    if (limit == 0 || (conn->timer != NULL && !mono_before(conn->due, conn->wakes)))
        return;
    timer_stop(&conn->timer);
    set_timer(conn, limit);
}

/* Shutting down at the end of a phase is told here too. */
static bool is_cut(const struct conn *conn)
{
    return !mono_before(mono_now(), conn->due);
}

void conn_left(void *arg)
{
    MAGIC_CAST(struct conn, conn, arg, CONN_MAGIC);
    const bool first = !conn->gone;
    if (first)
        conn->gone_since = mono_now();
    conn->gone = true;
    if (conn->request != NULL && conn->request->state == REQUEST_PARKED)
        request_abandon(conn->request);
    if (first && awaits_caller(conn) && !is_cut(conn))
        conn_enter(conn, conn->phase);
}

struct conn *conn_new(struct server *server, struct loop *loop, struct server_app *app,
                      struct server_quota *quota, int fd)
{
    struct conn *conn = mem_zalloc(sizeof(*conn));
    MAGIC_SET(conn, CONN_MAGIC);
    conn->server = server;
    conn->loop = loop;
    conn->app = app;
    conn->quota = quota;
    conn->fd = fd;
    conn_enter(conn, CONN_HEADER_SECTION);
    metric_add(METRIC_CONNECTIONS, 0, app->counted);
    return conn;
}

void conn_close(struct conn *conn)
{
    MAGIC_OK(conn, CONN_MAGIC);
    MUST(conn->request == NULL);
    timer_stop(&conn->timer);
    server_app_leave(conn->app, conn->quota);
    metric_add(METRIC_CONNECTIONS, 0, -conn->app->counted);
    tls_session_free(conn->tls);
    MAGIC_CLEAR(conn);
    mem_free(conn);
}
