/*
 * Why not sd_journal_sendv: it waits for a journal that reads nothing, with no limit and with every
 * thread's lines behind it; it says nothing of a journal that is not there, and the line is lost
 * without a count; and it wants the fields of a line one by one, which lie here as one text. The
 * protocol is documented, and records that hold no newline in a value need one datagram.
 *
 * The socket may be gone for a time, or for ever: in a container, or while the journal's socket
 * unit is restarted. (A restart of journald alone keeps the socket: datagrams queue in it.)
 *
 * A socket that takes nothing may have a successor at its path while the process that holds it
 * lives on and reads nothing. The kernel reports no error then, so the path is looked at again
 * after a time. A new connection loses nothing: what was sent stays with its receiver.
 */
#include "base/log_journal.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log_line.h"
#include "base/log_pieces.h"

/* Records a system call; and pieces a record, for a ring has two. */
#define BATCH 32
#define PIECES 2
#define FLAGS (MSG_DONTWAIT | MSG_NOSIGNAL)
/* How long a socket may take nothing until it is connected afresh. */
#define STUCK (5 * SECOND)

void log_journal_init(struct log_journal *journal, const char *path)
{
    *journal = (struct log_journal){.path = path, .fd = -1};
}

static void close_socket(struct log_journal *journal)
{
    if (journal->fd >= 0)
        close(journal->fd);
    journal->fd = -1;
}

void log_journal_fini(struct log_journal *journal)
{
    close_socket(journal);
}

/* False, with journal->error. */
static bool connect_socket(struct log_journal *journal)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(journal->path);

    if (len >= sizeof(address.sun_path)) {
        journal->error = ENAMETOOLONG;
        return false;
    }
    memcpy(address.sun_path, journal->path, len);
    journal->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (journal->fd >= 0 &&
        connect(journal->fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
        return true;
    journal->error = errno;
    close_socket(journal);
    return false;
}

int log_journal_look(const char *path)
{
    struct log_journal journal;
    int error;

    log_journal_init(&journal, path);
    error = connect_socket(&journal) ? 0 : journal.error;
    log_journal_fini(&journal);
    return error;
}

/* After a failure a second passes before the next attempt. */
static bool is_open(struct log_journal *journal)
{
    if (journal->fd >= 0)
        return true;
    struct mono_time now = mono_now();
    if (mono_before(now, journal->try_at))
        return false;
    if (connect_socket(journal))
        return true;
    journal->try_at = mono_add(now, SECOND);
    return false;
}

static bool begins_record(const struct iovec *pieces, int count, size_t at)
{
    struct iovec part[PIECES];

    return pieces_part(pieces, count, at, at + 1, part) == 1 &&
           *(const char *)part[0].iov_base == LOG_RECORD_START;
}

/* Where the datagram of the record at `at` begins, and where it ends. */
static void find_body(const struct iovec *pieces, int count, size_t at, size_t *from, size_t *to)
{
    *from = pieces_find(pieces, count, at, LOG_RECORD_BODY) + 1;
    *to = pieces_find(pieces, count, *from, LOG_RECORD_END);
}

/* Of a connection: its other end was closed. EMSGSIZE and the like say something of one record. */
static bool is_gone(int error)
{
    return error == ECONNREFUSED || error == ENOTCONN || error == ECONNRESET || error == EPIPE;
}

/* Datagrams that lie in a ring. */
struct batch {
    struct mmsghdr messages[BATCH];
    struct iovec parts[BATCH][PIECES];
    size_t ends[BATCH]; /* where each record ends */
    unsigned count;
};

static void gather(struct batch *batch, const struct iovec *pieces, int count)
{
    size_t at = 0, from, to;
    unsigned n;

    for (n = 0; n < BATCH && begins_record(pieces, count, at); n++) {
        find_body(pieces, count, at, &from, &to);
        size_t used = (size_t)pieces_part(pieces, count, from, to, batch->parts[n]);
        batch->messages[n].msg_hdr =
            (struct msghdr){.msg_iov = batch->parts[n], .msg_iovlen = used};
        batch->ends[n] = at = to + 1;
    }
    batch->count = n;
}

/* How many were sent, or -1. A socket that is gone is looked for again once. */
static int send_batch(struct log_journal *journal, struct batch *batch)
{
    int sent = sendmmsg(journal->fd, batch->messages, batch->count, FLAGS);

    if (sent >= 0 || !is_gone(errno))
        return sent;
    close_socket(journal);
    return is_open(journal) ? sendmmsg(journal->fd, batch->messages, batch->count, FLAGS) : -1;
}

static void leave_stuck(struct log_journal *journal)
{
    if (journal->full_since.ns == 0 || mono_diff(mono_now(), journal->full_since) < STUCK)
        return;
    close_socket(journal);
    journal->full_since = (struct mono_time){0};
}

static enum log_journal_result note_full(struct log_journal *journal)
{
    journal->error = errno;
    if (journal->full_since.ns == 0)
        journal->full_since = mono_now();
    return LOG_JOURNAL_FULL;
}

enum log_journal_result log_journal_send(struct log_journal *journal, const struct iovec *pieces,
                                         int count, size_t *len)
{
    struct batch batch;

    leave_stuck(journal);
    if (!is_open(journal))
        return LOG_JOURNAL_ABSENT;
    gather(&batch, pieces, count);
    int sent = send_batch(journal, &batch);
    if (sent > 0) {
        *len = batch.ends[sent - 1];
        journal->full_since = (struct mono_time){0};
        return LOG_JOURNAL_TOOK;
    }
    if (journal->fd < 0)
        return LOG_JOURNAL_ABSENT;
    if (errno == EAGAIN || errno == EINTR)
        return note_full(journal);
    if (!is_gone(errno))
        return LOG_JOURNAL_REFUSED;
    journal->error = errno;
    close_socket(journal);
    return LOG_JOURNAL_ABSENT;
}

void log_journal_wait(const struct log_journal *journal, int ms)
{
    struct pollfd pollfd = {.fd = journal->fd, .events = POLLOUT};

    poll(&pollfd, 1, ms);
}

int log_journal_line(const struct iovec *pieces, int count, struct iovec *out, size_t *len)
{
    size_t from, to;
    int prefix;

    find_body(pieces, count, 0, &from, &to);
    *len = to + 1;
    prefix = pieces_part(pieces, count, 1, from - 1, out);
    from += strlen(LOG_RECORD_MESSAGE);
    return prefix + pieces_part(pieces, count, from, pieces_find(pieces, count, from, '\n') + 1,
                                out + prefix);
}
