/*
 * Sentences about the token endpoint for people who have never seen its log: what it did, in the
 * words of the tables that the log's own sentences are made of.
 */
#include "token/cause.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

const struct token_cause token_cause_waiters = {.kind = TOKEN_CAUSE_WAITERS};

void token_cause_set_code(struct token_cause *cause, const char *code)
{
    const size_t len = strlen(code);

    cause->code[0] = '\0';
    if (len <= TOKEN_CAUSE_CODE && text_is_all(code, len, TEXT_LABEL))
        memcpy(cause->code, code, len + 1);
}

bool token_cause_same(const struct token_cause *a, const struct token_cause *b)
{
    return a->kind == b->kind && a->budget == b->budget && a->status == b->status &&
           a->error == b->error && strcmp(a->code, b->code) == 0;
}

bool token_cause_is_none(const struct token_cause *cause)
{
    return cause->kind == TOKEN_CAUSE_NONE && !cause->budget;
}

static const char *phrase(const struct token_cause *cause)
{
    switch (cause->kind) {
    case TOKEN_CAUSE_NONE:
        return "has not given one";
    case TOKEN_CAUSE_FAILED:
        return cause->status != 0 ? "answered" : "gave no token";
    case TOKEN_CAUSE_NO_RESPONSE:
        return client_error_phrase(cause->error);
    case TOKEN_CAUSE_TIMED_OUT:
        return "did not answer in time";
    case TOKEN_CAUSE_CREDENTIALS:
        return "refused the client's credentials";
    case TOKEN_CAUSE_REJECTED:
        return "refused the token request";
    case TOKEN_CAUSE_UNUSABLE:
        return "gave an answer in which there is no usable token";
    case TOKEN_CAUSE_EXPIRED:
        return "gave only a token that has expired";
    case TOKEN_CAUSE_STALLED:
        return "gave no token that lasts longer than the one before";
    case TOKEN_CAUSE_PACED:
        return "is asked for a replacement every 30 s at most";
    case TOKEN_CAUSE_SAME:
        return "gave the same token again";
    case TOKEN_CAUSE_UNSIGNED:
        return "was not asked: the request's assertion could not be signed";
    case TOKEN_CAUSE_WAITERS:
        return "has not answered yet, and no more lookups may wait for it";
    case TOKEN_CAUSE_FLEET_WAIT:
        return "gave none to another member of the fleet, and is asked again after a wait";
    case TOKEN_CAUSE_FLEET_UNOPENED:
        return "gave one to another member of the fleet, which this one cannot open";
    case TOKEN_CAUSE_FLEET_ALONE:
        return "is not asked: the fleet's store is out of reach, and [fleet] alone allows this "
               "member no request";
    }
    return "";
}

#define PARTICULARS (TOKEN_CAUSE_CODE + 32)

/* " 503", " 400 (server_error)"; of a refusal " (invalid_client)", " (status 401)". */
static void put_particulars(const struct token_cause *cause, char out[PARTICULARS])
{
    const bool refusal =
        cause->kind == TOKEN_CAUSE_CREDENTIALS || cause->kind == TOKEN_CAUSE_REJECTED;
    const bool coded = cause->code[0] != '\0';

    out[0] = '\0';
    if (cause->status == 0 || (!refusal && cause->kind != TOKEN_CAUSE_FAILED))
        return;
    if (refusal && !coded)
        snprintf(out, PARTICULARS, " (status %d)", cause->status);
    else if (refusal)
        snprintf(out, PARTICULARS, " (%s)", cause->code);
    else
        snprintf(out, PARTICULARS, coded ? " %d (%s)" : " %d", cause->status, cause->code);
}

void token_cause_text(const struct token_cause *cause, char out[TOKEN_CAUSE_TEXT])
{
    char particulars[PARTICULARS];

    if (cause->kind == TOKEN_CAUSE_NONE && cause->budget) {
        snprintf(out, TOKEN_CAUSE_TEXT, "[upstream] auth_budget of token requests is used up");
        return;
    }
    put_particulars(cause, particulars);
    snprintf(out, TOKEN_CAUSE_TEXT, "the token endpoint %s%s%s", phrase(cause), particulars,
             cause->budget ? ", and [upstream] auth_budget is used up" : "");
}
