/*
 * What a log line is made from. A header of its own, below log.h: log.c uses log_line.h and
 * log_writer.h, and these need the types but not the functions of log.h.
 */
#ifndef BASE_LOG_TYPES_H
#define BASE_LOG_TYPES_H

#include <stdbool.h>
#include <stdint.h>

enum log_level {
    LOG_LEVEL_DEBUG,
    LOG_LEVEL_INFO,
    LOG_LEVEL_NOTICE,
    LOG_LEVEL_WARNING,
    LOG_LEVEL_ERROR,
};

enum log_format {
    LOG_FORMAT_TEXT,
    LOG_FORMAT_JSON,
    LOG_FORMAT_JOURNAL,
};

/* One field of a structured line; made with the LOG_* macros below. */
struct log_field {
    const char *name; /* ours, never from outside */
    enum { LOG_FIELD_TEXT, LOG_FIELD_INT, LOG_FIELD_BOOL, LOG_FIELD_MS } kind;
    const char *text; /* NULL: the field is left out */
    int64_t number;   /* LOG_FIELD_MS: nanoseconds, written as milliseconds with three decimals */
};

#define LOG_TEXT(n, v) ((struct log_field){.name = (n), .kind = LOG_FIELD_TEXT, .text = (v)})
#define LOG_INT(n, v) ((struct log_field){.name = (n), .kind = LOG_FIELD_INT, .number = (v)})
#define LOG_BOOL(n, v) ((struct log_field){.name = (n), .kind = LOG_FIELD_BOOL, .number = (v)})
#define LOG_MS(n, ns) ((struct log_field){.name = (n), .kind = LOG_FIELD_MS, .number = (ns)})

/* How lines look at present. */
struct log_style {
    enum log_format format;
    bool journal; /* stderr is the journal's: text begins with a priority, not time and level */
};

#endif
