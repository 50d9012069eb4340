/*
 * What arrives: status, the few headers anybody reads, the body, each within its bound. Knows
 * nothing of libcurl: it gets whole header lines and pieces of body. Private to src/upstream.
 */
#ifndef UPSTREAM_ANSWER_H
#define UPSTREAM_ANSWER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "upstream/client.h"

/* Bytes of all heads of one answer: interim ones (1xx), the final one, and trailers. */
#define ANSWER_HEAD_MAX (64 * 1024)

struct answer {
    enum client_error refused; /* CLIENT_OK unless a function below said false */
    bool begun;                /* a line was read */
    bool in_head;              /* between a status line and its empty line */
    bool head_done;            /* the final head was read */
    int status;                /* of the head read last */
    size_t head_len;
    struct buf fields;              /* the values, each with its NUL */
    size_t at[CLIENT_HEADER_COUNT]; /* where in `fields`, plus one; 0: none */
    unsigned seen;                  /* bit by id: another of that name is ignored */
    int last;                       /* the id of the line before, -1: none of ours */
    struct buf body;
};

/* secret: every copy of the body is wiped. */
void answer_init(struct answer *answer, size_t max_body, bool secret);
void answer_fini(struct answer *answer);
/* For another attempt. */
void answer_reset(struct answer *answer);

/* One line with its end; false: stop, `refused` tells why. */
bool answer_line(struct answer *answer, const char *line, size_t len);
bool answer_body(struct answer *answer, const char *data, size_t len);

/* Borrowed; NULL: none. */
const char *answer_header(const struct answer *answer, enum client_header_id id);
/* 0 unless the final head was read. */
int answer_status(const struct answer *answer);

#endif
