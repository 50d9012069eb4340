/*
 * Nobody may wait for stderr or the journal but this thread: a pipe whose reader sleeps, and a
 * journal that reads nothing, block it alone, the rings fill, and lines are dropped and counted.
 * stderr is not made non-blocking for that, because the flag would be shared with every process
 * that has the same file open.
 *
 * Sleeping and waking: the writer says that it sleeps, then looks at the rings once more; who puts
 * a line says so first and then asks whether the writer sleeps. Both do the asking with an exchange
 * on the same flag, so one of the two sees the other, and no line is left behind.
 *
 * A writer that hangs when the process wants to end cannot be joined. It is left behind with a
 * reference of its own on all it touches, and if its write ever returns it goes quietly. What it
 * leaves in the rings is counted by the thread that left it.
 *
 * A journal that takes nothing has until the log ends, or until a reload wants lines elsewhere;
 * then its records go to stderr.
 */
#include "base/log_writer.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log_journal.h"
#include "base/log_pieces.h"
#include "base/mem.h"

/* One a worker, and the shared one; a thread that finds no slot shares too. */
#define SLOTS 128
#define STOP_SECONDS 1
/* For the journal, at a time: a reload and the end are noticed after it. */
#define JOURNAL_WAIT_MS 100

#define WRITER_MAGIC 0x10629217u

struct writer {
    unsigned magic;
    int fd;
    struct log_style (*style)(void);
    pthread_t thread;

    /* The writer's thread only. */
    struct log_journal journal;
    bool journal_absent; /* and said so */
    bool journal_left;   /* the log ends, and it has been waited for */

    atomic_uint_least64_t dropped_told;
    atomic_uint refs; /* one the thread's, one log_writer_stop's */
    sem_t wake;
    atomic_bool sleeping;
    atomic_bool stopping;  /* write what there is, then end */
    atomic_bool abandoned; /* end */
};

static pthread_mutex_t slots_lock = PTHREAD_MUTEX_INITIALIZER;
static struct log_ring *slots[SLOTS];
static _Atomic(struct writer *) running;
static atomic_uint_least64_t dropped;

void log_writer_count_dropped(uint64_t lines)
{
    atomic_fetch_add_explicit(&dropped, lines, memory_order_relaxed);
}

uint64_t log_writer_dropped(void)
{
    return atomic_load_explicit(&dropped, memory_order_relaxed);
}

static void writer_unref(struct writer *writer)
{
    if (atomic_fetch_sub(&writer->refs, 1) > 1)
        return;
    sem_destroy(&writer->wake);
    log_journal_fini(&writer->journal);
    MAGIC_CLEAR(writer);
    mem_free(writer);
}

static void wake(struct writer *writer)
{
    if (atomic_exchange(&writer->sleeping, false))
        sem_post(&writer->wake);
}

/* The ring in a slot, with a reference; NULL for none. */
static struct log_ring *slot_get(size_t i)
{
    pthread_mutex_lock(&slots_lock);
    struct log_ring *ring = slots[i] != NULL ? log_ring_ref(slots[i]) : NULL;
    pthread_mutex_unlock(&slots_lock);
    return ring;
}

/* Takes the ring out of the registry if it is still there, with the registry's reference. */
static void slot_clear(const struct log_ring *ring)
{
    struct log_ring *found = NULL;

    pthread_mutex_lock(&slots_lock);
    for (size_t i = 0; i < SLOTS && found == NULL; i++) {
        if (slots[i] == ring) {
            found = slots[i];
            slots[i] = NULL;
        }
    }
    pthread_mutex_unlock(&slots_lock);
    if (found != NULL)
        log_ring_unref(found);
}

/*
 * All of it, or, when the descriptor is broken, nothing more of it; how many lines were lost.
 * Abandoned, it counts none: log_writer_stop does.
 */
static uint64_t write_all(struct writer *writer, struct iovec *pieces, int count)
{
    while (count > 0 && !atomic_load(&writer->abandoned)) {
        ssize_t written = writev(writer->fd, pieces, count);

        if (written >= 0) {
            pieces_advance(&pieces, &count, (size_t)written);
        } else if (errno == EAGAIN) {
            /* Somebody else has made the shared file non-blocking. */
            struct pollfd pollfd = {.fd = writer->fd, .events = POLLOUT};

            poll(&pollfd, 1, STOP_SECONDS * 1000);
        } else if (errno != EINTR) {
            break;
        }
    }
    return atomic_load(&writer->abandoned) ? 0 : pieces_count(pieces, count, '\n');
}

/*
 * Says once that the journal is not used, on stderr, and once that it is again. `present`: it took
 * a record, or it did not.
 */
static void tell_journal(struct writer *writer, bool present, const char *message)
{
    struct log_style style;
    struct log_line line;

    if (writer->journal_absent != present)
        return;
    writer->journal_absent = !present;
    style = writer->style();
    style.format = LOG_FORMAT_TEXT;
    const char *error = present ? NULL : strerrordesc_np(writer->journal.error);
    const struct log_field fields[] = {LOG_TEXT("socket", writer->journal.path),
                                       LOG_TEXT("error", error)};
    log_line_make(&line, style, wall_now(), present ? LOG_LEVEL_NOTICE : LOG_LEVEL_WARNING, NULL,
                  message, fields, ARRAY_LEN(fields));
    struct iovec piece = {.iov_base = line.data, .iov_len = line.len};
    log_writer_count_dropped(write_all(writer, &piece, 1));
}

/* It takes nothing. Waits for it, or false: it is not waited for any more. */
static bool wait_for_journal(struct writer *writer)
{
    const bool stopping = atomic_load(&writer->stopping);

    if (atomic_load(&writer->abandoned))
        return true;
    if (stopping && writer->journal_left) {
        tell_journal(writer, false, "the journal takes nothing; log lines go to standard error");
        return false;
    }
    if (writer->style().format != LOG_FORMAT_JOURNAL)
        return false;
    log_journal_wait(&writer->journal, JOURNAL_WAIT_MS);
    writer->journal_left = stopping;
    return true;
}

/*
 * One call's worth of the records that `pieces` begin with: to the journal, or the first of them as
 * a line to stderr. How many bytes are done with; 0 after a wait for the journal.
 */
static size_t write_records(struct writer *writer, const struct iovec *pieces, int count)
{
    struct iovec line[4];
    size_t len = 0;

    switch (log_journal_send(&writer->journal, pieces, count, &len)) {
    case LOG_JOURNAL_TOOK:
        tell_journal(writer, true, "log lines go to the journal again");
        return len;
    case LOG_JOURNAL_FULL:
        if (wait_for_journal(writer))
            return 0;
        break;
    case LOG_JOURNAL_ABSENT:
        tell_journal(writer, false, "no journal; log lines go to standard error");
        break;
    case LOG_JOURNAL_REFUSED:
        break;
    }
    count = log_journal_line(pieces, count, line, &len);
    log_writer_count_dropped(write_all(writer, line, count));
    return len;
}

/* Writes what a ring holds, up to where the format changes; false when it was empty. */
static bool empty_ring(struct writer *writer, struct log_ring *ring)
{
    struct iovec pieces[2], lines[2];
    int count = log_ring_peek(ring, pieces);
    size_t len;

    if (count == 0)
        return false;
    len = pieces_find(pieces, count, 0, LOG_RECORD_START);
    if (len > 0)
        log_writer_count_dropped(
            write_all(writer, lines, pieces_part(pieces, count, 0, len, lines)));
    else
        len = write_records(writer, pieces, count);
    if (!atomic_load(&writer->abandoned))
        log_ring_drop(ring, len);
    return true;
}

/* One pass over all rings; false when none held anything. */
static bool empty_rings(struct writer *writer)
{
    bool any = false;

    for (size_t i = 0; i < SLOTS; i++) {
        struct log_ring *ring = slot_get(i);

        if (ring == NULL)
            continue;
        any |= empty_ring(writer, ring);
        if (log_ring_is_spent(ring))
            slot_clear(ring);
        log_ring_unref(ring);
    }
    return any;
}

static bool is_line_waiting(void)
{
    bool any = false;

    for (size_t i = 0; i < SLOTS && !any; i++) {
        struct log_ring *ring = slot_get(i);
        struct iovec pieces[2];

        if (ring == NULL)
            continue;
        any = log_ring_peek(ring, pieces) > 0;
        log_ring_unref(ring);
    }
    return any;
}

/* A line of the writer's own; false when it was lost. */
static bool write_line(struct writer *writer, struct log_line *line)
{
    struct iovec piece = {.iov_base = line->data, .iov_len = line->len};

    if (line->data[0] != LOG_RECORD_START)
        return write_all(writer, &piece, 1) == 0 && !atomic_load(&writer->abandoned);
    while (!atomic_load(&writer->abandoned)) {
        if (write_records(writer, &piece, 1) > 0)
            return true;
    }
    return false;
}

static void tell_dropped(struct writer *writer)
{
    uint64_t now = log_writer_dropped(), told = atomic_load(&writer->dropped_told);
    struct log_line line;
    char text[64];

    if (now == told)
        return;
    snprintf(text, sizeof(text), "%llu log lines dropped", (unsigned long long)(now - told));
    log_line_make(&line, writer->style(), wall_now(), LOG_LEVEL_WARNING, NULL, text, NULL, 0);
    if (write_line(writer, &line))
        atomic_store(&writer->dropped_told, now);
}

/* Returns when somebody woke it, or when there is no need to sleep. */
static void sleep_unless_needed(struct writer *writer)
{
    atomic_exchange(&writer->sleeping, true);
    if (!is_line_waiting() && !atomic_load(&writer->stopping)) {
        while (sem_wait(&writer->wake) != 0)
            ;
    }
    atomic_store(&writer->sleeping, false);
}

static void *writer_main(void *arg)
{
    MAGIC_CAST(struct writer, writer, arg, WRITER_MAGIC);

    while (!atomic_load(&writer->abandoned)) {
        bool stopping = atomic_load(&writer->stopping);
        bool any = empty_rings(writer);

        tell_dropped(writer);
        if (any)
            continue;
        if (stopping)
            break;
        sleep_unless_needed(writer);
    }
    writer_unref(writer);
    return NULL;
}

/* Signals are for other threads; SIGPIPE, too, must not hit the process for a lost stderr. */
static int create_without_signals(struct writer *writer)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int err = pthread_create(&writer->thread, NULL, writer_main, writer);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return err;
}

enum err log_writer_start(int fd, const char *journal, struct log_style (*style)(void))
{
    MUST(!log_writer_is_running());
    struct writer *writer = mem_zalloc(sizeof(*writer));

    MAGIC_SET(writer, WRITER_MAGIC);
    writer->fd = fd;
    writer->style = style;
    log_journal_init(&writer->journal, journal);
    atomic_init(&writer->dropped_told, log_writer_dropped());
    atomic_init(&writer->refs, 2);
    MUST(sem_init(&writer->wake, 0, 0) == 0);
    if (create_without_signals(writer) != 0) {
        sem_destroy(&writer->wake);
        mem_free(writer);
        return ERR_SYSTEM;
    }
    pthread_setname_np(writer->thread, "log");
    atomic_store(&running, writer);
    return ERR_OK;
}

/* Lines, and records, which hold newlines. */
static uint64_t count_lines(const struct iovec *pieces, int count)
{
    size_t len = pieces_length(pieces, count), at = 0;
    uint64_t n;

    for (n = 0; at < len; n++) {
        struct iovec first[2];
        bool record;

        pieces_part(pieces, count, at, at + 1, first);
        record = *(const char *)first[0].iov_base == LOG_RECORD_START;
        at = pieces_find(pieces, count, at, record ? LOG_RECORD_END : '\n') + 1;
    }
    return n;
}

/* What the rings of an abandoned writer hold. Who puts is silent by now. */
static uint64_t count_left(void)
{
    uint64_t lines = 0;

    for (size_t i = 0; i < SLOTS; i++) {
        struct log_ring *ring = slot_get(i);
        struct iovec pieces[2];

        if (ring == NULL)
            continue;
        lines += count_lines(pieces, log_ring_peek(ring, pieces));
        log_ring_unref(ring);
    }
    return lines;
}

/* How many lines are lost and not told. */
static uint64_t abandon(struct writer *writer)
{
    atomic_store(&writer->abandoned, true);
    pthread_detach(writer->thread);
    log_writer_count_dropped(count_left());
    return log_writer_dropped() - atomic_load(&writer->dropped_told);
}

uint64_t log_writer_stop(void)
{
    struct writer *writer = atomic_exchange(&running, NULL);
    struct timespec until;
    uint64_t lost = 0;

    if (writer == NULL)
        return 0;
    atomic_store(&writer->stopping, true);
    wake(writer);
    /* The only wait here that pthreads offer is on the wall clock; a step of it makes it longer or
     * shorter, once. */
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += STOP_SECONDS;
    if (pthread_timedjoin_np(writer->thread, NULL, &until) != 0)
        lost = abandon(writer);
    writer_unref(writer);
    return lost;
}

bool log_writer_is_running(void)
{
    return atomic_load_explicit(&running, memory_order_acquire) != NULL;
}

void log_writer_wake(void)
{
    struct writer *writer = atomic_load_explicit(&running, memory_order_acquire);

    if (writer != NULL)
        wake(writer);
}

struct log_ring *log_writer_ring_add(void)
{
    struct log_ring *ring = log_ring_new();
    bool added = false;

    pthread_mutex_lock(&slots_lock);
    for (size_t i = 0; i < SLOTS && !added; i++) {
        if (slots[i] == NULL) {
            slots[i] = log_ring_ref(ring);
            added = true;
        }
    }
    pthread_mutex_unlock(&slots_lock);
    if (added)
        return ring;
    log_ring_unref(ring);
    return NULL;
}

void log_writer_ring_end(struct log_ring *ring)
{
    log_ring_close(ring);
    if (log_writer_is_running())
        log_writer_wake();
    else
        slot_clear(ring); /* nobody is there to see that it is spent */
    log_ring_unref(ring);
}
