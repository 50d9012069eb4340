/*
 * A server's life: a libmicrohttpd daemon on our loop, and the connections that are handed to it.
 * What libmicrohttpd calls is in mhd_callbacks.c.
 */
#include "front/server.h"

#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#include "base/check.h"
#include "base/mem.h"
#include "front/mhd.h"
#include "front/server_internal.h"

/* What a connection costs beside its pool is so much over a KiB; its pool makes up for it. */
#define POOL_LESS 64

static const struct MHD_OptionItem no_options[] = {{MHD_OPTION_END, 0, NULL}};

/* Of the second, the cast: an option's value is a pointer to data. */
static const struct MHD_OptionItem tls_options[] = {
    {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)TLS_PRIORITIES},
    {MHD_OPTION_HTTPS_CERT_CALLBACK, 0, (void *)(uintptr_t)tls_session_certificate},
    {MHD_OPTION_END, 0, NULL}};

static struct MHD_Daemon *start_daemon(struct server *server, size_t pool_size)
{
    const bool tls = server->tls != NULL;
    return MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME |
                                MHD_USE_ERROR_LOG | (tls ? MHD_USE_TLS : 0),
                            0, NULL, NULL, mhd_on_request, server,                        //
                            MHD_OPTION_EXTERNAL_LOGGER, mhd_on_message, server,           //
                            MHD_OPTION_URI_LOG_CALLBACK, mhd_on_target, server,           //
                            MHD_OPTION_NOTIFY_CONNECTION, mhd_on_connection, server,      //
                            MHD_OPTION_NOTIFY_COMPLETED, mhd_on_completed, server,        //
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, pool_size,                //
                            MHD_OPTION_CONNECTION_LIMIT, (unsigned)INT16_MAX * INT16_MAX, //
                            MHD_OPTION_CONNECTION_TIMEOUT, 0u,                            //
                            mhd_strictness_option(), mhd_strictness(),                    //
                            MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,                         //
                            MHD_OPTION_ARRAY, tls ? tls_options : no_options,             //
                            MHD_OPTION_END);
}

static enum err start_watching(struct server *server)
{
    if (departures_start(&server->departures, server->loop, conn_left) != ERR_OK)
        return ERR_SYSTEM;
    if (mhd_scheduler_start(&server->scheduler, server->loop, server->daemon) != ERR_OK) {
        departures_stop(&server->departures);
        return ERR_SYSTEM;
    }
    server->scheduler.after_runs = mhd_after_runs;
    server->departures.readable = mhd_tls_goes_on;
    return ERR_OK;
}

enum err server_new(struct loop *loop, size_t max_header_size, struct server **out)
{
    return server_new_tls(loop, max_header_size, NULL, out);
}

enum err server_new_tls(struct loop *loop, size_t max_header_size, struct tls *tls,
                        struct server **out)
{
    struct server *server = mem_zalloc(sizeof(*server));
    MAGIC_SET(server, SERVER_MAGIC);
    server->loop = loop;
    server->max_header_size = max_header_size;
    server->tls = tls != NULL ? tls_ref(tls) : NULL;
    server->daemon = start_daemon(server, SERVER_POOL(max_header_size) - POOL_LESS);
    if (server->daemon == NULL)
        goto out;
    if (start_watching(server) != ERR_OK) {
        MHD_stop_daemon(server->daemon);
        goto out;
    }
    *out = server;
    return ERR_OK;
out:
    tls_unref(server->tls);
    mem_free(server);
    return ERR_SYSTEM;
}

void server_use_tls(struct server *server, struct tls *tls)
{
    MAGIC_OK(server, SERVER_MAGIC);
    MUST(server->tls != NULL && tls != NULL);
    tls_ref(tls);
    tls_unref(server->tls);
    server->tls = tls;
}

void server_take(struct server *server, struct server_app *app, struct server_quota *quota, int fd,
                 const struct sockaddr *addr, socklen_t addr_len)
{
    MAGIC_OK(server, SERVER_MAGIC);
    if (server->stopped) {
        server_app_leave(app, quota);
        close(fd);
        return;
    }
    struct conn *conn = conn_new(server, server->loop, app, quota, fd);
    if (departures_watch(&server->departures, fd, conn) != ERR_OK) {
        conn_close(conn);
        close(fd);
        return;
    }
    DL_APPEND(server->conns, conn);
    if (MHD_add_connection(server->daemon, fd, addr, addr_len) == MHD_NO &&
        server_last_conn(server) == conn && !conn->started)
        server_drop(server, conn); /* rejected before it began; the descriptor is closed */
    mhd_scheduler_make_due(&server->scheduler);
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
    server_take(arrival->server, arrival->app, arrival->quota, arrival->fd,
                (const struct sockaddr *)&arrival->addr, arrival->addr_len);
    mem_free(arrival);
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

size_t server_drain(struct server *server)
{
    struct conn *conn;
    size_t arriving = 0;
    MAGIC_OK(server, SERVER_MAGIC);
    server->draining = true;
    DL_FOREACH(server->conns, conn)
    arriving += conn->phase == CONN_HEADER_SECTION && !conn->gone;
    return arriving;
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
        if (conn->held)
            mhd_tls_goes_on(conn);
    }
    lingers_stop(&server->lingers);
    mhd_scheduler_stop(&server->scheduler);
    MHD_stop_daemon(server->daemon);
    server->daemon = NULL;
    departures_stop(&server->departures);
}

void server_free(struct server *server)
{
    if (server == NULL)
        return;
    MAGIC_OK(server, SERVER_MAGIC);
    MUST(server->stopped && server->conns == NULL);
    rejections_fini(&server->rejections);
    tls_unref(server->tls);
    MAGIC_CLEAR(server);
    mem_free(server);
}
