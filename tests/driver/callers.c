/*
 * callers: many callers at once, from one thread, against one address. They can all send at the
 * same moment, and they can leave in the middle: what varnishtest, with one connection a client,
 * cannot do.
 *
 * Each caller is a small machine that is stepped until it would block. Its socket is registered
 * once, edge-triggered, so that a busy caller costs a send and a receive and nothing else.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/resource.h>

#include "net.h"
#include "http.h"
#include "tally.h"
#include "options.h"

#define EVENTS_MAX 256
#define MS INT64_C(1000000)

enum state {
    CALLER_IDLE,       /* between two calls; its connection may be open */
    CALLER_CONNECTING, /* until the socket is writable */
    CALLER_BARRIER,    /* connected, waiting for the others */
    CALLER_SENDING,
    CALLER_READING,
    CALLER_LEFT, /* closed its sending half; waits for the other side to close */
    CALLER_DONE,
};

struct caller {
    enum state state;
    int fd;
    long calls;
    size_t sent;
    int64_t started;
    int64_t leaves; /* in the queue of leavers while `queued` */
    bool queued;
    TAILQ_ENTRY(caller) entry;
    struct response response;
};

TAILQ_HEAD(leavers, caller);

static struct {
    struct options options;
    char request[REQUEST_MAX];
    size_t request_len;
    struct caller *callers;
    int at_barrier, done;
    bool released;          /* the barrier is open */
    bool leaving;           /* whoever has sent leaves */
    struct leavers leavers; /* by time, for all wait equally long */
    int epoll_fd;
    int64_t end; /* no new call from then on; 0: never */
    struct tally tally;
} crew;

static void make_request(void)
{
    const struct options *options = &crew.options;
    int n = snprintf(crew.request, sizeof crew.request, "%s %s HTTP/1.1\r\nHost: %s\r\n%s%s\r\n",
                     options->method, options->path,
                     options->address.family == AF_UNIX ? "localhost" : options->address.text,
                     options->new_connection ? "Connection: close\r\n" : "", options->headers);
    if (n < 0 || (size_t)n >= sizeof crew.request)
        usage_fault("callers: the request is too long");
    crew.request_len = (size_t)n;
}

static void disconnect(struct caller *caller)
{
    if (caller->fd >= 0)
        close(caller->fd);
    caller->fd = -1;
}

static void unqueue(struct caller *caller)
{
    if (caller->queued)
        TAILQ_REMOVE(&crew.leavers, caller, entry);
    caller->queued = false;
}

static void finish(struct caller *caller)
{
    disconnect(caller);
    unqueue(caller);
    caller->state = CALLER_DONE;
    crew.done++;
}

/* The call has come to its end in another way than by an answer. */
static void fail(struct caller *caller, enum call_error error)
{
    crew.tally.error[error]++;
    disconnect(caller);
    unqueue(caller);
    caller->state = CALLER_IDLE;
}

static void leave(struct caller *caller)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    unqueue(caller);
    crew.tally.left++;
    if (crew.options.leave_how == LEAVE_HALF_CLOSE) {
        shutdown(caller->fd, SHUT_WR);
        caller->state = CALLER_LEFT;
        return;
    }
    if (crew.options.leave_how == LEAVE_RESET)
        setsockopt(caller->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    disconnect(caller);
    caller->state = CALLER_IDLE;
}

/*
 * The steps. Each returns true when the caller can be stepped again at once, false when it waits
 * for an event.
 */

/* A Unix socket is connected at once: one that does not block is refused when the backlog is full.
 */
static int connect_caller(const struct caller *caller)
{
    bool is_unix = crew.options.address.family == AF_UNIX;
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                .data.fd = (int)(caller - crew.callers)};
    int fd = open_connection(&crew.options.address, is_unix ? 0 : SOCK_NONBLOCK);
    if (fd < 0)
        return -1;
    if (is_unix)
        fcntl(fd, F_SETFL, O_NONBLOCK);
    if (epoll_ctl(crew.epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static bool step_idle(struct caller *caller)
{
    const struct options *options = &crew.options;
    bool enough = options->seconds > 0 ? now_ns() >= crew.end : caller->calls == options->requests;
    if (enough) {
        finish(caller);
        return false;
    }
    caller->calls++;
    crew.tally.calls++;
    caller->started = now_ns();
    caller->sent = 0;
    response_start(&caller->response, strcmp(options->method, "HEAD") == 0);
    if (caller->fd >= 0) {
        caller->state = CALLER_SENDING;
        return true;
    }
    caller->state = CALLER_CONNECTING;
    caller->fd = connect_caller(caller);
    if (caller->fd < 0) {
        crew.tally.error[CALL_ERROR_CONNECT]++;
        finish(caller);
    }
    return false;
}

static bool step_connecting(struct caller *caller)
{
    int error = 0;
    socklen_t len = sizeof error;
    getsockopt(caller->fd, SOL_SOCKET, SO_ERROR, &error, &len);
    if (error != 0) {
        crew.tally.error[CALL_ERROR_CONNECT]++;
        finish(caller);
        return false;
    }
    if (crew.options.barrier && !crew.released) {
        caller->state = CALLER_BARRIER;
        crew.at_barrier++;
        return false;
    }
    caller->state = CALLER_SENDING;
    return true;
}

static bool step_sending(struct caller *caller)
{
    ssize_t n = send(caller->fd, crew.request + caller->sent, crew.request_len - caller->sent,
                     MSG_NOSIGNAL);
    if (n < 0 && errno == EAGAIN)
        return false;
    if (n < 0) {
        /* Refused half-way; the answer that says why may be there already. */
        caller->state = CALLER_READING;
        return true;
    }
    caller->sent += (size_t)n;
    if (caller->sent < crew.request_len)
        return true;
    caller->state = CALLER_READING;
    if (crew.leaving || crew.options.leave_after_ms == 0) {
        leave(caller);
    } else if (crew.options.leave_after_ms > 0) {
        caller->leaves = now_ns() + crew.options.leave_after_ms * MS;
        caller->queued = true;
        TAILQ_INSERT_TAIL(&crew.leavers, caller, entry);
    }
    return true;
}

static void answered(struct caller *caller)
{
    tally_answer(&crew.tally, caller->response.status, now_ns() - caller->started);
    unqueue(caller);
    if (caller->response.close || crew.options.new_connection)
        disconnect(caller);
    caller->state = CALLER_IDLE;
}

static bool step_reading(struct caller *caller)
{
    char data[65536];
    ssize_t n = recv(caller->fd, data, sizeof data, 0);
    if (n < 0 && errno == EAGAIN)
        return false;
    if (n <= 0) {
        response_closed(&caller->response);
        caller->response.close = true;
        if (caller->response.state == RESPONSE_BROKEN) {
            fail(caller, CALL_ERROR_CLOSED);
            return true;
        }
    } else {
        crew.tally.bytes += (size_t)n;
        /* More than the one answer that was asked for is as broken as less. */
        if (response_feed(&caller->response, data, (size_t)n) < (size_t)n)
            caller->response.state = RESPONSE_BROKEN;
    }
    if (caller->response.state == RESPONSE_BROKEN)
        fail(caller, CALL_ERROR_MALFORMED);
    else if (caller->response.state == RESPONSE_DONE)
        answered(caller);
    return true;
}

static bool step_left(struct caller *caller)
{
    char data[4096];
    ssize_t n = recv(caller->fd, data, sizeof data, 0);
    if (n < 0 && errno == EAGAIN)
        return false;
    if (n > 0) {
        crew.tally.bytes += (size_t)n;
        caller->response.status = -1;
        return true;
    }
    if (caller->response.status < 0)
        crew.tally.answered_after_leaving++;
    disconnect(caller);
    caller->state = CALLER_IDLE;
    return true;
}

static bool step(struct caller *caller)
{
    switch (caller->state) {
    case CALLER_IDLE:
        return step_idle(caller);
    case CALLER_CONNECTING:
        return step_connecting(caller);
    case CALLER_SENDING:
        return step_sending(caller);
    case CALLER_READING:
        return step_reading(caller);
    case CALLER_LEFT:
        return step_left(caller);
    case CALLER_BARRIER:
    case CALLER_DONE:
        break;
    }
    return false;
}

static void drive(struct caller *caller)
{
    while (step(caller)) {
    }
}

static void open_barrier(void)
{
    if (crew.released || crew.at_barrier == 0 || crew.at_barrier + crew.done < crew.options.count)
        return;
    crew.released = true;
    for (int i = 0; i < crew.options.count; i++) {
        struct caller *caller = &crew.callers[i];
        if (caller->state != CALLER_BARRIER)
            continue;
        caller->started = now_ns();
        caller->state = CALLER_SENDING;
        drive(caller);
    }
}

/* Those whose time has come, or all who have sent. */
static void let_leave(bool all)
{
    int64_t now = now_ns();
    struct caller *caller;
    while ((caller = TAILQ_FIRST(&crew.leavers)) != NULL && caller->leaves <= now) {
        leave(caller);
        drive(caller);
    }
    if (!all)
        return;
    crew.leaving = true;
    epoll_ctl(crew.epoll_fd, EPOLL_CTL_DEL, crew.options.leave_fd, NULL);
    for (int i = 0; i < crew.options.count; i++) {
        if (crew.callers[i].state == CALLER_READING) {
            leave(&crew.callers[i]);
            drive(&crew.callers[i]);
        }
    }
}

static int wait_ms(int64_t limit)
{
    const struct caller *first = TAILQ_FIRST(&crew.leavers);
    int64_t until = first != NULL && first->leaves < limit ? first->leaves : limit;
    int64_t ms = (until - now_ns() + MS - 1) / MS;
    return ms < 0 ? 0 : (int)ms;
}

static void run(int64_t limit)
{
    struct epoll_event events[EVENTS_MAX];
    for (int i = 0; i < crew.options.count; i++)
        drive(&crew.callers[i]);
    while (crew.done < crew.options.count && now_ns() < limit) {
        bool all_leave = false;
        int n = epoll_wait(crew.epoll_fd, events, EVENTS_MAX, wait_ms(limit));
        for (int i = 0; i < n; i++) {
            if (events[i].data.fd < 0)
                all_leave = true;
            else
                drive(&crew.callers[events[i].data.fd]);
        }
        open_barrier();
        let_leave(all_leave);
    }
    for (int i = 0; i < crew.options.count; i++) {
        if (crew.callers[i].state != CALLER_DONE) {
            fail(&crew.callers[i], CALL_ERROR_TIMEOUT);
            finish(&crew.callers[i]);
        }
    }
}

static void prepare(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    TAILQ_INIT(&crew.leavers);
    crew.callers = must_calloc((size_t)crew.options.count, sizeof *crew.callers);
    for (int i = 0; i < crew.options.count; i++)
        crew.callers[i].fd = -1;
    crew.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = -1};
    if (crew.options.leave_fd >= 0 &&
        epoll_ctl(crew.epoll_fd, EPOLL_CTL_ADD, crew.options.leave_fd, &event) != 0)
        usage_fault("callers: --leave-on-fd: %s", strerror(errno));
}

static bool all_well(void)
{
    const struct tally *tally = &crew.tally;
    int expect = crew.options.expect;
    return tally_errors(tally) == 0 && tally->answered + tally->left == tally->calls &&
           (expect == 0 || tally->status[expect] == tally->answered);
}

int main(int argc, char **argv)
{
    crew.options = (struct options){.count = 1,
                                    .requests = 1,
                                    .path = "/",
                                    .method = "GET",
                                    .leave_after_ms = -1,
                                    .leave_fd = -1,
                                    .timeout = 60};
    parse(&crew.options, argc, argv);
    make_request();
    prepare();

    int64_t start = now_ns();
    crew.end = start + (int64_t)(crew.options.seconds * 1e9);
    run(start + (int64_t)(crew.options.timeout * 1e9));
    tally_print(&crew.tally, (double)(now_ns() - start) / 1e9);

    bool ok = all_well();
    if (crew.options.leave_fd >= 0)
        close(crew.options.leave_fd);
    close(crew.epoll_fd);
    free(crew.callers);
    free(crew.tally.latency);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
