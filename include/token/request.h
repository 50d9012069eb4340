/*
 * The secret parts of a token request: its Authorization header and its parameters (contract 5
 * and 12). Private to src/token.
 */
#ifndef TOKEN_REQUEST_H
#define TOKEN_REQUEST_H

#include "base/buf.h"
#include "config/config.h"
#include "token/assertions.h"

#define TOKEN_REQUEST_FORM "application/x-www-form-urlencoded"
#define TOKEN_REQUEST_JSON "application/json"

struct token_request {
    char *authorization;      /* NULL: none */
    const char *content_type; /* NULL: there is no body */
    struct buf body;
    struct buf query; /* what auth_method = get sends in place of a body */
};

/*
 * With the client's secret number `secret` of the upstream, from 0, and with the assertions that
 * auth_signs_client and auth_signs ask for.
 */
void token_request_init(struct token_request *request, const struct config_upstream *upstream,
                        size_t secret, const struct token_assertions *assertions);
/* Wipes. */
void token_request_fini(struct token_request *request);

#endif
