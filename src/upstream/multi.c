/*
 * A descriptor is watched for as long as libcurl asks for it. libcurl 7.88 closes a socket that is
 * still connecting without calling the function that was given to it for closing. Only afterwards
 * does it say that the socket needs no more watching. By then the number may belong to another
 * thread, or to its own next socket, and about that one it says nothing at all.
 *
 * So a duplicate is watched: its number belongs to the watch alone while it is in epoll. The
 * connection ends with the watch, in the same call of libcurl's. A new socket whose number still
 * has a watch replaces the old one in it. Where no descriptor is left for a duplicate, the socket
 * itself is watched.
 *
 * When an address does not respond, libcurl 7.88 prepares the next one, says that nothing is to be
 * watched, and opens the socket when it is next called for that transfer: which happens only when
 * its timeout ends. The same holds when a socket cannot be opened, or fails in connect() itself. So
 * a transfer that is left with nothing to wait for (it is stalled) is called once more.
 *
 * uv_close takes the descriptor out of epoll at once, though its callback comes a turn later; so
 * the number may be reused, and watched again, before the old handle is freed.
 */
#include "upstream/multi.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uthash.h>
#include <utlist.h>
#include <uv.h>

#include "base/check.h"
#include "base/mem.h"

#undef uthash_malloc
#undef uthash_free
#define uthash_malloc(size) mem_alloc(size)
#define uthash_free(p, size) mem_free(p)

#define MULTI_MAGIC 0x3017a001u
#define WATCH_MAGIC 0x3017a002u

struct watch {
    unsigned magic;
    struct multi *multi; /* NULL once the handle is closing */
    uv_poll_t poll;
    int fd;     /* the number that libcurl uses */
    int own;    /* what is in epoll: the duplicate, or `fd` itself */
    int events; /* what it is watched for */
    UT_hash_handle hh;
};

struct multi {
    unsigned magic;
    struct loop *loop;
    CURLM *curl;
    struct timer *timer;
    struct watch *watches;            /* by descriptor */
    struct multi_transfer *transfers; /* by libcurl's handle */
    struct multi_transfer *stalled;
    int released; /* not to be closed with its transfer; -1: none */
    bool busy;    /* libcurl or an `ended` callback is up the stack */
    bool freed;   /* multi_free was called meanwhile */
};

static void dismantle(struct multi *multi);

/*
 * NULL for a handle of libcurl's own, with which it closes cached connections. CURLINFO_PRIVATE
 * does not help: in the callbacks libcurl 8.23 rejects it for such a handle.
 */
static struct multi_transfer *transfer_of(struct multi *multi, CURL *easy)
{
    struct multi_transfer *transfer;

    HASH_FIND_PTR(multi->transfers, &easy, transfer);
    return transfer;
}

/* `transfer` may be NULL. */
static void clear_stalled(struct multi *multi, struct multi_transfer *transfer)
{
    if (transfer == NULL || !transfer->stalled)
        return;
    transfer->stalled = false;
    DL_DELETE(multi->stalled, transfer);
}

static void mark_stalled(struct multi *multi, struct multi_transfer *transfer)
{
    if (transfer == NULL || transfer->stalled)
        return;
    transfer->stalled = true;
    DL_APPEND(multi->stalled, transfer);
}

/* Calls `ended` of the transfers that have ended. */
static void report_ended(struct multi *multi)
{
    CURLMsg *message;
    int left;

    while (!multi->freed && (message = curl_multi_info_read(multi->curl, &left)) != NULL) {
        struct multi_transfer *transfer = transfer_of(multi, message->easy_handle);

        MUST(transfer != NULL); /* libcurl's own handles report nothing */
        if (message->msg == CURLMSG_DONE) {
            clear_stalled(multi, transfer);
            transfer->ended(transfer, message->data.result);
        }
    }
}

static void run(struct multi *multi, curl_socket_t fd, int flags)
{
    int running;
    CURLMcode code = curl_multi_socket_action(multi->curl, fd, flags, &running);

    MEM_MUST(code != CURLM_OUT_OF_MEMORY);
    MUST(code == CURLM_OK);
    report_ended(multi);
}

/* Pausing and resuming is libcurl's only way to have one transfer called. */
static void call_stalled(struct multi *multi)
{
    while (multi->stalled != NULL) {
        struct multi_transfer *transfer = multi->stalled;

        clear_stalled(multi, transfer);
        MUST(curl_easy_pause(transfer->easy, CURLPAUSE_ALL) == CURLE_OK);
        MUST(curl_easy_pause(transfer->easy, CURLPAUSE_CONT) == CURLE_OK);
    }
}

static void act(struct multi *multi, curl_socket_t fd, int flags)
{
    multi->busy = true;
    run(multi, fd, flags);
    while (!multi->freed && multi->stalled != NULL) {
        call_stalled(multi);
        run(multi, CURL_SOCKET_TIMEOUT, 0);
    }
    multi->busy = false;
    if (multi->freed)
        dismantle(multi);
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

static void on_poll(uv_poll_t *poll, int status, int events)
{
    MAGIC_CAST(struct watch, watch, poll->data, WATCH_MAGIC);
    int flags = 0;

    loop_awake(poll->loop);
    if (status < 0)
        flags |= CURL_CSELECT_ERR;
    if ((events & UV_READABLE) != 0)
        flags |= CURL_CSELECT_IN;
    if ((events & UV_WRITABLE) != 0)
        flags |= CURL_CSELECT_OUT;
    act(watch->multi, watch->fd, flags);
}

/* uv_poll_start calls epoll_ctl even where nothing changes. */
static void watch_for(struct watch *watch, int events)
{
    if (watch->events == events)
        return;
    watch->events = events;
    MUST(uv_poll_start(&watch->poll, events, on_poll) == 0);
}

/* NULL when the system fails. */
static struct watch *watch_new(struct multi *multi, int fd)
{
    struct watch *watch = mem_zalloc(sizeof(*watch));
    int duplicate = fcntl(fd, F_DUPFD_CLOEXEC, 0);

    watch->own = duplicate >= 0 ? duplicate : fd;
    if (uv_poll_init(loop_uv(multi->loop), &watch->poll, watch->own) != 0) {
        if (duplicate >= 0)
            close(duplicate);
        mem_free(watch);
        return NULL;
    }
    MAGIC_SET(watch, WATCH_MAGIC);
    watch->poll.data = watch;
    watch->multi = multi;
    watch->fd = fd;
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
    watch->multi = NULL;
    uv_close((uv_handle_t *)&watch->poll, on_watch_closed);
    if (watch->own != watch->fd)
        close(watch->own);
}

static int set_watch(CURL *easy, curl_socket_t fd, int what, void *arg, void *unused)
{
    MAGIC_CAST(struct multi, multi, arg, MULTI_MAGIC);
    struct watch *watch = watch_find(multi, fd);

    (void)unused;
    if (what == CURL_POLL_REMOVE) {
        mark_stalled(multi, transfer_of(multi, easy));
        if (watch != NULL)
            watch_end(watch);
        return 0;
    }
    clear_stalled(multi, transfer_of(multi, easy));
    if (watch == NULL)
        watch = watch_new(multi, fd);
    MEM_MUST(watch != NULL); /* the kernel has no memory left for one more watch */
    watch_for(watch, ((what & CURL_POLL_IN) != 0 ? UV_READABLE : 0) |
                         ((what & CURL_POLL_OUT) != 0 ? UV_WRITABLE : 0));
    return 0;
}

/* For a new socket with the number of one that libcurl has closed and believes to be watched. */
static void rewatch(struct multi *multi, struct watch *old)
{
    int fd = old->fd;
    int events = old->events;

    watch_end(old);
    struct watch *watch = watch_new(multi, fd);
    MEM_MUST(watch != NULL);
    watch_for(watch, events);
}

static int start_resolver(void *state, void *reserved, void *arg)
{
    struct multi_transfer *transfer = arg;

    (void)state;
    (void)reserved;
    return transfer->resolves == NULL || transfer->resolves(transfer) ? 0 : 1;
}

static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct multi_transfer *transfer = arg;
    struct multi *multi = transfer->multi;

    (void)purpose;
    mark_stalled(multi, transfer); /* until something is watched: connect() may fail before */
    if (transfer->connects != NULL && !transfer->connects(transfer))
        return CURL_SOCKET_BAD;
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
                    address->protocol);
    if (fd < 0)
        return CURL_SOCKET_BAD;
    struct watch *stale = watch_find(multi, fd);
    if (stale != NULL)
        rewatch(multi, stale);
    return fd;
}

static int close_socket(void *arg, curl_socket_t fd)
{
    MAGIC_CAST(struct multi, multi, arg, MULTI_MAGIC);
    struct watch *watch = watch_find(multi, fd);

    if (watch != NULL)
        watch_end(watch);
    if (fd == multi->released) {
        multi->released = -1;
        return 0;
    }
    return close(fd);
}

static void adopt(struct multi *multi, CURL *easy, struct multi_transfer *transfer)
{
    MUST(curl_easy_setopt(easy, CURLOPT_RESOLVER_START_FUNCTION, start_resolver) == CURLE_OK);
    MUST(curl_easy_setopt(easy, CURLOPT_RESOLVER_START_DATA, transfer) == CURLE_OK);
    MUST(curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket) == CURLE_OK);
    MUST(curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transfer) == CURLE_OK);
    MUST(curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket) == CURLE_OK);
    MUST(curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, multi) == CURLE_OK);
}

enum err multi_add(struct multi *multi, CURL *easy, struct multi_transfer *transfer)
{
    MAGIC_OK(multi, MULTI_MAGIC);
    transfer->multi = multi;
    transfer->easy = easy;
    transfer->stalled = false;
    adopt(multi, easy, transfer);
    HASH_ADD_PTR(multi->transfers, easy, transfer);
    if (curl_multi_add_handle(multi->curl, easy) == CURLM_OK)
        return ERR_OK;
    HASH_DEL(multi->transfers, transfer);
    return ERR_SYSTEM;
}

void multi_remove(struct multi *multi, CURL *easy)
{
    MAGIC_OK(multi, MULTI_MAGIC);
    struct multi_transfer *transfer = transfer_of(multi, easy);

    MUST(transfer != NULL);
    MUST(curl_multi_remove_handle(multi->curl, easy) == CURLM_OK);
    clear_stalled(multi, transfer);
    HASH_DEL(multi->transfers, transfer);
}

void multi_remove_open(struct multi *multi, CURL *easy, int fd)
{
    MAGIC_OK(multi, MULTI_MAGIC);
    multi->released = fd;
    multi_remove(multi, easy);
    MUST(multi->released == -1);
}

struct multi *multi_new(struct loop *loop)
{
    struct multi *multi = mem_zalloc(sizeof(*multi));
    CURLM *curl = curl_multi_init();

    if (curl == NULL) {
        mem_free(multi);
        return NULL;
    }
    MAGIC_SET(multi, MULTI_MAGIC);
    multi->loop = loop;
    multi->curl = curl;
    multi->released = -1;
    MUST(curl_multi_setopt(curl, CURLMOPT_SOCKETFUNCTION, set_watch) == CURLM_OK);
    MUST(curl_multi_setopt(curl, CURLMOPT_SOCKETDATA, multi) == CURLM_OK);
    MUST(curl_multi_setopt(curl, CURLMOPT_TIMERFUNCTION, set_timer) == CURLM_OK);
    MUST(curl_multi_setopt(curl, CURLMOPT_TIMERDATA, multi) == CURLM_OK);
    MUST(curl_multi_setopt(curl, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING) == CURLM_OK);
    return multi;
}

static void dismantle(struct multi *multi)
{
    struct watch *watch, *next;

    MUST(curl_multi_cleanup(multi->curl) == CURLM_OK);
    timer_stop(&multi->timer);
    /* libcurl closes its own sockets without calling close_socket. */
    HASH_ITER(hh, multi->watches, watch, next)
    {
        watch_end(watch);
    }
    MAGIC_CLEAR(multi);
    mem_free(multi);
}

void multi_free(struct multi *multi)
{
    MAGIC_OK(multi, MULTI_MAGIC);
    multi->freed = true;
    if (!multi->busy)
        dismantle(multi);
}
