/*
 * One thread: libmicrohttpd in its external mode, its epoll descriptor within ours, beside the
 * signals and the descriptors of parked callers. Each turn resumes what is due before it runs
 * libmicrohttpd, once, for a run that resumes walks all suspended connections.
 */
#include "standin.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#define EVENTS_MAX 256
/* Descriptors that are not callers'. */
#define DESCRIPTORS_KEPT 32
#define CONNECTIONS_MAX 65536

/* What a connection has besides its requests. */
struct standin_conn {
    bool counted;
};

static void count_connection(struct call *call)
{
    struct standin_conn *conn =
        MHD_get_connection_info(call->connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)
            ->socket_context;
    if (conn->counted)
        return;
    conn->counted = true;
    call->standin->counters[COUNTER_CONNECTIONS]++;
    call->standin->counters[COUNTER_CONNECTIONS_NOW]++;
}

static void on_connection(void *cls, struct MHD_Connection *connection, void **socket_context,
                          enum MHD_ConnectionNotificationCode code)
{
    (void)connection;
    struct standin *standin = cls;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        *socket_context = must_calloc(1, sizeof(struct standin_conn));
        return;
    }
    struct standin_conn *conn = *socket_context;
    if (conn->counted)
        standin->counters[COUNTER_CONNECTIONS_NOW]--;
    free(conn);
}

struct route {
    const char *method;
    const char *path;
    bool prefix; /* what follows the path is the handler's */
    enum call_kind kind;
    void (*serve)(struct call *call, const char *rest);
};

#define ROUTE_COUNT 5

static void make_routes(struct route routes[ROUTE_COUNT], const struct standin *standin)
{
    const struct route all[ROUTE_COUNT] = {
        {"GET", standin->lookup_path, true, CALL_LOOKUP, lookup_serve},
        {"POST", standin->auth_path, false, CALL_TOKEN, auth_serve},
        {"GET", "/standin/counters", false, CALL_CONTROL, control_counters},
        {"POST", "/standin/revoke", false, CALL_CONTROL, control_revoke},
        {"POST", "/standin/set", false, CALL_CONTROL, control_set},
    };
    memcpy(routes, all, sizeof all);
}

static bool path_fits(const struct route *route, const char *url)
{
    if (!route->prefix)
        return strcmp(url, route->path) == 0;
    return strncmp(url, route->path, strlen(route->path)) == 0;
}

/* Keeps the answer back where a knob says so. */
static void delay(struct call *call)
{
    static const struct {
        enum knob hold, delay;
    } knobs_of[] = {
        [CALL_LOOKUP] = {KNOB_HOLD, KNOB_DELAY},
        [CALL_TOKEN] = {KNOB_TOKEN_HOLD, KNOB_TOKEN_DELAY},
    };
    struct standin *standin = call->standin;
    if (call->kind == CALL_CONTROL)
        return;
    long long wait = knobs_ns(&standin->knobs, knobs_of[call->kind].delay);
    call->held = knobs_on(&standin->knobs, knobs_of[call->kind].hold);
    if (call->held)
        parking_add(&standin->parking, call, TIME_NEVER);
    else if (wait > 0)
        parking_add(&standin->parking, call, now_ns() + wait);
}

static void serve(struct call *call, const char *url, const char *method)
{
    struct route routes[ROUTE_COUNT];
    make_routes(routes, call->standin);
    const struct route *route = routes;
    while (route < routes + ROUTE_COUNT && !path_fits(route, url))
        route++;
    if (route == routes + ROUTE_COUNT) {
        call_answer_error(call, MHD_HTTP_NOT_FOUND, "not_found", "no such path");
    } else if (strcmp(method, route->method) != 0) {
        call_answer_error(call, MHD_HTTP_METHOD_NOT_ALLOWED, "method_not_allowed",
                          "not with this method");
        call_header(call, MHD_HTTP_HEADER_ALLOW, route->method);
    } else if (call->body_too_large) {
        call_answer_error(call, MHD_HTTP_CONTENT_TOO_LARGE, "invalid_request", "too large a body");
    } else {
        call->kind = route->kind;
        if (call->kind != CALL_CONTROL)
            count_connection(call);
        route->serve(call, url + strlen(route->path));
        delay(call);
    }
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **slot)
{
    (void)version;
    if (*slot == NULL) {
        *slot = call_new(cls, connection);
        return MHD_YES;
    }
    struct call *call = call_cast(*slot);
    if (*upload_size > 0) {
        call_collect(call, upload, *upload_size);
        *upload_size = 0;
        return MHD_YES;
    }
    if (call->status == 0)
        serve(call, url, method);
    if (call->parked)
        return MHD_YES;
    if (call->gone)
        return MHD_NO;
    return MHD_queue_response(connection, call->status, call->response);
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **slot,
                         enum MHD_RequestTerminationCode how)
{
    (void)connection;
    struct standin *standin = cls;
    if (*slot == NULL)
        return;
    struct call *call = call_cast(*slot);
    if (call->kind == CALL_LOOKUP) {
        standin->counters[COUNTER_CONCURRENT_NOW]--;
        if (call->gone || how != MHD_REQUEST_TERMINATED_COMPLETED_OK)
            standin->counters[COUNTER_ABORTED]++;
        else if (call->status == MHD_HTTP_OK || call->status == MHD_HTTP_NOT_MODIFIED)
            standin->counters[COUNTER_LOOKUPS_OK]++;
    }
    call_free(call);
    *slot = NULL;
}

/* MHD_NO for a caller who left is a complaint to libmicrohttpd; nothing it logs is of use here. */
__attribute__((format(printf, 2, 0))) static void ignore_log(void *cls, const char *format,
                                                             va_list args)
{
    (void)cls;
    (void)format;
    (void)args;
}

static unsigned connection_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 512;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur > CONNECTIONS_MAX + DESCRIPTORS_KEPT)
        return CONNECTIONS_MAX;
    return (unsigned)limit.rlim_cur - DESCRIPTORS_KEPT;
}

static struct MHD_Daemon *start(struct standin *standin, int listen_fd)
{
    return MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL,
                            NULL, on_request, standin, MHD_OPTION_EXTERNAL_LOGGER, ignore_log, NULL,
                            MHD_OPTION_LISTEN_SOCKET, listen_fd, MHD_OPTION_CONNECTION_LIMIT,
                            connection_limit(), MHD_OPTION_NOTIFY_COMPLETED, on_completed, standin,
                            MHD_OPTION_NOTIFY_CONNECTION, on_connection, standin, MHD_OPTION_END);
}

static int turn_timeout(struct standin *standin, struct MHD_Daemon *mhd)
{
    int timeout = parking_timeout(&standin->parking, now_ns());
    MHD_UNSIGNED_LONG_LONG theirs;
    if (MHD_get_timeout(mhd, &theirs) == MHD_YES && (timeout < 0 || theirs < (unsigned)timeout))
        timeout = theirs > 60000 ? 60000 : (int)theirs;
    return timeout;
}

/* The events' data: NULL stands for libmicrohttpd, the standin itself for a signal, else a call. */
static void loop(struct standin *standin, struct MHD_Daemon *mhd)
{
    struct epoll_event events[EVENTS_MAX];
    for (bool ending = false; !ending;) {
        int timeout = turn_timeout(standin, mhd);
        int n = epoll_wait(standin->parking.epoll_fd, events, EVENTS_MAX, timeout);
        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr == standin)
                ending = true;
            else if (events[i].data.ptr != NULL)
                parking_gone(&standin->parking, call_cast(events[i].data.ptr));
        }
        parking_release(&standin->parking, now_ns());
        MHD_run(mhd);
        control_wake(standin);
    }
}

static bool watch(int epoll_fd, int fd, void *data)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = data};
    return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

/* libmicrohttpd must not be stopped with connections suspended. */
static void stop(struct standin *standin, struct MHD_Daemon *mhd)
{
    struct call *call;
    while ((call = TAILQ_FIRST(&standin->parking.list)) != NULL)
        parking_gone(&standin->parking, call);
    MHD_run(mhd);
    MHD_stop_daemon(mhd);
}

bool server_run(struct standin *standin, int listen_fd, int signal_fd)
{
    bool ok = false;
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    parking_init(&standin->parking, epoll_fd);
    struct MHD_Daemon *mhd = epoll_fd >= 0 ? start(standin, listen_fd) : NULL;
    if (mhd == NULL)
        goto out;
    int mhd_fd = MHD_get_daemon_info(mhd, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    ok = watch(epoll_fd, signal_fd, standin) && watch(epoll_fd, mhd_fd, NULL);
    if (ok)
        loop(standin, mhd);
    stop(standin, mhd);
out:
    if (!ok)
        fputs("location-standin: the server could not start\n", stderr);
    if (epoll_fd >= 0)
        close(epoll_fd);
    return ok;
}
