/*
 * An alarm is a timerfd on CLOCK_BOOTTIME. libuv's timers count a clock that stands still while the
 * machine sleeps: after an hour's nap a renewal would come an hour late, with a token long expired.
 */
#include "runtime/loop_internal.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"

#define ALARM_MAGIC 0xa1a20001u

struct alarm {
    unsigned magic;
    int fd;
    uv_poll_t poll;
    void (*fire)(void *arg);
    void *arg;
};

static void on_readable(uv_poll_t *poll, int status, int events)
{
    MAGIC_CAST(struct alarm, alarm, poll->data, ALARM_MAGIC);
    uint64_t times;

    (void)status;
    (void)events;
    loop_awake(poll->loop);
    /* Nothing to read: it was set anew after it became readable, in this very turn. */
    if (read(alarm->fd, &times, sizeof(times)) == (ssize_t)sizeof(times))
        alarm->fire(alarm->arg);
}

struct alarm *alarm_new(struct loop *loop, void (*fire)(void *arg), void *arg)
{
    struct alarm *alarm = mem_zalloc(sizeof(*alarm));

    MAGIC_OK(loop, LOOP_MAGIC);
    MAGIC_SET(alarm, ALARM_MAGIC);
    alarm->fire = fire;
    alarm->arg = arg;
    alarm->fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
    if (alarm->fd < 0)
        goto out;
    if (uv_poll_init(&loop->uv, &alarm->poll, alarm->fd) != 0)
        goto out_fd;
    alarm->poll.data = alarm;
    MUST(uv_poll_start(&alarm->poll, UV_READABLE, on_readable) == 0);
    return alarm;

out_fd:
    close(alarm->fd);
out:
    mem_free(alarm);
    return NULL;
}

static void on_closed(uv_handle_t *handle)
{
    MAGIC_CAST(struct alarm, alarm, handle->data, ALARM_MAGIC);

    MAGIC_CLEAR(alarm);
    mem_free(alarm);
}

void alarm_free(struct alarm *alarm)
{
    if (alarm == NULL)
        return;
    MAGIC_OK(alarm, ALARM_MAGIC);
    uv_close((uv_handle_t *)&alarm->poll, on_closed);
    close(alarm->fd); /* libuv has let go of it */
}

void alarm_set(struct alarm *alarm, struct mono_time when)
{
    struct itimerspec spec = {0};

    MAGIC_OK(alarm, ALARM_MAGIC);
    if (when.ns != MONO_NEVER.ns) {
        /* All zero would disarm it; the first nanosecond is as much past as any. */
        int64_t ns = when.ns > 0 ? when.ns : 1;

        spec.it_value.tv_sec = ns / SECOND;
        spec.it_value.tv_nsec = ns % SECOND;
    }
    MUST(timerfd_settime(alarm->fd, TFD_TIMER_ABSTIME, &spec, NULL) == 0);
}
