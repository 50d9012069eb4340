/*
 * What a response of the token endpoint means, in the keeper's terms. Knows neither the request nor
 * its repetition. Private to src/token.
 *
 * Any thread.
 */
#ifndef TOKEN_OUTCOME_H
#define TOKEN_OUTCOME_H

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "token/keeper.h"
#include "token/response.h"
#include "token/response_error.h"
#include "upstream/call.h"

struct token_outcome {
    enum keeper_result_kind kind;
    struct token_response granted; /* KEEPER_GRANTED */
    /* Of all others. */
    char *reason;                    /* one line, what it repeats of secrets masked; owned */
    struct token_cause cause;        /* the same for callers */
    const char *event;               /* as that of struct keeper_result */
    int64_t retry_after;             /* ns; 0: none was given */
    bool may_be_the_secret;          /* another secret may be accepted */
    char error[TOKEN_ERROR_MAX + 1]; /* the code of a rejection; "": none */
    const char *key;                 /* as that of struct token_response */
    enum client_error failure;       /* why there was no response that can be read */
};

/*
 * 200 and 201 are grants (some providers create a token), but where they hold an error. 400, 401
 * and 403 are rejections; any other response is a failure. token_outcome_fini it.
 */
void token_outcome_init(struct token_outcome *outcome, const struct config_upstream *upstream,
                        const struct upstream_response *response);
/* Wipes. */
void token_outcome_fini(struct token_outcome *outcome);

#endif
