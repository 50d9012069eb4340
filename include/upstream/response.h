/*
 * What a call receives: status, the header fields that are read here, the body, each
 * within its limit; and what became of the call's attempts so far. Both engines (upstream/get.h,
 * upstream/post.h) fill it in. It knows no sockets and no parser: it is given whole lines by
 * libcurl (a POST), or pieces by llhttp (a GET, upstream/parse.h). Private to src/upstream.
 *
 * Thread: the client's loop.
 */
#ifndef UPSTREAM_RESPONSE_H
#define UPSTREAM_RESPONSE_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/clock.h"
#include "upstream/call.h"
#include "upstream/framing.h"

/* Bytes of all header sections of one response: interim (1xx), final, and trailers. */
#define RESPONSE_HEADERS_MAX ((size_t)64 * 1024)

struct response {
    enum client_error rejected; /* CLIENT_OK unless a function below returned false */
    bool begun;                 /* something was read */
    bool in_headers;            /* between a status line and its empty line */
    bool headers_done;          /* the final header section was read */
    int status;                 /* of the header section read last */
    size_t headers_len;
    struct buf fields;              /* the values, each with its NUL */
    size_t at[CLIENT_HEADER_COUNT]; /* offset in `fields`, plus one; 0: none */
    unsigned seen;                  /* bit by id: a second field of that name is ignored, or not
                                       (call.h) */
    bool unreadable;                /* struct upstream_response */
    int last;                       /* id of the previous field; -1: it is not read here */
    size_t value_at;                /* offset in `fields` of the value that is being read */
    size_t piece_at;                /* the same of this field's part of it, where it is a list */
    size_t before;                  /* what `at` was, of a field that is read more than once */
    struct framing framing;
    struct buf body;

    bool *answering;          /* client_request.answering; NULL: nobody asks */
    unsigned retries;         /* attempts after the first */
    struct mono_time started; /* this and all that follows: of the last attempt */
    struct mono_time sent;    /* not after the request's first byte */
    struct mono_time ended;
    char text[CURL_ERROR_SIZE]; /* libcurl's description of an error, or ours, or "" */
};

/* `now`: when the call was made. secret: every copy of the body is wiped. */
void response_init(struct response *response, size_t max_body, bool secret, struct mono_time now);
void response_fini(struct response *response);

/* An attempt begins; nothing from an earlier one remains but `retries`. */
void response_begin(struct response *response, struct mono_time now);
/* It has ended, with `status` or 0. counted: METRIC_UPSTREAM_REQUESTS and _DURATION count it, under
 * the upstream's index. */
void response_end(struct response *response, struct mono_time now, bool counted, size_t upstream,
                  int status);

/* A byte of it is here. */
void response_hear(struct response *response);

/* In all that follow, false: stop, `rejected` says why. */

/* Afterwards: puts into `text` what there is to say beyond `rejected`. */
void response_explain(struct response *response);

/* One line with its end: status line, field or the empty line. */
bool response_line(struct response *response, const char *line, size_t len);

/*
 * The same, already taken apart. A header section, final or not, begins; its fields come one after
 * the other, each value in one piece or several; the section ends, and `status` is known by then.
 */
void response_headers_begin(struct response *response);
void response_field_begins(struct response *response, const char *name, size_t len);
bool response_value(struct response *response, const char *piece, size_t len);
bool response_field_ends(struct response *response);
/* The value that has ended was continued in a folded line: it counts as absent. */
void response_field_is_folded(struct response *response);
bool response_headers_end(struct response *response, int status);
/* No body follows a final status, and no field can say otherwise (RFC 9112, section 6.3). */
bool response_is_bodiless(int status);

/* Bytes of header sections, or of what else frames a body. */
bool response_count_framing(struct response *response, size_t len);

bool response_add_body(struct response *response, const char *data, size_t len);

/* Borrowed; NULL: none. */
const char *response_header(const struct response *response, enum client_header_id id);
/* 0 unless the final header section was read. */
int response_status(const struct response *response);

#endif
