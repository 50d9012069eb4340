/*
 * The lookup reads from top to bottom: get a token, call, judge. Each step either goes on, or
 * leaves something behind that calls the next (a parked waiter, a call under way). Calls hang on a
 * context derived from the request's; when that is cancelled, the lookup takes itself down in one
 * place.
 */
#include "lookup/find_address.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "lookup/address.h"
#include "upstream/origin.h"

#define FINDING_MAGIC 0x46494e44u

struct finding {
    unsigned magic;
    const struct finder *finder; /* the worker's, as it is at present */
    struct finder way;           /* as it was when the lookup began; references of our own */
    struct ctx *ctx;
    struct ctx_hook cancelled;
    struct token_waiter waiter;
    struct token *token; /* the one the present call carries */
    bool repeated;       /* once is enough (SPEC 5) */
    find_done *done;
    void *arg;
    struct find_result result;
    struct find_query query;
    struct mono_time called; /* when the present call began */
    bool calling;
    char *target;
};

void finder_init(struct finder *finder, struct token_source *tokens, struct config *config,
                 struct pool *pool)
{
    *finder =
        (struct finder){.tokens = tokens, .config = config_ref(config), .pool = pool_ref(pool)};
}

void finder_use(struct finder *finder, struct config *config, struct pool *pool,
                struct token_era era)
{
    config_ref(config);
    pool_ref(pool);
    finder_fini(finder);
    finder->config = config;
    finder->pool = pool;
    finder->era = era;
}

void finder_fini(struct finder *finder)
{
    config_unref(finder->config);
    pool_unref(finder->pool);
    finder->config = NULL;
    finder->pool = NULL;
}

static void finding_free(struct finding *finding)
{
    MAGIC_OK(finding, FINDING_MAGIC);
    ctx_hook_remove(&finding->cancelled);
    token_waiter_cancel(&finding->waiter);
    token_unref(finding->token);
    ctx_free(finding->ctx);
    finder_fini(&finding->way);
    mem_free(finding->target);
    MAGIC_CLEAR(finding);
    mem_free(finding);
}

static void finish(struct finding *finding, enum find_outcome outcome)
{
    finding->result.outcome = outcome;
    ctx_hook_remove(&finding->cancelled); /* what is done with the result may cancel the context */
    finding->done(finding->arg, &finding->result);
    finding_free(finding);
}

static void add_duration(struct trip *trip, int64_t duration)
{
    trip->upstream_duration =
        duration + (trip->upstream_duration < 0 ? 0 : trip->upstream_duration);
}

/* The derived context was cancelled first, and with it the call: the client has closed it. */
static void on_cancelled(struct ctx_hook *hook, enum ctx_cause cause)
{
    struct finding *finding = CONTAINER_OF(hook, struct finding, cancelled);
    (void)cause;
    if (finding->calling)
        add_duration(finding->query.trip, mono_diff(mono_now(), finding->called));
    finding_free(finding);
}

/* ---- judging an answer ---- */

/* Only the body of a 200 is of use: of any other answer the status counts, whatever came after. */
static bool has_status(const struct client_reply *reply)
{
    return reply->error == CLIENT_OK || reply->error == CLIENT_BODY_TOO_LARGE;
}

static bool is_address(struct finding *finding, struct client_reply *reply,
                       char problem[ADDRESS_PROBLEM])
{
    if (address_check(reply->body, reply->body_len, problem) == ERR_OK)
        return true;
    finding->result.problem = problem;
    return false;
}

static enum find_outcome judge_ok(struct finding *finding, struct client_reply *reply,
                                  char problem[ADDRESS_PROBLEM])
{
    if (reply->error == CLIENT_BODY_TOO_LARGE || !is_address(finding, reply, problem))
        return FIND_MALFORMED;
    finding->result.body_len = reply->body_len;
    finding->result.body = client_reply_take_body(reply);
    return FIND_ADDRESS;
}

static enum find_outcome judge(struct finding *finding, struct client_reply *reply,
                               char problem[ADDRESS_PROBLEM])
{
    if (!has_status(reply))
        return FIND_FAILED;
    switch (reply->status) {
    case 200:
        return judge_ok(finding, reply, problem);
    case 304:
        return FIND_NOT_MODIFIED;
    case 400:
    case 422:
        return FIND_INVALID;
    case 401:
    case 403:
        return FIND_REFUSED;
    case 404:
        return FIND_UNKNOWN;
    case 429:
        return FIND_RATE_LIMITED;
    case 503:
        return FIND_BUSY;
    default:
        return FIND_UPSTREAM_STATUS;
    }
}

/* ---- the steps ---- */

static void take_ticket(struct finding *finding, const struct token_ticket *ticket);

static void told(struct token_waiter *waiter, const struct token_ticket *ticket)
{
    struct finding *finding = CONTAINER_OF(waiter, struct finding, waiter);
    MAGIC_OK(finding, FINDING_MAGIC);
    take_ticket(finding, ticket);
}

static void refused(struct finding *finding, struct mono_time sent)
{
    finding->repeated = true;
    finding->query.trip->retries++;
    struct token_ticket ticket = token_source_refused(finding->way.tokens, finding->ctx,
                                                      finding->token, sent, &finding->waiter);
    take_ticket(finding, &ticket);
}

static void add_up(struct finding *finding, const struct client_reply *reply)
{
    struct find_result *result = &finding->result;
    finding->calling = false;
    add_duration(finding->query.trip, reply->duration);
    finding->query.trip->retries += reply->retries;
    result->status = reply->status;
    result->error = reply->error;
    memcpy(result->headers, reply->headers, sizeof(result->headers));
}

static bool let_in(const struct client_reply *reply)
{
    return has_status(reply) &&
           ((reply->status >= 200 && reply->status < 300) || reply->status == 304);
}

static void answered(void *arg, struct client_reply *reply)
{
    MAGIC_CAST(struct finding, finding, arg, FINDING_MAGIC);
    add_up(finding, reply);
    if (let_in(reply))
        token_source_succeeded(finding->way.tokens, finding->token, reply->sent);
    if (has_status(reply) && reply->status == 401 && !finding->repeated) {
        refused(finding, reply->sent);
        return;
    }
    char problem[ADDRESS_PROBLEM];
    finish(finding, judge(finding, reply, problem));
}

static void call(struct finding *finding)
{
    const struct config *config = finding->way.config;
    const struct find_query *query = &finding->query;
    const char *tracestate = ctx_tracestate(finding->ctx);
    const bool forward = config->identity_forward_header != NULL && query->user[0] != '\0';
    const struct client_header headers[] = {
        {"Authorization", token_authorization(finding->token)},
        {"Accept", "application/json"},
        {config->tracker_header, ctx_guid(finding->ctx)},
        {"traceparent", ctx_traceparent(finding->ctx)},
        {"tracestate", tracestate[0] == '\0' ? NULL : tracestate},
        {"If-None-Match", query->if_none_match},
        {"If-Modified-Since", query->if_modified_since},
        {config->identity_forward_header, query->user}, /* the last: not always sent */
    };
    const struct client_request request = {
        .target = finding->target,
        .headers = headers,
        .header_count = ARRAY_LEN(headers) - !forward,
        .max_response = (size_t)config->upstream_max_response_size,
    };
    finding->called = loop_now(ctx_loop(finding->ctx));
    finding->calling = true;
    client_call(pool_client(finding->way.pool), finding->ctx, &request, answered, finding);
}

static char *make_target(const struct config *config, const struct find_query *query)
{
    const char *const parts[] = {origin_prefix(config->upstream_address),
                                 config->upstream_lookup_path, query->postcode.encoded,
                                 query->query != NULL ? "?" : "",
                                 query->query != NULL ? query->query : ""};
    size_t lens[ARRAY_LEN(parts)];
    size_t len = 0;

    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        len += lens[i] = strlen(parts[i]);
    char *target = mem_alloc(len + 1);
    char *to = target;
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        to = mempcpy(to, parts[i], lens[i]);
    *to = '\0';
    return target;
}

/*
 * A reload came while the lookup waited, and the token is for the upstream of after: to the one of
 * before it must not go.
 */
static void follow_reload(struct finding *finding)
{
    const struct finder *now = finding->finder;
    mem_free(finding->target);
    finding->target = make_target(now->config, &finding->query);
    finder_use(&finding->way, now->config, now->pool, now->era);
}

static void take_token(struct finding *finding, struct token *token)
{
    const struct token_era *era = &finding->finder->era;
    if (finding->way.era.number != era->number && token_generation(token) >= era->first_generation)
        follow_reload(finding);
    token_unref(finding->token);
    finding->token = token;
    call(finding);
}

static void take_ticket(struct finding *finding, const struct token_ticket *ticket)
{
    switch (ticket->answer) {
    case TOKEN_READY:
        take_token(finding, ticket->token);
        break;
    case TOKEN_PARKED:
        finding->query.trip->waited_for_token = true;
        break;
    case TOKEN_UNAVAILABLE:
        finding->result.retry_after = ticket->retry_after;
        finish(finding, FIND_NO_TOKEN);
        break;
    case TOKEN_REFUSED:
        finish(finding, FIND_REFUSED);
        break;
    }
}

/* ---- its beginning ---- */

void find_address(const struct finder *finder, struct ctx *ctx, const struct find_query *query,
                  find_done *done, void *arg)
{
    struct finding *finding = mem_zalloc(sizeof(*finding));
    MAGIC_SET(finding, FINDING_MAGIC);
    finding->finder = finder;
    finder_init(&finding->way, finder->tokens, finder->config, finder->pool);
    finding->way.era = finder->era;
    finding->ctx = ctx_derive(ctx);
    finding->cancelled.cancelled = on_cancelled;
    ctx_hook_add(ctx, &finding->cancelled);
    finding->waiter.told = told;
    finding->done = done;
    finding->arg = arg;
    finding->query = *query;
    finding->result.trip = query->trip;
    *query->trip = (struct trip){.upstream_duration = -1};
    finding->target = make_target(finder->config, query);

    struct token_ticket ticket = token_source_get(finder->tokens, finding->ctx, &finding->waiter);
    take_ticket(finding, &ticket);
}
