/*
 * A link with TLS stays a transfer of libcurl's (CURLOPT_CONNECT_ONLY) for as long as it lives, for
 * the keys are libcurl's; bytes go through curl_easy_send and curl_easy_recv. These look for the
 * connection in all that the multi has open, so each such link has a multi of its own.
 *
 * A link without TLS is a descriptor, once it is open: libcurl hands it over, and the handle goes
 * back to be used again.
 *
 * A link is watched for reading from the time it is open to its end, whoever has it, so that no
 * lookup pays for changing that. libuv is level-triggered here: what is not read is told again.
 */
#include "upstream/link.h"

#include <errno.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "base/check.h"
#include "base/mem.h"
#include "upstream/errors.h"

#define LINK_MAGIC 0x11e40001u

struct link {
    unsigned magic;
    const struct link_means *means;
    struct link_user *user;
    struct multi_transfer transfer;
    struct multi *multi; /* its own, or that of the means */
    CURL *easy;          /* NULL: a descriptor is all it is */
    struct mono_time opened;
    int fd;       /* -1: not open yet */
    bool watched; /* the handle below is the loop's */
    uv_poll_t watch;
    char *words; /* libcurl's about an error, while it is being opened */
};

static void link_free(struct link *link)
{
    MAGIC_CLEAR(link);
    mem_free(link);
}

static void on_watch_closed(uv_handle_t *handle)
{
    MAGIC_CAST(struct link, link, handle->data, LINK_MAGIC);

    link_free(link);
}

/* Gives back what was libcurl's; `open`: but not the descriptor. */
static void part(struct link *link, bool open)
{
    if (link->easy == NULL)
        return;
    if (open)
        multi_remove_open(link->multi, link->easy, link->fd);
    else
        multi_remove(link->multi, link->easy);
    handles_give_back(link->means->handles, link->easy);
    link->easy = NULL;
    if (link->multi != link->means->multi)
        multi_free(link->multi);
    link->multi = NULL;
    mem_free(link->words);
    link->words = NULL;
}

/*
 * Says to the peer that the TLS connection ends here (close_notify), as RFC 8446, 6.1 demands.
 * libcurl 7.88 does that itself; 8.14 closes a connect-only connection without it. Said twice, it
 * goes out once.
 */
static void end_tls(struct link *link)
{
    struct curl_tlssessioninfo *session = NULL;

    if (link->easy == NULL || !link->watched)
        return;
    if (curl_easy_getinfo(link->easy, CURLINFO_TLS_SSL_PTR, &session) == CURLE_OK &&
        session != NULL && session->backend == CURLSSLBACKEND_OPENSSL && session->internals != NULL)
        SSL_shutdown(session->internals);
}

/* A TLS connection ends with a message to the peer, so it goes before the descriptor. */
void link_close(struct link *link)
{
    MAGIC_OK(link, LINK_MAGIC);
    bool ours = link->easy == NULL;

    if (link->watched)
        uv_close((uv_handle_t *)&link->watch, on_watch_closed);
    end_tls(link);
    part(link, false);
    if (ours)
        close(link->fd);
    if (!link->watched)
        link_free(link);
}

static void on_watch(uv_poll_t *watch, int status, int events)
{
    MAGIC_CAST(struct link, link, watch->data, LINK_MAGIC);

    (void)status; /* an error will be found by whoever reads */
    (void)events;
    link->user->ready(link->user);
}

static bool watch_it(struct link *link)
{
    if (uv_poll_init(loop_uv(link->means->loop), &link->watch, link->fd) != 0)
        return false;
    link->watch.data = link;
    link->watched = true;
    return uv_poll_start(&link->watch, UV_READABLE, on_watch) == 0;
}

/* Takes the open connection over from libcurl, or as much of it as there is to take. */
static bool take_over(struct link *link)
{
    curl_socket_t fd = CURL_SOCKET_BAD;

    if (curl_easy_getinfo(link->easy, CURLINFO_ACTIVESOCKET, &fd) != CURLE_OK ||
        fd == CURL_SOCKET_BAD)
        return false;
    link->fd = fd;
    link->opened = mono_now();
    if (!link->means->tls)
        part(link, true);
    return watch_it(link);
}

static void on_ended(struct multi_transfer *transfer, CURLcode code)
{
    struct link *link = CONTAINER_OF(transfer, struct link, transfer);
    struct link_user *user = link->user;
    char words[CURL_ERROR_SIZE] = "";

    MAGIC_OK(link, LINK_MAGIC);
    if (code == CURLE_OK && take_over(link)) {
        user->opened(user, CLIENT_OK, "");
        return;
    }
    enum client_error error = CLIENT_PROXY;
    if (code != CURLE_OK) {
        error = error_from_curl(link->easy, code, link->words);
        memcpy(words, link->words, sizeof(words));
    }
    link_close(link);
    user->opened(user, error, words);
}

static bool start(struct link *link)
{
    HANDLE_SET(link->easy, CURLOPT_HTTPGET, 1L);
    HANDLE_SET(link->easy, CURLOPT_CONNECT_ONLY, 1L);
    HANDLE_SET(link->easy, CURLOPT_ERRORBUFFER, link->words);
    link->multi = link->means->tls ? multi_new(link->means->loop) : link->means->multi;
    return link->multi != NULL && multi_add(link->multi, link->easy, &link->transfer) == ERR_OK;
}

struct link *link_open(const struct link_means *means, struct link_user *user)
{
    CURL *easy = handles_take(means->handles);

    if (easy == NULL)
        return NULL;
    struct link *link = mem_zalloc(sizeof(*link));
    MAGIC_SET(link, LINK_MAGIC);
    link->means = means;
    link->user = user;
    link->fd = -1;
    link->transfer.ended = on_ended;
    link->easy = easy;
    link->words = mem_zalloc(CURL_ERROR_SIZE);
    if (start(link))
        return link;
    handles_give_back(means->handles, easy);
    if (link->multi != NULL && link->multi != means->multi)
        multi_free(link->multi);
    mem_free(link->words);
    link_free(link);
    return NULL;
}

void link_give(struct link *link, struct link_user *user)
{
    MAGIC_OK(link, LINK_MAGIC);
    link->user = user;
}

struct mono_time link_opened(const struct link *link)
{
    MAGIC_OK(link, LINK_MAGIC);
    return link->opened;
}

static enum link_io from_curl(CURLcode code, size_t len)
{
    if (code == CURLE_AGAIN)
        return LINK_AGAIN;
    if (code != CURLE_OK)
        return LINK_BROKEN;
    return len > 0 ? LINK_DONE : LINK_END;
}

static enum link_io from_system(ssize_t result, size_t *len)
{
    *len = result > 0 ? (size_t)result : 0;
    if (result > 0)
        return LINK_DONE;
    if (result == 0)
        return LINK_END;
    return errno == EAGAIN || errno == EINTR ? LINK_AGAIN : LINK_BROKEN;
}

enum link_io link_send(struct link *link, const char *data, size_t len, size_t *sent)
{
    MAGIC_OK(link, LINK_MAGIC);
    *sent = 0;
    if (link->easy == NULL)
        return from_system(send(link->fd, data, len, MSG_NOSIGNAL), sent);
    CURLcode code = curl_easy_send(link->easy, data, len, sent);
    return from_curl(code, *sent);
}

/* From a descriptor one call takes all there is, where there is room; of TLS it takes a record. */
enum link_io link_recv(struct link *link, char *out, size_t size, size_t *got, bool *more)
{
    MAGIC_OK(link, LINK_MAGIC);
    *got = 0;
    if (link->easy == NULL) {
        enum link_io io = from_system(recv(link->fd, out, size, 0), got);
        *more = *got == size;
        return io;
    }
    *more = true;
    CURLcode code = curl_easy_recv(link->easy, out, size, got);
    return from_curl(code, *got);
}

void link_want_room(struct link *link, bool wanted)
{
    MAGIC_OK(link, LINK_MAGIC);
    MUST(uv_poll_start(&link->watch, UV_READABLE | (wanted ? UV_WRITABLE : 0), on_watch) == 0);
}
