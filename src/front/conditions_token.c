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
    return keeper_status_has_token(&diagnosis->upstream->token);
}

/* Lookups fail for it, and not only may they later. */
static enum condition_level level(const struct diagnosis *diagnosis)
{
    const struct overview_upstream *upstream = diagnosis->upstream;
    const bool fails = conditions_want_token(upstream) && upstream->health.down;

    return !upstream->token.ready || fails ? CONDITION_DOWN : CONDITION_WARNING;
}

/* ---- the token endpoint ---- */

struct advice {
    const char *what, *action;
};

static const struct advice causes[] = {
    [TOKEN_CAUSE_FAILED] = {"The token endpoint answers with errors",
                            "Only the provider can fix this: report it."},
    [TOKEN_CAUSE_NO_RESPONSE] = {"The token endpoint cannot be reached",
                                 "Ask the provider whether it is down; check the network, the "
                                 "proxy and TLS files between this machine and it."},
    [TOKEN_CAUSE_TIMED_OUT] = {"The token endpoint does not answer in time",
                               "Ask the provider whether it is down; check the network to it."},
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
    [TOKEN_CAUSE_FLEET_WAIT] = {"Another member of the fleet gets no token",
                                "Its log says why, and so does its status page."},
    [TOKEN_CAUSE_FLEET_UNOPENED] = {"The token in the fleet's store cannot be opened here",
                                    "Compare [fleet] key_file on all members: it must be the "
                                    "same file."},
    [TOKEN_CAUSE_FLEET_ALONE] =
        {"The fleet's store cannot be reached",
         "Bring it back, or look for what lies between it and this machine: "
         "the log says why it is not reached. [fleet] alone says how many "
         "token requests an hour all members may make without it."},
};

/* Why there is no response: where more is known than that. */
static const struct {
    enum client_error error;
    struct advice advice;
} unreached[] = {
    {CLIENT_DNS,
     {"The token endpoint's name is not found",
      "Check the spelling of [upstream] auth_url or address, and this machine's DNS."}},
    {CLIENT_CERTIFICATE,
     {"The token endpoint's certificate is not accepted",
      "It may have expired, or be of an authority that [upstream] ca_file lacks; postcoded --probe "
      "says which."}},
    {CLIENT_PROXY_AUTH,
     {"The proxy before the token endpoint refuses (407)",
      "Check [upstream] proxy and proxy_password_file."}},
    {CLIENT_INTERNAL,
     {"Token requests cannot be made",
      "It is this machine's or the daemon's fault: the log tells more. Check its memory and open "
      "files."}},
};

/* NULL: none of these. */
static const struct advice *advice_for(const struct token_cause *cause)
{
    if (cause->kind == TOKEN_CAUSE_NO_RESPONSE)
        for (size_t i = 0; i < ARRAY_LEN(unreached); i++)
            if (unreached[i].error == cause->error)
                return &unreached[i].advice;
    return cause->kind < ARRAY_LEN(causes) && causes[cause->kind].what != NULL
               ? &causes[cause->kind]
               : NULL;
}

/* Who asks again, and when; nobody does without budget. */
static const char *repetition(const struct keeper_status *token)
{
    if (token->next_request_in >= 0 || token->state == KEEPER_FETCHING ||
        token->state == KEEPER_RENEWING)
        return " The daemon asks again by itself.";
    return token->cause.budget ? "" : " The daemon asks again with the next lookup.";
}

/* The first failure since the last token. */
static struct mono_time failing_since(const struct diagnosis *diagnosis)
{
    const struct overview *overview = diagnosis->overview;
    const struct history *history = overview->history;
    struct mono_time since = mono_add(overview->now, -diagnosis->upstream->token.last_error_age);

    for (size_t age = 0; age < history_event_count(history, diagnosis->upstream->index); age++) {
        const struct history_event *event =
            history_event_at(history, diagnosis->upstream->index, age);

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
    return has_token(diagnosis) && !diagnosis->upstream->covered &&
                   !conditions_want_token(diagnosis->upstream) &&
                   diagnosis->upstream->token.state != KEEPER_SUSPECT
               ? ends_at(diagnosis)
               : (struct mono_time){0};
}

/* Of what an endpoint says so much is shown that the rest of the sentence has room. */
#define ERROR_TEXT 150

/* What becomes of lookups meanwhile (`with` the token that there is), and the next request. */
static void put_outlook(const struct diagnosis *diagnosis, const char *with,
                        char out[CONDITION_TEXT])
{
    const struct overview *overview = diagnosis->overview;
    const struct keeper_status *token = &diagnosis->upstream->token;
    char next[CONDITION_TIME] = "", when[CONDITION_TEXT];

    condition_put(when, "%s", "");
    if (token->next_request_in >= 0)
        condition_put(
            when, "; the next request is due at %s",
            condition_time(diagnosis, mono_add(overview->now, token->next_request_in), next));
    if (!has_token(diagnosis))
        condition_put(out, "%s%s",
                      token->ready ? "there is no token, and the next lookup asks for one"
                      : diagnosis->upstream->covered ? "there is no token, and lookups go to others"
                                                     : "there is no token, and lookups fail",
                      when);
    else if (conditions_want_token(diagnosis->upstream) || token->state == KEEPER_SUSPECT)
        condition_put(out, "the upstream rejects the present token%s", when);
    else
        condition_put(out, "%s%s", with, when);
}

/* The lot allows this member no request. It is told of the store, which all upstreams have. */
static bool is_barred(const struct overview_upstream *upstream)
{
    return upstream->in_fleet && upstream->token.cause.kind == TOKEN_CAUSE_FLEET_ALONE;
}

static void find_endpoint(struct diagnosis *diagnosis)
{
    const struct keeper_status *token = &diagnosis->upstream->token;
    const struct advice *advice = advice_for(&token->cause);
    char outlook[CONDITION_TEXT], with[CONDITION_TEXT], until[CONDITION_TIME], error[ERROR_TEXT];
    struct condition *condition = NULL;

    if (advice != NULL && token->last_error != NULL && !is_barred(diagnosis->upstream))
        condition = condition_begin(diagnosis, level(diagnosis), failing_since(diagnosis));
    if (condition == NULL)
        return;
    condition->until = worse_at(diagnosis);
    condition_put(with, "lookups %s from %s on unless it recovers",
                  diagnosis->upstream->covered ? "go to others" : "fail",
                  condition_time(diagnosis, ends_at(diagnosis), until));
    put_outlook(diagnosis, with, outlook);
    condition_cut(error, sizeof(error), token->last_error);
    condition_put(condition->what, "%s", advice->what);
    condition_put(condition->why, "%s; %s%s", error, outlook,
                  token->cause.budget ? "; auth_budget is used up" : "");
    condition_put(condition->action, "%s%s", advice->action, repetition(token));
}

/* ---- there is none, and nothing has failed ---- */

bool conditions_lack_store(const struct overview_upstream *upstream)
{
    const bool other = upstream->token.cause.budget ||
                       (advice_for(&upstream->token.cause) != NULL && !is_barred(upstream));

    return upstream->in_fleet && upstream->member.state == FLEET_ALONE && !upstream->token.ready &&
           !other;
}

struct mono_time conditions_need_store(const struct diagnosis *diagnosis,
                                       const struct overview_upstream *upstream)
{
    return is_barred(upstream) && keeper_status_has_token(&upstream->token) && !upstream->covered
               ? mono_add(diagnosis->overview->now, upstream->token.usable_for)
               : MONO_NEVER;
}

static void put_stalled(const struct diagnosis *diagnosis, struct condition *condition)
{
    const struct keeper_status *token = &diagnosis->upstream->token;
    char next[CONDITION_TIME] = "";

    if (token->next_request_in >= 0)
        condition_time(diagnosis, mono_add(diagnosis->overview->now, token->next_request_in), next);
    condition_put(condition->what, "The token endpoint gives the same token until it has expired");
    condition_put(condition->why, "the last one is over%s%s",
                  next[0] != '\0' ? "; the next request is due at " : "", next);
    condition_put(condition->action, "Nothing has to be done here: it gives another one then. "
                                     "Tell the provider.");
}

static void find_none(struct diagnosis *diagnosis)
{
    const struct keeper_status *token = &diagnosis->upstream->token;
    const bool told = token->last_error != NULL || token->cause.budget ||
                      conditions_lack_store(diagnosis->upstream);
    struct condition *condition =
        !token->ready && !told ? condition_begin(diagnosis, CONDITION_DOWN, token->lacking_since)
                               : NULL;

    if (condition == NULL)
        return;
    if (token->cause.kind == TOKEN_CAUSE_STALLED && token->state == KEEPER_BACKOFF) {
        put_stalled(diagnosis, condition);
        return;
    }
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
    for (size_t age = 0; age < history_event_count(history, diagnosis->upstream->index); age++)
        if (history_event_at(history, diagnosis->upstream->index, age)->kind == HISTORY_REJECTED)
            return history_event_at(history, diagnosis->upstream->index, age)->at;
    return (struct mono_time){0};
}

/*
 * A token that the upstream rejects for some lookups and accepts for others is suspect again and
 * again: that is told of the lookups (conditions_upstream.c).
 */
static bool is_rejected(const struct diagnosis *diagnosis)
{
    const struct overview_upstream *upstream = diagnosis->upstream;

    return has_token(diagnosis) &&
           ((upstream->token.state == KEEPER_SUSPECT && !conditions_are_mixed(diagnosis)) ||
            (upstream->health.down && conditions_want_token(upstream)));
}

/* Every replacement is rejected too: it is not the token. */
static void put_rights(const struct diagnosis *diagnosis, struct condition *condition)
{
    const struct overview_upstream *upstream = diagnosis->upstream;

    condition_put(condition->why,
                  "it rejected the one before too, so another one hardly helps; one is requested "
                  "every 30 s while lookups go on, until auth_budget (%lld an hour) is used up",
                  (long long)upstream->budget);
    condition_put(condition->action,
                  "Ask the provider what this client may do: its rights, scope or subscription "
                  "may have changed. Check that address and auth_url belong together.");
}

/* It was good, and the next one is not asked for yet. */
static void put_paced(const struct diagnosis *diagnosis, struct condition *condition)
{
    const struct keeper_status *token = &diagnosis->upstream->token;
    char next[CONDITION_TIME];

    condition_time(diagnosis, mono_add(diagnosis->overview->now, token->next_request_in), next);
    condition_put(condition->why,
                  "it accepted this token before; replacements are 30 s apart, so the next is "
                  "requested at %s if lookups go on",
                  next);
    condition_put(condition->action, "Wait until then. If it recurs, ask the provider why tokens "
                                     "are revoked before they expire.");
}

static void put_rejected(const struct diagnosis *diagnosis, struct condition *condition)
{
    const struct token_cause *cause = &diagnosis->upstream->token.cause;
    char text[TOKEN_CAUSE_TEXT];

    condition_put(condition->what, "The upstream rejects the token");
    if (token_cause_is_none(cause)) {
        put_rights(diagnosis, condition);
    } else if (cause->kind == TOKEN_CAUSE_PACED) {
        put_paced(diagnosis, condition);
    } else {
        token_cause_text(cause, text);
        condition_put(condition->why, "it has not expired, and no other is obtained: %s", text);
        condition_put(condition->action, "A new token may fix it: ask the provider why its token "
                                         "endpoint gives none that its API accepts.");
    }
}

/* Not told beside what keeps the daemon from another token: that says it, and is the thing to fix.
 */
static void find_rejected(struct diagnosis *diagnosis)
{
    const struct keeper_status *token = &diagnosis->upstream->token;
    struct condition *condition =
        is_rejected(diagnosis) && token->last_error == NULL && !token->cause.budget
            ? condition_begin(diagnosis, level(diagnosis), rejected_since(diagnosis))
            : NULL;

    if (condition != NULL)
        put_rejected(diagnosis, condition);
}

/* ---- the budget ---- */

/* What it says with 0: it is a setting, and nothing was used up. */
static void put_no_budget(struct condition *condition, const char *outlook)
{
    condition_put(condition->what, "auth_budget is 0");
    condition_put(condition->why,
                  "after a 401, a failed response or by hand no token is requested; %s", outlook);
    condition_put(condition->action, "Set [upstream] auth_budget (60 is the default) and reload.");
}

static void find_budget(struct diagnosis *diagnosis)
{
    const struct overview_upstream *upstream = diagnosis->upstream;
    const struct token_cause *cause = &upstream->token.cause;
    const bool alone = cause->budget && upstream->token.last_error == NULL;
    char outlook[CONDITION_TEXT];
    struct condition *condition =
        alone ? condition_begin(diagnosis, level(diagnosis), upstream->token.exhausted_since)
              : NULL;

    if (condition == NULL)
        return;
    put_outlook(diagnosis, "lookups go on with the present token", outlook);
    if (upstream->budget == 0) {
        put_no_budget(condition, outlook);
        return;
    }
    condition_put(condition->what, "The budget of token requests is used up");
    if (upstream->token.fleet_exhausted)
        condition_put(condition->why,
                      "auth_budget allows all members of the fleet together %lld an hour; %s",
                      (long long)upstream->budget, outlook);
    else
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
