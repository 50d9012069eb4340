/*
 * One log line under construction, in memory of a fixed size. Only for src/base.
 *
 * In the formats text and json it is bytes for stderr. In the format journal it is a record: what
 * goes to the journal's socket as one datagram, and, around it, what the writer needs to make a
 * line for stderr of it where there is no journal:
 *
 *   LOG_RECORD_START PREFIX LOG_RECORD_BODY "MESSAGE=" TEXT "\n" NAME "=" VALUE "\n" ...
 * LOG_RECORD_END
 *
 * The datagram is what stands between the last two marks. PREFIX and TEXT with its newline
 * are the line in the format text. None of the marks occurs in a line, nor elsewhere in a
 * record, so a ring may hold lines and records after each other.
 *
 * Not shared between threads.
 */
#ifndef BASE_LOG_LINE_H
#define BASE_LOG_LINE_H

#include <stddef.h>

#include "base/clock.h"
#include "base/log_types.h"

/* A whole line, its newline included, is never longer. */
#define LOG_LINE_MAX 8192
/* What of a message is written, in escaped bytes, and of one field's text. */
#define LOG_MESSAGE_MAX 4096
#define LOG_VALUE_MAX 1024
/* A whole record is never longer: a line, and its fields once more under longer names. */
#define LOG_RECORD_MAX (2 * LOG_LINE_MAX + 1024)

#define LOG_RECORD_START '\x01'
#define LOG_RECORD_BODY '\x02'
#define LOG_RECORD_END '\0'
/* What stands in front of the text in a datagram. */
#define LOG_RECORD_MESSAGE "MESSAGE="

struct log_line {
    char data[LOG_RECORD_MAX];
    size_t len;
    size_t max; /* how long it may become; log_line.c's */
};

/*
 * Makes a line that ends in the only newline it holds, or a record. What had to be cut off is
 * marked: "[cut]" where a text goes on, " [cut]" or "cut":true at the end where fields are missing.
 */
void log_line_make(struct log_line *line, struct log_style style, struct wall_time now,
                   enum log_level level, const char *guid, const char *message,
                   const struct log_field *fields, size_t count);

#endif
