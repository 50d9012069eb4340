/*
 * A duplicate of the descriptor keeps the connection when libmicrohttpd, which does not wait for
 * its callers, closes its own.
 */
#include "front/linger.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>
#include <uv.h>

#include "base/check.h"
#include "base/mem.h"

#define LINGER_MAGIC 0x4c494e47u
#define LINGER_TIME SECOND
#define LINGER_BYTES ((size_t)1024 * 1024)

struct lingering {
    unsigned magic;
    uv_poll_t poll;
    struct timer *timer;
    struct lingers *lingers;
    struct server_app *app;
    struct server_quota *quota;
    int fd;
    size_t left; /* bytes that it may still read */
    struct lingering *prev, *next;
};

/* False where the caller has ended its half, or has sent more than it may. */
static bool drop_unread(int fd, size_t *left)
{
    char unread[16 * 1024];
    while (*left > 0) {
        const ssize_t got = recv(fd, unread, sizeof(unread), MSG_DONTWAIT);
        if (got <= 0)
            return got < 0 && (errno == EAGAIN || errno == EINTR);
        *left -= (size_t)got < *left ? (size_t)got : *left;
    }
    return false;
}

static void closed(uv_handle_t *handle)
{
    MAGIC_CAST(struct lingering, linger, handle->data, LINGER_MAGIC);
    MAGIC_CLEAR(linger);
    mem_free(linger);
}

static void end(void *arg)
{
    MAGIC_CAST(struct lingering, linger, arg, LINGER_MAGIC);
    DL_DELETE(linger->lingers->first, linger);
    timer_stop(&linger->timer);
    server_app_leave(linger->app, linger->quota);
    uv_close((uv_handle_t *)&linger->poll, closed);
    close(linger->fd);
}

static void late(void *arg)
{
    MAGIC_CAST(struct lingering, linger, arg, LINGER_MAGIC);
    linger->timer = NULL;
    end(linger);
}

static void readable(uv_poll_t *poll, int status, int events)
{
    MAGIC_CAST(struct lingering, linger, poll->data, LINGER_MAGIC);
    (void)events;
    loop_awake(poll->loop);
    if (status != 0 || !drop_unread(linger->fd, &linger->left))
        end(linger);
}

void linger_begin(struct lingers *lingers, struct loop *loop, struct server_app *app,
                  struct server_quota *quota, int fd)
{
    size_t left = LINGER_BYTES;
    shutdown(fd, SHUT_WR);
    const int own = drop_unread(fd, &left) ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
    if (own < 0)
        return;
    struct lingering *linger = mem_zalloc(sizeof(*linger));
    if (uv_poll_init(loop_uv(loop), &linger->poll, own) != 0) {
        mem_free(linger);
        close(own);
        return;
    }
    MAGIC_SET(linger, LINGER_MAGIC);
    linger->poll.data = linger;
    linger->lingers = lingers;
    linger->app = app;
    linger->quota = quota;
    linger->fd = own;
    linger->left = left;
    server_app_join(app, quota);
    DL_APPEND(lingers->first, linger);
    linger->timer = timer_start(loop, LINGER_TIME, late, linger);
    MUST(uv_poll_start(&linger->poll, UV_READABLE, readable) == 0);
}

void lingers_stop(struct lingers *lingers)
{
    while (lingers->first != NULL)
        end(lingers->first);
}
