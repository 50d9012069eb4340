/*
 * The way of a line: it is made whole in the thread that has something to say, put in that thread's
 * ring, and the writer (log_writer.c) writes it from there. What a line looks like is log_line.c's.
 *
 * Where there is no writer, at start and end, lines go to stderr at once, but even then not at the
 * price of hanging: a stderr that takes nothing for a while loses the line.
 */
#include "base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log_journal.h"
#include "base/log_line.h"
#include "base/log_ring.h"
#include "base/log_writer.h"
#include "base/text.h"

#define DIRECT_WAIT_MS 100

static atomic_int least_level = LOG_LEVEL_INFO;
static atomic_int present_format = LOG_FORMAT_TEXT;
static atomic_bool fd_is_journal; /* of the descriptor that log_start was given */

static pthread_mutex_t shared_lock = PTHREAD_MUTEX_INITIALIZER;
static struct log_ring *shared_ring; /* made by the first log_start, kept */

static _Thread_local struct log_ring *own_ring;
static _Thread_local bool unflushed;

/* JOURNAL_STREAM is "DEVICE:INODE" of the stream that leads to the journal (systemd.exec(5)). */
static bool is_journal(int fd)
{
    const char *stream = getenv("JOURNAL_STREAM");
    const char *colon = stream != NULL ? strchr(stream, ':') : NULL;
    uint64_t device, inode;
    struct stat st;

    return colon != NULL && text_parse_u64(stream, (size_t)(colon - stream), &device) &&
           text_parse_u64(colon + 1, strlen(colon + 1), &inode) && fstat(fd, &st) == 0 &&
           st.st_dev == device && st.st_ino == inode;
}

/* With the writer: the only one that has the journal's socket. */
static struct log_style style_now(void)
{
    return (struct log_style){
        .format = (enum log_format)atomic_load_explicit(&present_format, memory_order_relaxed),
        .journal = atomic_load_explicit(&fd_is_journal, memory_order_relaxed),
    };
}

/* Without it, straight to stderr. */
static struct log_style style_direct(void)
{
    struct log_style style = style_now();

    style.journal = is_journal(STDERR_FILENO);
    if (style.format == LOG_FORMAT_JOURNAL)
        style.format = LOG_FORMAT_TEXT;
    return style;
}

bool log_is_to_journal(void)
{
    return log_writer_is_running() ? style_now().journal : style_direct().journal;
}

int log_find_journal(void)
{
    return log_journal_look(LOG_JOURNAL_SOCKET);
}

enum err log_start(int fd)
{
    return log_start_beside(fd, LOG_JOURNAL_SOCKET);
}

enum err log_start_beside(int fd, const char *journal)
{
    if (shared_ring == NULL)
        shared_ring = log_writer_ring_add();
    atomic_store(&fd_is_journal, is_journal(fd));
    return log_writer_start(fd, journal, style_now);
}

void log_stop(void)
{
    const uint64_t lost = log_writer_stop();

    if (lost > 0)
        log_warning(NULL, "%" PRIu64 " log lines dropped at the end, at most", lost);
}

void log_configure(enum log_level level, enum log_format format)
{
    atomic_store_explicit(&least_level, (int)level, memory_order_relaxed);
    atomic_store_explicit(&present_format, (int)format, memory_order_relaxed);
}

bool log_enabled(enum log_level level)
{
    return (int)level >= atomic_load_explicit(&least_level, memory_order_relaxed);
}

void log_thread_start(void)
{
    if (own_ring == NULL)
        own_ring = log_writer_ring_add();
}

void log_thread_stop(void)
{
    if (own_ring == NULL)
        return;
    log_writer_ring_end(own_ring);
    own_ring = NULL;
    unflushed = false;
}

/* A pipe that is ready takes PIPE_BUF bytes without waiting, so it gets no more at a time. */
static void write_directly(const char *data, size_t len)
{
    while (len > 0) {
        struct pollfd pollfd = {.fd = STDERR_FILENO, .events = POLLOUT};
        ssize_t written;

        if (poll(&pollfd, 1, DIRECT_WAIT_MS) != 1)
            return;
        written = write(STDERR_FILENO, data, len < PIPE_BUF ? len : PIPE_BUF);
        if (written < 0)
            return;
        data += written;
        len -= (size_t)written;
    }
}

static bool put_shared(const struct log_line *line)
{
    pthread_mutex_lock(&shared_lock);
    bool done = shared_ring != NULL && log_ring_put(shared_ring, line->data, line->len);
    pthread_mutex_unlock(&shared_lock);
    return done;
}

static void put(enum log_level level, const struct log_line *line)
{
    bool shared = own_ring == NULL;
    bool done = shared ? put_shared(line) : log_ring_put(own_ring, line->data, line->len);

    if (!done)
        log_writer_count_dropped(1);
    if (shared || !done || level >= LOG_LEVEL_WARNING || log_ring_is_high(own_ring)) {
        log_writer_wake();
        unflushed = false;
    } else {
        unflushed = true;
    }
}

void log_fields(enum log_level level, const char *guid, const char *message,
                const struct log_field *fields, size_t count)
{
    int saved_errno = errno;
    struct log_line line;

    if (!log_enabled(level))
        return;
    bool running = log_writer_is_running();
    log_line_make(&line, running ? style_now() : style_direct(), wall_now(), level, guid, message,
                  fields, count);
    if (running)
        put(level, &line);
    else
        write_directly(line.data, line.len);
    errno = saved_errno;
}

static void __attribute__((format(printf, 5, 0)))
format_fields(enum log_level level, const char *guid, const struct log_field *fields, size_t count,
              const char *format, va_list args)
{
    /* One byte more than a line takes: a message cut here is then seen to be cut there. */
    char message[LOG_MESSAGE_MAX + 2];
    int saved_errno = errno;
    int len = vsnprintf(message, sizeof(message), format, args);

    errno = saved_errno;
    log_fields(level, guid, len >= 0 ? message : format, fields, count);
}

void log_write(enum log_level level, const char *guid, const char *format, ...)
{
    va_list args;

    if (!log_enabled(level))
        return;
    va_start(args, format);
    format_fields(level, guid, NULL, 0, format, args);
    va_end(args);
}

void log_write_fields(enum log_level level, const char *guid, const struct log_field *fields,
                      size_t count, const char *format, ...)
{
    va_list args;

    if (!log_enabled(level))
        return;
    va_start(args, format);
    format_fields(level, guid, fields, count, format, args);
    va_end(args);
}

void log_flush(void)
{
    if (unflushed)
        log_writer_wake();
    unflushed = false;
}

uint64_t log_dropped(void)
{
    return log_writer_dropped();
}
