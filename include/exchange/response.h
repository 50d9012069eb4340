/*
 * The one place where responses are made. Each function settles the request; on one that is
 * settled already it does nothing but free what it was given.
 */
#ifndef EXCHANGE_RESPONSE_H
#define EXCHANGE_RESPONSE_H

#include <stddef.h>

#include "exchange/request.h"

struct response_header {
    const char *name;
    const char *value; /* NULL: left out */
};

/*
 * No header section of a response is longer: all of ours, a GUID of the longest under the longest
 * name, and RESPONSE_VALUES_MAX bytes of values from elsewhere. A value that does not fit any more
 * is left out.
 */
#define RESPONSE_HEADER_MAX 896
#define RESPONSE_VALUES_MAX 384

/*
 * A problem (RFC 9457). `detail`, a printf format, says what happened and what to do, never a
 * secret. Proxy-Status is set where the table says so; proxy_error replaces the table's type
 * (NULL: the table's). Extra headers end with a NULL name; the array may be NULL.
 */
struct response_problem {
    enum problem_id id;
    const char *proxy_error;
    const struct response_header *headers; /* ends with a NULL name; NULL: none */
};
void response_problem(struct request *request, const struct response_problem *problem,
                      const char *detail, ...) __attribute__((format(printf, 3, 4)));

/*
 * A problem that is written to the caller's connection at once, where libmicrohttpd cannot respond:
 * it has no memory left for it, or is about to write a faulty response of its own. The connection
 * is shut down behind it; libmicrohttpd closes it. Settles the request.
 */
void response_problem_at_once(struct request *request, enum problem_id id, const char *detail);

/* The same for a request whose response libmicrohttpd has taken and cannot send: REQUEST_SENDING.
 */
void response_problem_instead(struct request *request, enum problem_id id, const char *detail);

/* 504 at the request's deadline, with the limit that it names; a request's `timed_out`. */
void response_timed_out(struct request *request);

/* The short form, without headers. */
#define response_plain_problem(request, problem_id, ...)                                           \
    response_problem(request, &(struct response_problem){.id = (problem_id)}, __VA_ARGS__)

/*
 * A body that `release` is called for, with `owner`, when it has been sent, perhaps by then in
 * another turn of the loop. All zero: there is none.
 */
struct response_content {
    const char *data;
    size_t len;
    void (*release)(void *owner);
    void *owner;
};

void response_content_release(const struct response_content *content);

/*
 * Anything else: ENDED_OK with a body, ENDED_NOT_MODIFIED without one, of which `content` then
 * tells the length; without it the connection ends with the response. headers as above.
 */
void response_body(struct request *request, enum problem_id ending,
                   const struct response_content *content, const struct response_header *headers);

/*
 * For the operators' paths: a status of its own, text, JSON or HTML; the body is copied. headers as
 * above, beside the content type (NULL: there is no body) and Cache-Control.
 */
void response_operator(struct request *request, int status, const char *content_type,
                       const struct response_header *headers, const char *body, size_t len);

/* Retry-After in whole seconds, rounded up, 1 at least. */
#define RESPONSE_RETRY_AFTER 24
void response_retry_after(int64_t wait_ns, char out[RESPONSE_RETRY_AFTER]);

#endif
