/*
 * The secret parts of a token request: its Authorization header and its body (contract 5). Private
 * to src/token.
 */
#ifndef TOKEN_REQUEST_H
#define TOKEN_REQUEST_H

#include "base/buf.h"
#include "config/config.h"

#define TOKEN_REQUEST_FORM "application/x-www-form-urlencoded"

struct token_request {
    char *authorization;      /* NULL: none */
    const char *content_type; /* NULL: there is no body */
    struct buf body;
};

/* With the client's secret number `secret` of the upstream, from 0. */
void token_request_init(struct token_request *request, const struct config_upstream *upstream,
                        size_t secret);
/* Wipes. */
void token_request_fini(struct token_request *request);

#endif
