/*
 * A connection with TLS stays one of libcurl's transfers (CURLOPT_CONNECT_ONLY) for as long as it
 * lives, because libcurl has the keys; bytes go through curl_easy_send and curl_easy_recv. These
 * search all connections of the multi, so each connection with TLS has a multi of its own.
 *
 * A connection without TLS is only a descriptor once it is open: libcurl hands it over, and the
 * handle is used again.
 *
 * libcurl asks the resolver in a thread for each name that is not in its cache, and a thread that
 * nobody waits for any more ends only when the resolver gives up: after 10 seconds, say. So many
 * callers, or a few that come and go, would fill the process with threads where the resolver does
 * not answer. Hence one connection asks at a time, the leader. Those that come meanwhile are
 * stopped when libcurl is about to ask, wait, and are started again when the answer is in its
 * cache; where the resolver says that there is none they fail with the leader. A leader that is
 * closed before is left to libcurl, until there is an answer, or until connect_timeout ends it.
 *
 * A leader without any answer may have lost a packet, which says little of the next question. Those
 * that waited for more than half of connect_timeout fail with it; the others ask again, one of them
 * as the leader. So no more than two leaders begin in each connect_timeout. Each of those that wait
 * has connect_timeout and no more.
 *
 * A connection is watched for reading from the moment it is open to its end, whether it is idle or
 * in use, so that no lookup pays for a change. libuv is level-triggered here: what is not read is
 * reported again. Not so an error: libuv reports it once and watches no more, though there may be
 * bytes to read before it. So from then on reading goes on until it finds the error.
 */
#include "upstream/connection.h"

#include <errno.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>
#include <uv.h>

#include "base/check.h"
#include "base/mem.h"

#define CONNECTION_MAGIC 0x11e40001u

struct connection {
    unsigned magic;
    const struct connection_shared *shared;
    struct connection_user *user; /* NULL: closed, but it is still the leader */
    struct multi_transfer transfer;
    struct multi *multi;     /* its own, or the shared one */
    CURL *easy;              /* NULL: the connection is only a descriptor */
    struct mono_time opened; /* when that began */
    int fd;                  /* -1: not open yet */
    bool watched;            /* the handle below is the loop's */
    bool stopped;            /* the leader asks; the transfer is about to end */
    bool waits;              /* it is in the list of those that wait, and the transfer has ended */
    bool resolved;           /* the resolver has answered */
    bool failed;             /* an error was reported, and nothing is reported any more */
    struct connection *prev, *next;
    uv_poll_t watch;
    char *error_text; /* libcurl's description of an error, while it is being opened */
};

static void connection_free(struct connection *connection)
{
    MAGIC_CLEAR(connection);
    mem_free(connection);
}

static void on_watch_closed(uv_handle_t *handle)
{
    MAGIC_CAST(struct connection, connection, handle->data, CONNECTION_MAGIC);

    connection_free(connection);
}

/* Gives the handle back; `open`: the descriptor stays open. */
static void release_handle(struct connection *connection, bool open)
{
    if (connection->easy == NULL)
        return;
    if (open)
        multi_remove_open(connection->multi, connection->easy, connection->fd);
    else if (!connection->waits)
        multi_remove(connection->multi, connection->easy);
    handles_give_back(connection->shared->handles, connection->easy);
    connection->easy = NULL;
    if (connection->multi != connection->shared->multi)
        multi_free(connection->multi);
    connection->multi = NULL;
    mem_free(connection->error_text);
    connection->error_text = NULL;
}

/*
 * Tells the peer that the TLS connection ends here (close_notify), as RFC 8446, 6.1 demands.
 * libcurl 7.88 does that itself; 8.14 closes a connect-only connection without it. OpenSSL sends
 * the message once, even when it is asked twice.
 */
static void end_tls(struct connection *connection)
{
    struct curl_tlssessioninfo *session = NULL;

    if (connection->easy == NULL || !connection->watched)
        return;
    if (curl_easy_getinfo(connection->easy, CURLINFO_TLS_SSL_PTR, &session) == CURLE_OK &&
        session != NULL && session->backend == CURLSSLBACKEND_OPENSSL && session->internals != NULL)
        SSL_shutdown(session->internals);
}

/* TLS ends with a message to the peer, so the handle is released before the descriptor closes. */
static void dismantle(struct connection *connection)
{
    bool ours = connection->easy == NULL;

    if (connection->watched)
        uv_close((uv_handle_t *)&connection->watch, on_watch_closed);
    end_tls(connection);
    release_handle(connection, false);
    if (ours)
        close(connection->fd);
    if (!connection->watched)
        connection_free(connection);
}

/* Given up, perhaps while it is being opened; no leader. */
static void give_up(struct connection *connection)
{
    if (connection->waits)
        DL_DELETE(connection->shared->resolving->waiting, connection);
    dismantle(connection);
}

void connection_close(struct connection *connection)
{
    MAGIC_OK(connection, CONNECTION_MAGIC);
    if (connection->shared->resolving->leader == connection)
        connection->user = NULL;
    else
        give_up(connection);
}

static void on_watch(uv_poll_t *watch, int status, int events)
{
    MAGIC_CAST(struct connection, connection, watch->data, CONNECTION_MAGIC);

    (void)events;
    connection->failed = connection->failed || status < 0;
    loop_awake(watch->loop);
    connection->user->ready(connection->user);
}

static bool watch_it(struct connection *connection)
{
    if (uv_poll_init(loop_uv(connection->shared->loop), &connection->watch, connection->fd) != 0)
        return false;
    connection->watch.data = connection;
    connection->watched = true;
    return uv_poll_start(&connection->watch, UV_READABLE, on_watch) == 0;
}

/* Takes the open connection over from libcurl; with TLS, only the watching. */
static bool take_over(struct connection *connection)
{
    curl_socket_t fd = CURL_SOCKET_BAD;

    if (curl_easy_getinfo(connection->easy, CURLINFO_ACTIVESOCKET, &fd) != CURLE_OK ||
        fd == CURL_SOCKET_BAD)
        return false;
    connection->fd = fd;
    if (!connection->shared->tls)
        release_handle(connection, true);
    return watch_it(connection);
}

/* ---- one asks the resolver ---- */

/* libcurl is up the stack. */
static bool on_resolves(struct multi_transfer *transfer)
{
    struct connection *connection = CONTAINER_OF(transfer, struct connection, transfer);
    struct connection_resolving *resolving = connection->shared->resolving;

    MAGIC_OK(connection, CONNECTION_MAGIC);
    if (resolving->leader == NULL)
        resolving->leader = connection;
    connection->stopped = resolving->leader != connection;
    return !connection->stopped;
}

static void on_resume(void *arg)
{
    struct connection_resolving *resolving = arg;
    struct connection *connection, *next, *all = resolving->waiting;
    struct mono_time now = mono_now();

    resolving->resume = NULL;
    resolving->waiting = NULL;
    DL_FOREACH_SAFE(all, connection, next)
    {
        DL_DELETE(all, connection);
        connection->waits = false;
        handles_resume(connection->shared->handles, connection->easy,
                       mono_diff(now, connection->opened));
        MEM_MUST(multi_add(connection->multi, connection->easy, &connection->transfer) == ERR_OK);
    }
}

static void resume_later(const struct connection_shared *shared)
{
    struct connection_resolving *resolving = shared->resolving;

    if (resolving->resume == NULL)
        resolving->resume = timer_start(shared->loop, 0, on_resume, resolving);
}

/* libcurl is up the stack. A leader that is closed already goes no further. */
static bool on_connects(struct multi_transfer *transfer)
{
    struct connection *connection = CONTAINER_OF(transfer, struct connection, transfer);
    struct connection_resolving *resolving = connection->shared->resolving;

    MAGIC_OK(connection, CONNECTION_MAGIC);
    connection->resolved = true;
    if (resolving->leader == connection)
        resume_later(connection->shared);
    if (connection->user == NULL)
        return false;
    if (resolving->leader == connection)
        resolving->leader = NULL;
    return true;
}

void connection_end_resolving(const struct connection_shared *shared)
{
    struct connection_resolving *resolving = shared->resolving;
    struct connection *leader = resolving->leader;

    MUST(resolving->waiting == NULL);
    timer_stop(&resolving->resume);
    timer_stop(&resolving->expire);
    resolving->leader = NULL;
    if (leader != NULL)
        dismantle(leader);
}

/* ---- how it ended ---- */

static void fail(struct connection *connection, enum client_error error, const char *text)
{
    struct connection_user *user = connection->user;

    user->os_error = handle_errno(connection->easy);
    give_up(connection);
    user->opened(user, error, text);
}

/* Those that have waited for `limit` or longer. */
static void fail_waiting(struct connection_resolving *resolving, int64_t limit,
                         enum client_error error, const char *text)
{
    struct mono_time now = mono_now();

    while (resolving->waiting != NULL && mono_diff(now, resolving->waiting->opened) >= limit)
        fail(resolving->waiting, error, text);
}

static void expire_later(const struct connection_shared *shared);

static void on_expire(void *arg)
{
    const struct connection_shared *shared = arg;

    shared->resolving->expire = NULL;
    fail_waiting(shared->resolving, handles_connect_timeout(shared->handles), CLIENT_DNS,
                 "Resolving timed out");
    expire_later(shared);
}

/* One timer, for the oldest. */
static void expire_later(const struct connection_shared *shared)
{
    struct connection_resolving *resolving = shared->resolving;

    if (resolving->expire != NULL || resolving->waiting == NULL)
        return;
    int64_t waited = mono_diff(mono_now(), resolving->waiting->opened);
    resolving->expire = timer_start(shared->loop, handles_connect_timeout(shared->handles) - waited,
                                    on_expire, (void *)(uintptr_t)shared);
}

/* What was started again and has to wait once more may come in any order. */
static int by_arrival(const struct connection *a, const struct connection *b)
{
    return mono_before(a->opened, b->opened) ? -1 : 1;
}

static void wait_for_leader(struct connection *connection)
{
    struct connection_resolving *resolving = connection->shared->resolving;

    multi_remove(connection->multi, connection->easy);
    connection->stopped = false;
    connection->waits = true;
    DL_INSERT_INORDER(resolving->waiting, connection, by_arrival);
    expire_later(connection->shared);
    /* The leader may have had its answer, or have ended, between the stop and here. */
    if (resolving->leader == NULL)
        resume_later(connection->shared);
}

/* Its caller has left, so nobody else notes that the resolver knows no address. */
static void dismantle_leader(struct connection *connection, bool answer_is_good)
{
    if (!answer_is_good)
        handles_doubt_no_answer(connection->shared->handles, connection->opened);
    dismantle(connection);
}

/* `silent`: the resolver has said nothing, not even that there is no such name. */
static void fail_leader(struct connection *connection, enum client_error error, const char *text,
                        bool silent)
{
    const struct connection_shared *shared = connection->shared;
    struct connection_resolving *resolving = shared->resolving;
    bool resolved = connection->resolved;

    resolving->leader = NULL;
    if (connection->user != NULL)
        fail(connection, error, text);
    else
        dismantle_leader(connection, resolved || silent);
    if (!resolved)
        fail_waiting(resolving, silent ? handles_connect_timeout(shared->handles) / 2 : 0, error,
                     text);
    if (resolving->waiting != NULL)
        resume_later(shared);
}

static void on_ended(struct multi_transfer *transfer, CURLcode code)
{
    struct connection *connection = CONTAINER_OF(transfer, struct connection, transfer);
    struct connection_user *user = connection->user;
    char error_text[CURL_ERROR_SIZE] = "";

    MAGIC_OK(connection, CONNECTION_MAGIC);
    if (connection->stopped) {
        wait_for_leader(connection);
        return;
    }
    if (code == CURLE_OK && take_over(connection)) {
        user->opened(user, CLIENT_OK, "");
        return;
    }
    enum client_error error = CLIENT_INTERNAL;
    if (code != CURLE_OK) {
        error = handle_error(connection->easy, code, connection->error_text);
        memcpy(error_text, connection->error_text, sizeof(error_text));
    }
    if (connection->shared->resolving->leader == connection)
        fail_leader(connection, error, error_text, code == CURLE_OPERATION_TIMEDOUT);
    else
        fail(connection, error, error_text);
}

static bool start(struct connection *connection)
{
    HANDLE_SET(connection->easy, CURLOPT_HTTPGET, 1L);
    HANDLE_SET(connection->easy, CURLOPT_CONNECT_ONLY, 1L);
    HANDLE_SET(connection->easy, CURLOPT_ERRORBUFFER, connection->error_text);
    connection->multi =
        connection->shared->tls ? multi_new(connection->shared->loop) : connection->shared->multi;
    return connection->multi != NULL &&
           multi_add(connection->multi, connection->easy, &connection->transfer) == ERR_OK;
}

struct connection *connection_open(const struct connection_shared *shared,
                                   struct connection_user *user)
{
    CURL *easy = handles_take(shared->handles);

    if (easy == NULL)
        return NULL;
    struct connection *connection = mem_zalloc(sizeof(*connection));
    MAGIC_SET(connection, CONNECTION_MAGIC);
    connection->shared = shared;
    connection->user = user;
    connection->opened = mono_now();
    connection->fd = -1;
    connection->transfer.ended = on_ended;
    connection->transfer.resolves = on_resolves;
    connection->transfer.connects = on_connects;
    connection->easy = easy;
    connection->error_text = mem_zalloc(CURL_ERROR_SIZE);
    if (start(connection))
        return connection;
    handles_give_back(shared->handles, easy);
    if (connection->multi != NULL && connection->multi != shared->multi)
        multi_free(connection->multi);
    mem_free(connection->error_text);
    connection_free(connection);
    return NULL;
}

void connection_give(struct connection *connection, struct connection_user *user)
{
    MAGIC_OK(connection, CONNECTION_MAGIC);
    connection->user = user;
    if (connection->failed) /* whoever gets it is to know */
        connection_want_room(connection, false);
}

struct mono_time connection_opened(const struct connection *connection)
{
    MAGIC_OK(connection, CONNECTION_MAGIC);
    return connection->opened;
}

static enum connection_io from_curl(CURLcode code, size_t len)
{
    if (code == CURLE_AGAIN)
        return CONNECTION_AGAIN;
    if (code != CURLE_OK)
        return CONNECTION_BROKEN;
    return len > 0 ? CONNECTION_DONE : CONNECTION_END;
}

static enum connection_io from_system(ssize_t result, size_t *len)
{
    *len = result > 0 ? (size_t)result : 0;
    if (result > 0)
        return CONNECTION_DONE;
    if (result == 0)
        return CONNECTION_END;
    return errno == EAGAIN || errno == EINTR ? CONNECTION_AGAIN : CONNECTION_BROKEN;
}

enum connection_io connection_send(struct connection *connection, const char *data, size_t len,
                                   size_t *sent)
{
    MAGIC_OK(connection, CONNECTION_MAGIC);
    *sent = 0;
    if (connection->easy == NULL)
        return from_system(send(connection->fd, data, len, MSG_NOSIGNAL), sent);
    CURLcode code = curl_easy_send(connection->easy, data, len, sent);
    return from_curl(code, *sent);
}

/* One call reads all that a descriptor has, where `size` allows; of TLS it reads one record. */
enum connection_io connection_recv(struct connection *connection, char *out, size_t size,
                                   size_t *got, bool *more)
{
    MAGIC_OK(connection, CONNECTION_MAGIC);
    enum connection_io io;

    *got = 0;
    if (connection->easy == NULL) {
        io = from_system(recv(connection->fd, out, size, 0), got);
        *more = *got == size || connection->failed;
    } else {
        CURLcode code = curl_easy_recv(connection->easy, out, size, got);
        io = from_curl(code, *got);
        *more = true;
    }
    return io == CONNECTION_AGAIN && connection->failed ? CONNECTION_BROKEN : io;
}

void connection_want_room(struct connection *connection, bool wanted)
{
    MAGIC_OK(connection, CONNECTION_MAGIC);
    MUST(uv_poll_start(&connection->watch, UV_READABLE | (wanted ? UV_WRITABLE : 0), on_watch) ==
         0);
}
