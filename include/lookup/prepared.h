/*
 * A request that is ready to be sent to one upstream, and can be sent to no other: it is made of
 * the way to that upstream, and sending it takes no other. The token has to be of that way's own
 * source, or the process ends (MUST): a token, a constant header and a user that reach another API
 * than theirs are worse than no answer. Private to src/lookup.
 *
 * Thread: the worker's.
 */
#ifndef LOOKUP_PREPARED_H
#define LOOKUP_PREPARED_H

#include <stdbool.h>
#include <stddef.h>

#include "lookup/plan.h"
#include "lookup/query.h"

/* Room for all header fields of a lookup. */
#define PREPARED_HEADERS (8 + CONFIG_HEADERS_MAX)

/* Private. It borrows all that it is made of, for as long as it is needed: until it is sent. */
struct prepared {
    const struct lookup_way *way;
    const char *target;
    struct client_header headers[PREPARED_HEADERS];
    size_t header_count;
};

struct prepared_parts {
    const struct config *config;
    const struct lookup_query *query;
    const struct ctx *ctx; /* GUID and trace */
    const char *target;    /* of this way's upstream */
    bool validators;       /* the caller's If-None-Match and If-Modified-Since may go there */
    bool kept;             /* those of query->kept may, if it is of this upstream */
};

void prepared_init(struct prepared *prepared, const struct lookup_way *way,
                   const struct token *token, const struct prepared_parts *parts);

/* What is done when it has been sent; the rest is as in struct client_request. */
struct prepared_call {
    bool *queued;
    bool *late;
    bool *answering;
    bool (*may_resend)(void *arg, bool kept);
    client_done *done;
    void *arg; /* of both */
};
/* Copied: `prepared` may go. */
void prepared_send(const struct prepared *prepared, struct ctx *ctx,
                   const struct prepared_call *call);

/* The target of a lookup of this query at an upstream; free it with mem_free. */
char *prepared_target(const struct config_upstream *upstream, const struct lookup_query *query);

#endif
