/*
 * The one place where responses are made. Each function settles the request; on one that is
 * settled already it does nothing but free what it was given.
 */
#ifndef EXCHANGE_REPLY_H
#define EXCHANGE_REPLY_H

#include <stddef.h>

#include "exchange/request.h"

struct reply_header {
    const char *name;
    const char *value; /* NULL: left out */
};

/*
 * No head of an answer is longer: all of ours, a GUID of the longest under the longest name, and
 * REPLY_VALUES_MAX bytes of values from elsewhere. A value that does not fit any more is left out.
 */
#define REPLY_HEAD_MAX 768
#define REPLY_VALUES_MAX 384

/*
 * A problem (RFC 9457). `detail`, a printf format, says what happened and what to do, never a
 * secret. Proxy-Status is set where the table says so; proxy_error replaces the table's type
 * (NULL: the table's). Extra headers end with a NULL name; the array may be NULL.
 */
struct reply_problem {
    enum problem_id id;
    const char *proxy_error;
    const struct reply_header *headers; /* ends with a NULL name; NULL: none */
};
void reply_problem(struct request *request, const struct reply_problem *problem, const char *detail,
                   ...) __attribute__((format(printf, 3, 4)));

/*
 * A problem that is written to the caller's connection at once, where libmicrohttpd cannot answer:
 * it has no memory left for it, or is about to write a faulty answer of its own. The connection is
 * shut down behind it; libmicrohttpd closes it. Settles the request.
 */
void reply_problem_at_once(struct request *request, enum problem_id id, const char *detail);

/* The short form, without headers. */
#define reply_plain_problem(request, problem_id, ...)                                              \
    reply_problem(request, &(struct reply_problem){.id = (problem_id)}, __VA_ARGS__)

/*
 * Anything else: ENDED_OK with a body (handed over; free()d when sent), ENDED_NOT_MODIFIED without
 * one. headers as above.
 */
void reply_body(struct request *request, enum problem_id ending, char *body, size_t len,
                const struct reply_header *headers);

/* For the operators' paths: a status of its own, text or JSON; the body is copied. */
void reply_operator(struct request *request, int status, const char *content_type, const char *body,
                    size_t len);

/* Retry-After in whole seconds, rounded up, 1 at least. */
#define REPLY_RETRY_AFTER 24
void reply_retry_after(int64_t wait_ns, char out[REPLY_RETRY_AFTER]);

#endif
