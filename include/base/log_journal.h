/*
 * The journal's socket, for the writer's thread alone. Only for src/base.
 *
 * A record of log_line.h becomes one datagram of journald's native protocol. Nothing here waits,
 * except log_journal_wait.
 */
#ifndef BASE_LOG_JOURNAL_H
#define BASE_LOG_JOURNAL_H

#include <stddef.h>
#include <sys/uio.h>

#include "base/clock.h"

struct log_journal {
    const char *path; /* of the socket; not owned */
    int fd;           /* connected, or -1 */
    int error;        /* errno of the last failure */
    struct mono_time try_at;
    struct mono_time full_since; /* it has taken nothing since; 0: it took the last record */
};

enum log_journal_result {
    LOG_JOURNAL_TOOK,
    LOG_JOURNAL_FULL,    /* it takes nothing at present; see log_journal_wait. After 5 s of it the
                          * socket is connected afresh: its path may lead to another by now. */
    LOG_JOURNAL_REFUSED, /* the socket cannot take the first record, now or later */
    LOG_JOURNAL_ABSENT,  /* there is no journal; it is looked for again after a second */
};

void log_journal_init(struct log_journal *journal, const char *path);
void log_journal_fini(struct log_journal *journal);

/* Any thread: 0 when a journal's socket is at `path`, or errno of connecting to it. */
int log_journal_look(const char *path);

/*
 * Sends of the records that `pieces` begin with as many as the journal takes in one call; *len is
 * how many bytes they were. The first byte is LOG_RECORD_START.
 */
enum log_journal_result log_journal_send(struct log_journal *journal, const struct iovec *pieces,
                                         int count, size_t *len);
/* Until it takes something, for `ms` at most. */
void log_journal_wait(const struct log_journal *journal, int ms);

/* The first record as a line for stderr, as at most 2 * count pieces; *len: of the record. */
int log_journal_line(const struct iovec *pieces, int count, struct iovec *out, size_t *len);

#endif
