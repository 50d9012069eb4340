/*
 * What is wrong with an upstream's token: that the token endpoint gives none, that the upstream
 * rejects the one there is, that the budget is used up. They come together: a token that is
 * rejected stays only because no other was given.
 */
#include <stdio.h>

#include "base/check.h"
#include "front/conditions_internal.h"

static bool has_token(const struct diagnosis *diagnosis)
{
    return diagnosis->upstream->token.fingerprint[0] != '\0';
}

/* Lookups fail for it, and not only may they later. */
static enum condition_level level(const struct diagnosis *diagnosis)
{
    const struct overview_upstream *upstream = diagnosis->upstream;
    const bool fails = conditions_want_token(upstream) && upstream->health.down;

    return !upstream->token.ready || fails ? CONDITION_DOWN : CONDITION_WARNING;
}

/* ---- the token endpoint ---- */

static const struct {
    const char *what, *action;
} causes[] = {
    [TOKEN_CAUSE_FAILED] = {"The token endpoint answers with errors",
                            "It is the provider's to mend: tell it. The daemon asks again by "
                            "itself."},
    [TOKEN_CAUSE_NO_RESPONSE] = {"The token endpoint cannot be reached",
                                 "Ask the provider whether it is down; check the network, names, "
                                 "proxy and TLS files between this machine and it. The daemon asks "
                                 "again by itself."},
    [TOKEN_CAUSE_TIMED_OUT] = {"The token endpoint does not answer in time",
                               "Ask the provider whether it is down; check the network to it. The "
                               "daemon asks again by itself."},
    [TOKEN_CAUSE_CREDENTIALS] = {"The token endpoint refuses the client's id or secret",
                                 "Put the secret that the provider has now into the file of "
                                 "client_secret_file or auth_key_file: a changed file is tried "
                                 "within a second. Check client_id too."},
    [TOKEN_CAUSE_REJECTED] = {"The token endpoint refuses the token request",
                              "Check auth_flow, auth_scope, auth_audience and the other auth_ keys "
                              "of this upstream with the provider, and reload."},
    [TOKEN_CAUSE_UNUSABLE] = {"The token endpoint's answers hold no usable token",
                              "Run postcoded --probe: it shows what is missing, and the key to "
                              "set (auth_url, auth_reply)."},
    [TOKEN_CAUSE_EXPIRED] = {"The token endpoint gives tokens that have expired",
                             "Compare this machine's clock with the provider's, and tell it."},
    [TOKEN_CAUSE_UNSIGNED] = {"Token requests cannot be signed",
                              "Check auth_key_file with postcoded --check."},
};

/* The first failure since the last token. */
static struct mono_time failing_since(const struct diagnosis *diagnosis)
{
    const struct overview *overview = diagnosis->overview;
    const struct history *history = overview->history;
    struct mono_time since = mono_add(overview->now, -diagnosis->upstream->token.last_error_age);

    for (size_t age = 0; age < history_event_count(history, diagnosis->number); age++) {
        const struct history_event *event = history_event_at(history, diagnosis->number, age);

        if (event->kind == HISTORY_OBTAINED)
            break;
        if (event->kind == HISTORY_REQUEST_FAILED)
            since = event->at;
    }
    return since;
}

/* The present token is used until then. */
static struct mono_time ends_at(const struct diagnosis *diagnosis)
{
    return mono_add(diagnosis->overview->now, diagnosis->upstream->token.usable_for);
}

/* The token that there is gives out then. */
static struct mono_time worse_at(const struct diagnosis *diagnosis)
{
    return has_token(diagnosis) && !conditions_want_token(diagnosis->upstream) &&
                   diagnosis->upstream->token.state != KEEPER_SUSPECT
               ? ends_at(diagnosis)
               : (struct mono_time){0};
}

/* Of what an endpoint says so much is shown that the rest of the sentence has room. */
#define ERROR_TEXT 150

/* What becomes of lookups meanwhile, and when the next request is made. */
static void put_outlook(const struct diagnosis *diagnosis, char out[CONDITION_TEXT])
{
    const struct overview *overview = diagnosis->overview;
    const struct keeper_status *token = &diagnosis->upstream->token;
    char until[CONDITION_TIME], next[CONDITION_TIME] = "", when[CONDITION_TEXT];

    condition_put(when, "%s", "");
    if (token->next_request_in >= 0)
        condition_put(
            when, "; the next request is due at %s",
            condition_time(diagnosis, mono_add(overview->now, token->next_request_in), next));
    if (!has_token(diagnosis))
        condition_put(out, "there is no token, and lookups fail%s", when);
    else if (conditions_want_token(diagnosis->upstream) || token->state == KEEPER_SUSPECT)
        condition_put(out, "the upstream rejects the present token%s", when);
    else
        condition_put(out, "lookups fail from %s on unless it recovers%s",
                      condition_time(diagnosis, ends_at(diagnosis), until), when);
}

static void find_endpoint(struct diagnosis *diagnosis)
{
    const struct keeper_status *token = &diagnosis->upstream->token;
    const enum token_cause_kind kind = token->cause.kind;
    const char *what = kind < ARRAY_LEN(causes) ? causes[kind].what : NULL;
    char outlook[CONDITION_TEXT], error[ERROR_TEXT];
    struct condition *condition = NULL;

    if (what != NULL && token->last_error != NULL)
        condition = condition_begin(diagnosis, level(diagnosis), failing_since(diagnosis));
    if (condition == NULL)
        return;
    put_outlook(diagnosis, outlook);
    condition_cut(error, sizeof(error), token->last_error);
    condition_put(condition->what, "%s", what);
    condition->until = worse_at(diagnosis);
    condition_put(condition->why, "%s; %s%s", error, outlook,
                  token->cause.budget ? "; auth_budget is used up" : "");
    condition_put(condition->action, "%s", causes[kind].action);
}

/* ---- there is none, and nothing has failed ---- */

static void find_none(struct diagnosis *diagnosis)
{
    const struct keeper_status *token = &diagnosis->upstream->token;
    const bool told = token->last_error != NULL || token->cause.budget;
    struct condition *condition =
        !token->ready && !told ? condition_begin(diagnosis, CONDITION_DOWN, token->lacking_since)
                               : NULL;

    if (condition == NULL)
        return;
    condition_put(condition->what, "There is no token yet");
    condition_put(condition->why, "%s",
                  token->state == KEEPER_FETCHING ? "one has been asked for" : token->state_name);
    condition_put(condition->action, "Wait a moment: lookups wait too.");
}

/* ---- the upstream rejects it ---- */

static struct mono_time rejected_since(const struct diagnosis *diagnosis)
{
    const struct history *history = diagnosis->overview->history;

    if (diagnosis->upstream->health.failing)
        return diagnosis->upstream->health.since;
    for (size_t age = 0; age < history_event_count(history, diagnosis->number); age++)
        if (history_event_at(history, diagnosis->number, age)->kind == HISTORY_REJECTED)
            return history_event_at(history, diagnosis->number, age)->at;
    return (struct mono_time){0};
}

static bool is_rejected(const struct diagnosis *diagnosis)
{
    const struct health_state *health = &diagnosis->upstream->health;

    return has_token(diagnosis) && (diagnosis->upstream->token.state == KEEPER_SUSPECT ||
                                    (health->failing && health->failure.reason == HEALTH_REJECTED &&
                                     health->failure.status != 403));
}

static void put_rejected(const struct diagnosis *diagnosis, struct condition *condition)
{
    const struct token_cause *cause = &diagnosis->upstream->token.cause;
    /* A condition of its own says why there is no other. */
    const bool is_told = diagnosis->upstream->token.last_error != NULL || cause->budget;
    char text[TOKEN_CAUSE_TEXT];

    token_cause_text(cause, text);
    condition_put(condition->what, "The upstream rejects the token");
    if (token_cause_is_none(cause)) {
        condition_put(condition->why, "it rejected the one before too, so another does not help");
        condition_put(condition->action,
                      "Ask the provider what this client may do: its rights, scope or subscription "
                      "may have changed. Check that address and auth_url belong together.");
    } else {
        condition_put(condition->why, "it has not expired, and no other is obtained%s%s",
                      is_told ? "" : ": ", is_told ? "" : text);
        condition_put(condition->action,
                      "Another token may cure it: see to what keeps the daemon from getting one.");
    }
}

static void find_rejected(struct diagnosis *diagnosis)
{
    struct condition *condition =
        is_rejected(diagnosis)
            ? condition_begin(diagnosis, level(diagnosis), rejected_since(diagnosis))
            : NULL;

    if (condition != NULL)
        put_rejected(diagnosis, condition);
}

/* ---- the budget ---- */

static void find_budget(struct diagnosis *diagnosis)
{
    const struct overview_upstream *upstream = diagnosis->upstream;
    const struct token_cause *cause = &upstream->token.cause;
    const bool alone = cause->budget && upstream->token.last_error == NULL;
    char outlook[CONDITION_TEXT];
    struct condition *condition =
        alone ? condition_begin(diagnosis, level(diagnosis), (struct mono_time){0}) : NULL;

    if (condition == NULL)
        return;
    put_outlook(diagnosis, outlook);
    condition_put(condition->what, "The budget of token requests is used up");
    condition_put(condition->why, "auth_budget allows %lld an hour, and %u were charged; %s",
                  (long long)upstream->budget, upstream->token.charged_last_hour, outlook);
    condition_put(condition->action,
                  "Find out in the log what needed so many tokens: 401s of the upstream, or "
                  "operators. Raise [upstream] auth_budget if that is as it should be.");
}

void conditions_token(struct diagnosis *diagnosis)
{
    find_endpoint(diagnosis);
    find_none(diagnosis);
    find_rejected(diagnosis);
    find_budget(diagnosis);
}
