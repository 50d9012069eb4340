/*
 * The attempts of one call, one after the other, on one of libcurl's handles. Private to
 * src/upstream.
 */
#ifndef UPSTREAM_ATTEMPT_H
#define UPSTREAM_ATTEMPT_H

#include <curl/curl.h>
#include <stdbool.h>

#include "base/clock.h"
#include "upstream/answer.h"
#include "upstream/client.h"
#include "upstream/handle.h"
#include "upstream/multi.h"
#include "upstream/outgoing.h"

/* What attempts share with those of other calls; outlives them. */
struct attempt_means {
    struct multi *multi;
    struct handles *handles;
    unsigned retries; /* allowed to each call */
    bool counted;     /* METRIC_UPSTREAM_REQUESTS and _DURATION count attempts */
};

struct attempt {
    unsigned magic;
    const struct attempt_means *means;
    struct outgoing request;
    struct answer answer;
    CURL *easy;               /* NULL unless one is under way */
    struct mono_time started; /* this and what follows: of the last attempt */
    struct mono_time sent;
    unsigned retries;           /* attempts after the first, libcurl's own repetitions included */
    bool sending;               /* libcurl has begun to send */
    long connects;              /* fresh connections by then */
    char text[CURL_ERROR_SIZE]; /* libcurl's words */
};

/* The request is copied. */
void attempt_init(struct attempt *attempt, const struct attempt_means *means,
                  const struct client_request *request);
/* None is under way. */
void attempt_fini(struct attempt *attempt);

/* False when libcurl refuses. */
bool attempt_start(struct attempt *attempt);

/* Whose transfer this is. */
struct attempt *attempt_of(CURL *easy);

/* The transfer ended with `code`. True: the next is under way, and *error says nothing. */
bool attempt_again(struct attempt *attempt, CURLcode code, enum client_error *error);

/* Ends it by closing its connection. Nothing happens when none is under way. */
void attempt_abort(struct attempt *attempt);

#endif
