/*
 * Two kinds of descriptor are watched: the connections, which libcurl opens and closes through our
 * functions, and those it makes itself (a resolver's wake-up pair), which we only hear of while
 * they are watched.
 *
 * A connection's watch lives as long as its descriptor. libcurl says REMOVE when a transfer has
 * ended and the connection goes into its cache: then we go on watching it for ourselves. Nothing
 * may come on an idle connection, so whatever comes (the server's closing, or bytes that would be
 * taken for the answer to the next request) condemns it: it is shut down, and what it brought is
 * thrown away. The server is rid of it at once, and libcurl finds it at its end: before it uses a
 * connection again it peeks, and would take bytes for a sign of life. This also spares each call
 * two epoll_ctl.
 *
 * uv_close takes the descriptor out of epoll at once, though its callback comes a turn later; so
 * the number may be reused, and watched anew, before the old handle's memory goes.
 */
#include "upstream/multi.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uthash.h>
#include <uv.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/metrics.h"

#undef uthash_malloc
#undef uthash_free
#define uthash_malloc(size) mem_alloc(size)
#define uthash_free(p, size) mem_free(p)

#define MULTI_MAGIC 0x3017a001u
#define WATCH_MAGIC 0x3017a002u

/* Cells of METRIC_UPSTREAM_CONNECTIONS. */
enum { CELL_ACTIVE, CELL_IDLE };

enum watch_state {
    WATCH_FOREIGN,   /* not a connection */
    WATCH_ACTIVE,    /* a connection with a transfer, or on its way to one */
    WATCH_IDLE,      /* in libcurl's cache */
    WATCH_CONDEMNED, /* idle, shut down; libcurl has yet to close it */
};

struct watch {
    unsigned magic;
    enum watch_state state;
    struct multi *multi; /* void once the handle is closing */
    uv_poll_t poll;
    int fd;
    int events; /* what it is watched for; 0: nothing */
    UT_hash_handle hh;
};

struct multi {
    unsigned magic;
    struct loop *loop;
    CURLM *curl;
    struct timer *timer;
    struct watch *watches; /* by descriptor */
    bool counted;
    struct multi_events events;
};

/* Tells whoever is interested what has ended. The last thing to do with a multi in a callback. */
static void harvest(struct multi *multi)
{
    CURLMsg *message;
    int left;
    bool any = false;

    while ((message = curl_multi_info_read(multi->curl, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE)
            continue;
        any = true;
        multi->events.ended(multi->events.arg, message->easy_handle, message->data.result);
    }
    if (any)
        multi->events.settled(multi->events.arg);
}

static void act(struct multi *multi, curl_socket_t fd, int flags)
{
    int running;

    MUST(curl_multi_socket_action(multi->curl, fd, flags, &running) == CURLM_OK);
    harvest(multi);
}

static void on_timer(void *arg)
{
    MAGIC_CAST(struct multi, multi, arg, MULTI_MAGIC);

    multi->timer = NULL;
    act(multi, CURL_SOCKET_TIMEOUT, 0);
}

static int set_timer(CURLM *curl, long timeout_ms, void *arg)
{
    MAGIC_CAST(struct multi, multi, arg, MULTI_MAGIC);

    (void)curl;
    timer_stop(&multi->timer);
    if (timeout_ms >= 0)
        multi->timer = timer_start(multi->loop, timeout_ms * MILLISECOND, on_timer, multi);
    return 0;
}

static void count(const struct multi *multi, enum watch_state state, int n)
{
    if (multi->counted && state == WATCH_ACTIVE)
        metric_add(METRIC_UPSTREAM_CONNECTIONS, CELL_ACTIVE, n);
    if (multi->counted && state == WATCH_IDLE)
        metric_add(METRIC_UPSTREAM_CONNECTIONS, CELL_IDLE, n);
}

static void set_state(struct watch *watch, enum watch_state state)
{
    if (watch->state == state)
        return;
    count(watch->multi, watch->state, -1);
    watch->state = state;
    count(watch->multi, watch->state, 1);
}

/* After the shutdown the kernel takes no more: what is there is all. */
static void throw_away(int fd)
{
    char bytes[4096];

    while (recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
        ;
}

static void condemn(struct watch *watch)
{
    set_state(watch, WATCH_CONDEMNED);
    watch->events = 0;
    uv_poll_stop(&watch->poll);
    (void)shutdown(watch->fd, SHUT_RDWR);
    throw_away(watch->fd);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    MAGIC_CAST(struct watch, watch, poll->data, WATCH_MAGIC);
    int flags = 0;

    if (watch->state == WATCH_IDLE) {
        condemn(watch);
        return;
    }
    if (status < 0)
        flags |= CURL_CSELECT_ERR;
    if ((events & UV_READABLE) != 0)
        flags |= CURL_CSELECT_IN;
    if ((events & UV_WRITABLE) != 0)
        flags |= CURL_CSELECT_OUT;
    act(watch->multi, watch->fd, flags);
}

/* uv_poll_start goes through epoll_ctl even where nothing changes. */
static void watch_for(struct watch *watch, int events)
{
    if (watch->events == events)
        return;
    watch->events = events;
    MUST(uv_poll_start(&watch->poll, events, on_poll) == 0);
}

/* NULL when the system refuses. */
static struct watch *watch_new(struct multi *multi, int fd, enum watch_state state)
{
    struct watch *watch = mem_zalloc(sizeof(*watch));

    if (uv_poll_init(loop_uv(multi->loop), &watch->poll, fd) != 0) {
        mem_free(watch);
        return NULL;
    }
    MAGIC_SET(watch, WATCH_MAGIC);
    watch->poll.data = watch;
    watch->multi = multi;
    watch->fd = fd;
    watch->state = state;
    count(multi, state, 1);
    HASH_ADD_INT(multi->watches, fd, watch);
    return watch;
}

static struct watch *watch_find(struct multi *multi, int fd)
{
    struct watch *watch;

    HASH_FIND_INT(multi->watches, &fd, watch);
    return watch;
}

static void on_watch_closed(uv_handle_t *handle)
{
    MAGIC_CAST(struct watch, watch, handle->data, WATCH_MAGIC);

    MAGIC_CLEAR(watch);
    mem_free(watch);
}

static void watch_end(struct watch *watch)
{
    HASH_DEL(watch->multi->watches, watch);
    count(watch->multi, watch->state, -1);
    watch->multi = NULL;
    uv_close((uv_handle_t *)&watch->poll, on_watch_closed);
}

static void watch_rest(struct watch *watch)
{
    if (watch->state == WATCH_FOREIGN) {
        watch_end(watch);
        return;
    }
    if (watch->state == WATCH_CONDEMNED)
        return;
    set_state(watch, WATCH_IDLE);
    watch_for(watch, UV_READABLE);
}

static int set_watch(CURL *easy, curl_socket_t fd, int what, void *arg, void *unused)
{
    MAGIC_CAST(struct multi, multi, arg, MULTI_MAGIC);
    struct watch *watch = watch_find(multi, fd);

    (void)easy;
    (void)unused;
    if (what == CURL_POLL_REMOVE) {
        if (watch != NULL)
            watch_rest(watch);
        return 0;
    }
    if (watch == NULL)
        watch = watch_new(multi, fd, WATCH_FOREIGN);
    MUST(watch != NULL); /* the kernel has no memory left for one more watch */
    if (watch->state != WATCH_FOREIGN)
        set_state(watch, WATCH_ACTIVE);
    watch_for(watch, ((what & CURL_POLL_IN) != 0 ? UV_READABLE : 0) |
                         ((what & CURL_POLL_OUT) != 0 ? UV_WRITABLE : 0));
    return 0;
}

static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    MAGIC_CAST(struct multi, multi, arg, MULTI_MAGIC);
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
                    address->protocol);

    (void)purpose;
    if (fd < 0)
        return CURL_SOCKET_BAD;
    if (watch_new(multi, fd, WATCH_ACTIVE) == NULL) {
        close(fd);
        return CURL_SOCKET_BAD;
    }
    return fd;
}

static int close_socket(void *arg, curl_socket_t fd)
{
    MAGIC_CAST(struct multi, multi, arg, MULTI_MAGIC);
    struct watch *watch = watch_find(multi, fd);

    MUST(watch != NULL);
    watch_end(watch);
    return close(fd);
}

void multi_adopt(struct multi *multi, CURL *easy)
{
    MAGIC_OK(multi, MULTI_MAGIC);
    MUST(curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket) == CURLE_OK);
    MUST(curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, multi) == CURLE_OK);
    MUST(curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket) == CURLE_OK);
    MUST(curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, multi) == CURLE_OK);
}

static void set_options(struct multi *multi, long max_connections)
{
    CURLM *curl = multi->curl;

    MUST(curl_multi_setopt(curl, CURLMOPT_SOCKETFUNCTION, set_watch) == CURLM_OK);
    MUST(curl_multi_setopt(curl, CURLMOPT_SOCKETDATA, multi) == CURLM_OK);
    MUST(curl_multi_setopt(curl, CURLMOPT_TIMERFUNCTION, set_timer) == CURLM_OK);
    MUST(curl_multi_setopt(curl, CURLMOPT_TIMERDATA, multi) == CURLM_OK);
    MUST(curl_multi_setopt(curl, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING) == CURLM_OK);
    /* How many may be idle, and how many there may be; a new one takes an idle one's place. */
    MUST(curl_multi_setopt(curl, CURLMOPT_MAXCONNECTS, max_connections) == CURLM_OK);
    MUST(curl_multi_setopt(curl, CURLMOPT_MAX_TOTAL_CONNECTIONS, max_connections) == CURLM_OK);
}

struct multi *multi_new(struct loop *loop, size_t max_connections, bool counted,
                        const struct multi_events *events)
{
    struct multi *multi = mem_zalloc(sizeof(*multi));

    multi->curl = curl_multi_init();
    if (multi->curl == NULL) {
        mem_free(multi);
        return NULL;
    }
    MAGIC_SET(multi, MULTI_MAGIC);
    multi->loop = loop;
    multi->counted = counted;
    multi->events = *events;
    set_options(multi, (long)max_connections);
    return multi;
}

void multi_free(struct multi *multi)
{
    struct watch *watch, *next;

    MAGIC_OK(multi, MULTI_MAGIC);
    MUST(curl_multi_cleanup(multi->curl) == CURLM_OK);
    timer_stop(&multi->timer);
    /* libcurl closes without a word what it made itself. */
    HASH_ITER(hh, multi->watches, watch, next)
    {
        MUST(watch->state == WATCH_FOREIGN);
        watch_end(watch);
    }
    MAGIC_CLEAR(multi);
    mem_free(multi);
}

enum err multi_add(struct multi *multi, CURL *easy)
{
    MAGIC_OK(multi, MULTI_MAGIC);
    return curl_multi_add_handle(multi->curl, easy) == CURLM_OK ? ERR_OK : ERR_SYSTEM;
}

void multi_remove(struct multi *multi, CURL *easy)
{
    MAGIC_OK(multi, MULTI_MAGIC);
    MUST(curl_multi_remove_handle(multi->curl, easy) == CURLM_OK);
}
