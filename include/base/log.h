/*
 * Log lines, from any thread, without ever waiting.
 *
 * Each thread that logs has a bounded ring of its own; one writer thread empties them all into
 * stderr. A line that finds its ring full is dropped and counted (log_dropped). The thread rings
 * the writer once a turn of its loop (log_flush), not once a line; warnings and errors ring at
 * once. stderr stays in blocking mode, for it may be shared with others: only the writer waits.
 *
 * Text:  <6>GUID: {guid} - message name=value ...         (under the journal)
 *        2026-01-31T23:59:59.123Z info GUID: {guid} - ... (elsewhere)
 *        without a guid, "GUID: {guid} - " is left out
 * JSON:  {"time":"...","level":"info","guid":"...","message":"...","name":value,...}
 * Journal: a datagram of fields: the text as MESSAGE, and GUID, PRIORITY and each field by a name
 * of its own (the table in log_line.c); text on stderr while there is no journal
 *
 * Messages and values from outside are escaped here and nowhere else: no control character, quote,
 * backslash or byte that is not UTF-8 can end a line or forge a field. In text, a field's value
 * stands in quotes unless it is visible ASCII without quote, backslash and equals sign. Messages
 * hold up to 4 KiB, values 1 KiB, a line 8 KiB; "[cut]", or in JSON "cut":true, marks what is
 * missing.
 *
 * errno is left alone.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/log_types.h"

/* Where the format journal sends lines: the socket of journald's native protocol. */
#define LOG_JOURNAL_SOCKET "/run/systemd/journal/socket"

/*
 * Starts the writer on descriptor `fd` (not owned). Journal priorities are used where `fd` is the
 * stream that JOURNAL_STREAM names. Before log_start and after log_stop lines go straight to
 * stderr, in the calling thread. ERR_SYSTEM when no thread can be had.
 */
ERR_CHECKED enum err log_start(int fd);
/* The same with a journal of one's own, at the path of a socket: for tests. */
ERR_CHECKED enum err log_start_beside(int fd, const char *journal);
/* Any thread: 0 when a journal's socket is at LOG_JOURNAL_SOCKET, or errno of connecting to it. */
int log_find_journal(void);
/* Lines go to the journal, which takes a priority in front of each. */
bool log_is_to_journal(void);
/*
 * Writes what the rings hold and joins the writer, to stderr where the journal takes nothing; gives
 * up after a second when stderr takes nothing either, and says there, if it can, how many lines are
 * lost. Threads that logged must have ended or be silent.
 */
void log_stop(void);

/* Level and format from now on; any thread, at any time. */
void log_configure(enum log_level level, enum log_format format);
bool log_enabled(enum log_level level);

/* Gives the calling thread its ring (others use a shared one, behind a lock) and takes it away. */
void log_thread_start(void);
void log_thread_stop(void);

/* guid NULL: none. The message is a printf format. */
void log_write(enum log_level level, const char *guid, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void log_fields(enum log_level level, const char *guid, const char *message,
                const struct log_field *fields, size_t count);
/* Both: fields behind a message that is a printf format. */
void log_write_fields(enum log_level level, const char *guid, const struct log_field *fields,
                      size_t count, const char *format, ...) __attribute__((format(printf, 5, 6)));

#define log_debug(guid, ...) log_write(LOG_LEVEL_DEBUG, guid, __VA_ARGS__)
#define log_info(guid, ...) log_write(LOG_LEVEL_INFO, guid, __VA_ARGS__)
#define log_notice(guid, ...) log_write(LOG_LEVEL_NOTICE, guid, __VA_ARGS__)
#define log_warning(guid, ...) log_write(LOG_LEVEL_WARNING, guid, __VA_ARGS__)
#define log_error(guid, ...) log_write(LOG_LEVEL_ERROR, guid, __VA_ARGS__)

/* Rings the writer if this thread has put a line since the last time. At the end of a turn. */
void log_flush(void);

/* Lines dropped since the process began: a ring was full, or the writer's descriptor broken. */
uint64_t log_dropped(void);

#endif
