/*
 * One log line under construction, in memory of a fixed size. Only for src/base.
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

struct log_line {
    char data[LOG_LINE_MAX];
    size_t len;
};

/*
 * Makes a line that ends in the only newline it holds. What had to be cut off is marked: "[cut]"
 * where a text goes on, " [cut]" or "cut":true at the end where fields are missing.
 */
void log_line_make(struct log_line *line, struct log_style style, struct wall_time now,
                   enum log_level level, const char *guid, const char *message,
                   const struct log_field *fields, size_t count);

#endif
