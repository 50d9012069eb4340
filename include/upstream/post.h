/*
 * A POST, sent once, as one of libcurl's transfers. Private to src/upstream.
 *
 * Thread: the client's loop.
 */
#ifndef UPSTREAM_POST_H
#define UPSTREAM_POST_H

#include <curl/curl.h>
#include <stdbool.h>

#include "upstream/handle.h"
#include "upstream/multi.h"
#include "upstream/request_head.h"
#include "upstream/response.h"

struct post;

/* The shared context of POSTs; outlives them. */
struct post_shared {
    struct multi *multi;
    struct handles *handles;
    const struct request_frame *frame;
    bool counted;    /* METRIC_UPSTREAM_REQUESTS and _DURATION count them */
    size_t upstream; /* its index in them */
    /* It ended, with post->error. libcurl is up the stack: the client must not be freed. */
    void (*ended)(struct post *post);
};

struct post {
    unsigned magic;
    const struct post_shared *shared;
    struct response *response;
    struct multi_transfer transfer;
    struct request_copy request;
    CURL *easy; /* NULL unless it is under way */
    enum client_error error;
};

/* The request is copied; the response is borrowed. */
void post_init(struct post *post, const struct post_shared *shared,
               const struct client_request *request, struct response *response);
/* Closes its connection if it is under way. */
void post_fini(struct post *post);

/* False: libcurl fails, and it has ended with post->error. */
bool post_start(struct post *post);

#endif
