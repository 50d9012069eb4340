/*
 * A GET over a pooled connection, with its retry. Private to src/upstream.
 *
 * Thread: the client's loop.
 */
#ifndef UPSTREAM_GET_H
#define UPSTREAM_GET_H

#include <stdbool.h>
#include <stddef.h>

#include "upstream/connection.h"
#include "upstream/connection_pool.h"
#include "upstream/parse.h"
#include "upstream/request_head.h"
#include "upstream/response.h"

/* A TLS record is 16 KiB; most responses are a few hundred bytes. */
#define GET_INPUT ((size_t)32 * 1024)

struct get;

/* The shared context of GETs; outlives them. */
struct get_shared {
    struct loop *loop;
    struct connection_pool *pool;
    struct handles *handles;
    int64_t patience; /* ns; an attempt that ends later without a byte has met a mute peer */
    struct request_frame frame;
    unsigned retries; /* allowed to each */
    bool counted;     /* METRIC_UPSTREAM_REQUESTS and _DURATION count attempts */
    size_t upstream;  /* its index in them */
    /*
     * It ended, with get->error. `last`: no code of the client is up the stack, so the client may
     * be freed.
     */
    void (*ended)(struct get *get, bool last);
    char input[GET_INPUT]; /* holds nothing from one call to the next */
};

struct get {
    unsigned magic;
    struct get_shared *shared;
    struct response *response;
    struct connection_user user;
    struct connection *connection; /* NULL: none is in use */
    bool reused;                   /* it was idle before */
    struct mono_time idle_since;   /* in that case */
    bool expired;
    struct request_head request;
    size_t sent_len;
    bool unsendable; /* the connection takes no more; a response may be there all the same */
    struct parse parse;
    enum client_error error;
    bool (*may_resend)(void *arg, bool kept); /* client_request.may_resend */
    void *resend_arg;
};

/* The request is copied; the response is borrowed. */
void get_init(struct get *get, struct get_shared *shared, const struct client_request *request,
              struct response *response);
/* Its time has run out: get_fini is about to be called. */
void get_expire(struct get *get);
/* Closes its connection if it is under way. */
void get_fini(struct get *get);

/* True: it is under way. False: it has ended at once, with get->error. */
bool get_start(struct get *get, struct mono_time now);

#endif
