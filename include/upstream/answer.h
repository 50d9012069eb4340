/*
 * What arrives: status, the few headers anybody reads, the body, each within its bound. It knows
 * no sockets, and no parser: it is told what was read, as whole lines by libcurl (a POST), or piece
 * by piece by llhttp (a GET, upstream/parse.h). Private to src/upstream.
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
    bool begun;                /* something was read */
    bool in_head;              /* between a status line and its empty line */
    bool head_done;            /* the final head was read */
    int status;                /* of the head read last */
    size_t head_len;
    struct buf fields;              /* the values, each with its NUL */
    size_t at[CLIENT_HEADER_COUNT]; /* where in `fields`, plus one; 0: none */
    unsigned seen;                  /* bit by id: another of that name is ignored */
    int last;                       /* the id of the field before, -1: none of ours */
    size_t value_at;                /* where in `fields` the value begins that is being read */
    struct buf body;
};

/* secret: every copy of the body is wiped. */
void answer_init(struct answer *answer, size_t max_body, bool secret);
void answer_fini(struct answer *answer);
/* For another attempt. */
void answer_reset(struct answer *answer);

/* In all that follow, false: stop, `refused` tells why. */

/* One line with its end: status line, field or the empty line. */
bool answer_line(struct answer *answer, const char *line, size_t len);

/*
 * The same for who has taken the lines apart. A head, final or not, begins; its fields come, one
 * after the other, a value in one piece or several; it ends, and `status` is known by then.
 */
void answer_head_begins(struct answer *answer);
void answer_field_begins(struct answer *answer, const char *name, size_t len);
bool answer_value(struct answer *answer, const char *piece, size_t len);
void answer_field_ends(struct answer *answer);
/* It goes on in a folded line: it counts as absent. */
void answer_field_is_folded(struct answer *answer);
bool answer_head_ends(struct answer *answer, int status);

/* Bytes of heads, or of what else frames a body. */
bool answer_count_head(struct answer *answer, size_t len);

bool answer_body(struct answer *answer, const char *data, size_t len);

/* Borrowed; NULL: none. */
const char *answer_header(const struct answer *answer, enum client_header_id id);
/* 0 unless the final head was read. */
int respond_status(const struct answer *answer);

#endif
