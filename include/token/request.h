/*
 * The secret parts of a token request: its Authorization header and its body (contract 5), and what
 * takes them out of a text again. Private to src/token.
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

/*
 * A copy of a server's text in which "***" stands for whatever it repeats of the client's secrets:
 * each as it is, form-encoded, and in base64 with the id, as an Authorization header has it, with
 * and without padding. mem_free() it.
 */
char *token_request_mask(const struct config_upstream *upstream, const char *text);

#endif
