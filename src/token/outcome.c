/*
 * The words of a reason are ours, but for what the server says of an error and for libcurl's. What
 * a server says counts with any status, for it often is all that an operator has.
 */
#include "token/outcome.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "token/mask.h"
#include "token/rejection.h"

static int64_t retry_after(const struct upstream_response *response)
{
    const char *text = response->headers[CLIENT_RETRY_AFTER];
    int64_t seconds = 0;

    if (text == NULL || !text_parse_retry_after(text, wall_now().ns / SECOND, &seconds))
        return 0;
    return seconds * SECOND;
}

/* All empty where it gives none. */
static void read_error(const struct config_upstream *upstream,
                       const struct upstream_response *response, struct token_response_error *error)
{
    if (response->body == NULL ||
        !token_response_error(error, upstream, response->body, response->body_len))
        *error = (struct token_response_error){.named = false};
}

/* "the token endpoint responded with 400: invalid_client (no such client)" */
static char *explain_status(int status, const struct token_response_error *error)
{
    bool code = error->code[0] != '\0';
    bool text = error->text[0] != '\0';

    return mem_printf("the token endpoint responded with %d%s%s%s%s%s", status,
                      code || text ? ": " : "", error->code, code && text ? " (" : "", error->text,
                      code && text ? ")" : "");
}

static void set_cause(struct token_outcome *outcome, enum token_cause_kind kind, int status,
                      const char *code)
{
    outcome->cause = (struct token_cause){.kind = kind, .status = status};
    token_cause_set_code(&outcome->cause, code);
}

static void reject(struct token_outcome *outcome, int status,
                   const struct token_response_error *error)
{
    const bool temporary = rejection_is_temporary(error->code);

    set_cause(outcome,
              temporary                                      ? TOKEN_CAUSE_FAILED
              : rejection_blames_client(status, error->code) ? TOKEN_CAUSE_CREDENTIALS
                                                             : TOKEN_CAUSE_REJECTED,
              status, error->code);
    outcome->kind = temporary ? KEEPER_FAILED : KEEPER_REJECTED;
    outcome->event = rejection_event(error->code);
    outcome->may_be_the_secret = rejection_may_be_the_secret(status, error->code);
    outcome->reason = explain_status(status, error);
    memcpy(outcome->error, error->code, sizeof(outcome->error));
}

/*
 * Nothing of the body but names of members: what it says may be a token by another name. A server
 * that echoes a form may have a secret for a name.
 */
static void fail_unusable(struct token_outcome *outcome, const struct config_upstream *upstream,
                          const struct token_response *parsed)
{
    char *why = token_mask(upstream, parsed->reason.text);

    outcome->kind = KEEPER_FAILED;
    set_cause(outcome, TOKEN_CAUSE_UNUSABLE, 0, "");
    outcome->key = parsed->key;
    outcome->reason = mem_printf("the token endpoint's response cannot be used: %s", why);
    mem_free(why);
}

static struct token_response_rules rules_for(const struct config_upstream *upstream,
                                             const struct upstream_response *response)
{
    const struct wall_time sent = {.ns = wall_now().ns - mono_diff(mono_now(), response->sent)};

    return token_response_rules(upstream, sent);
}

static void read_grant(struct token_outcome *outcome, const struct config_upstream *upstream,
                       const struct upstream_response *response)
{
    const struct token_response_rules rules = rules_for(upstream, response);
    struct token_response_error error;

    outcome->kind = KEEPER_GRANTED;
    if (token_response_parse(&outcome->granted, response->body, response->body_len, &rules) ==
        ERR_OK)
        return;
    read_error(upstream, response, &error);
    if (error.named)
        reject(outcome, response->status, &error);
    else
        fail_unusable(outcome, upstream, &outcome->granted);
}

/* libcurl's words, where it has some, in brackets; what is not plain text in them is replaced. */
static char *explain_failure(const char *phrase, const char *detail)
{
    const bool detailed = detail[0] != '\0';
    char *plain = mem_strdup(detail);

    for (char *c = plain; *c != '\0'; c++)
        if (!text_is(*c, TEXT_PRINTABLE))
            *c = '?';
    char *reason = mem_printf("the token endpoint %s%s%s%s", phrase, detailed ? " (" : "", plain,
                              detailed ? ")" : "");
    mem_free(plain);
    return reason;
}

static void fail_without_body(struct token_outcome *outcome,
                              const struct upstream_response *response)
{
    bool responded = response->status != 0 || response->error == CLIENT_PROTOCOL ||
                     response->error == CLIENT_FRAMING ||
                     response->error == CLIENT_HEADERS_TOO_LARGE;

    outcome->kind = responded ? KEEPER_FAILED : KEEPER_NO_RESPONSE;
    set_cause(outcome, TOKEN_CAUSE_NO_RESPONSE, response->status, "");
    outcome->cause.error = response->error;
    outcome->failure = response->error;
    outcome->reason = explain_failure(client_error_phrase(response->error), response->detail);
}

static void fail_compressed(struct token_outcome *outcome, const char *coding)
{
    outcome->kind = KEEPER_FAILED;
    set_cause(outcome, TOKEN_CAUSE_UNUSABLE, 0, "");
    outcome->reason = mem_printf("the token endpoint's response is compressed (%s), although "
                                 "identity was asked for",
                                 coding);
}

/* Any other status: what the server says of it, if it does. */
static void read_failure(struct token_outcome *outcome, const struct config_upstream *upstream,
                         const struct upstream_response *response)
{
    const bool rejected =
        response->status == 400 || response->status == 401 || response->status == 403;
    struct token_response_error error;

    read_error(upstream, response, &error);
    outcome->retry_after = retry_after(response);
    if (rejected) {
        reject(outcome, response->status, &error);
    } else {
        outcome->kind = KEEPER_FAILED;
        set_cause(outcome, TOKEN_CAUSE_FAILED, response->status, error.code);
        outcome->reason = explain_status(response->status, &error);
    }
}

void token_outcome_init(struct token_outcome *outcome, const struct config_upstream *upstream,
                        const struct upstream_response *response)
{
    /* Only a grant needs its body: the others are told by their status, however they ended. */
    const bool granted = response->status == 200 || response->status == 201;
    const bool by_proxy = response->error == CLIENT_PROXY_AUTH;
    const char *coding = upstream_response_coding(response);

    *outcome = (struct token_outcome){.reason = NULL};
    if (response->status == 0 || by_proxy || (granted && response->error != CLIENT_OK))
        fail_without_body(outcome, response);
    else if (granted && coding != NULL)
        fail_compressed(outcome, coding);
    else if (granted)
        read_grant(outcome, upstream, response);
    else
        read_failure(outcome, upstream, response);
}

void token_outcome_fini(struct token_outcome *outcome)
{
    token_response_fini(&outcome->granted);
    mem_free(outcome->reason);
    outcome->reason = NULL;
}
