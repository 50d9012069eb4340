/*
 * The request to the token endpoint: the flows and client authentication of contract 5, two secrets
 * that overlap, and what its response means for the keeper.
 *
 * Thread: the main loop's.
 */
#ifndef TOKEN_FETCH_H
#define TOKEN_FETCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/digest.h"
#include "config/config.h"
#include "runtime/ctx.h"
#include "runtime/loop.h"
#include "token/keeper.h"
#include "token/response.h"
#include "token/response_error.h"
#include "upstream/client.h"

struct token_fetch;

struct token_fetch_ports {
    void *arg;
    /*
     * Called once for each token_fetch_start, in a later turn. It may start the next request or
     * free the fetch.
     */
    void (*done)(void *arg, const struct keeper_result *result, struct mono_time sent);
    /*
     * Asked before the other secret is tried: a repetition after a response that was a failure.
     * NULL: it is always tried.
     */
    bool (*may_repeat)(void *arg, const char *guid);
};

/*
 * Keeps a reference to the configuration; `upstream` is one of its upstreams and has a secret.
 * ERR_INVALID: its TLS files or its auth_key_file cannot be used (upstream/tls_check.h and
 * token/assertions.h say why); ERR_SYSTEM: as client_new.
 */
ERR_CHECKED enum err token_fetch_new(struct loop *loop, struct config *config,
                                     const struct config_upstream *upstream,
                                     const struct token_fetch_ports *ports,
                                     struct token_fetch **out);
/* A request under way is dropped; `done` is not called. */
void token_fetch_free(struct token_fetch *fetch);

/*
 * All that the request is made of: a reload compares it. Files are read: a certificate renewed in
 * its place counts.
 */
struct digest token_fetch_digest(const struct config *config,
                                 const struct config_upstream *upstream);

/* The secret, by its number from 0, that is tried first: it is known to have worked. */
void token_fetch_prefer(struct token_fetch *fetch, size_t secret);

/*
 * Starts a request under a context of its own, with the deadline auth_timeout; none may be under
 * way. guid NULL: a fresh one. The secret that last worked is tried first; the other at once, under
 * the same deadline, where the response may mean the secret (token/rejection.h).
 *
 * 200 and 201 (some providers create a token) are read as grants, and as rejections where they hold
 * an error. 400, 401 and 403 are rejections, any other response a failure, a redirect included. A
 * response that is not HTTP, or that broke off or is too large, is a response all the same: it may
 * have cost a token.
 */
void token_fetch_start(struct token_fetch *fetch, const char *guid);

/* Between token_fetch_start and `done`. */
bool token_fetch_is_under_way(const struct token_fetch *fetch);

/* What --probe prints of the last request: what the keeper does not need. Nothing secret. */
struct token_fetch_report {
    int status;                      /* HTTP; 0: no response */
    enum client_error failure;       /* why there was none; CLIENT_OK: the time ran out */
    char error[TOKEN_ERROR_MAX + 1]; /* the code of a rejection; "": none */
    const char *key;                 /* as that of struct token_response, of a 200 or 201 */
    unsigned requests;               /* 2: both secrets were tried */
    unsigned secret;                 /* the one sent last: 1 or 2, as configured */
    char type[TOKEN_TYPE_MAX + 1];   /* "" without a grant, and so the next two */
    int64_t lifetime;                /* ns */
    enum token_response_lifetime lifetime_from;
    int64_t duration; /* ns, of both together */
    char guid[GUID_MAX + 1];
};
/* Borrowed; of use from `done` until the next start. */
const struct token_fetch_report *token_fetch_report(const struct token_fetch *fetch);

#endif
