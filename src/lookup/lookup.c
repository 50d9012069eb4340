/*
 * The lookup reads from top to bottom: get a token, call, judge. Each step either goes on, or
 * leaves something behind that calls the next (a parked waiter, a call under way). Calls hang on a
 * context derived from the request's; when that is cancelled, the lookup takes itself down in one
 * place.
 */
#include "lookup/lookup.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "lookup/judge.h"
#include "upstream/call.h"

#define LOOKUP_MAGIC 0x46494e44u
/* Prefix, path, postcode, the rest of the target, and the caller's query. */
#define TARGET_PARTS 6

struct lookup {
    unsigned magic;
    const struct lookup_shared *shared; /* the worker's, as it is at present */
    struct lookup_plan *plan;           /* as it was when the lookup began; a reference */
    const struct lookup_way *way;       /* of the plan */
    struct ctx *ctx;
    struct ctx_hook cancelled;
    struct token_waiter waiter;
    struct token *token; /* the one the present call carries */
    bool repeated;       /* once is enough (contract 5) */
    lookup_done *done;
    void *arg;
    struct lookup_result result;
    struct lookup_query query;
    struct mono_time began;
    struct mono_time called; /* when the present call began */
    bool calling;
    char *target;
};

static void lookup_free(struct lookup *lookup)
{
    MAGIC_OK(lookup, LOOKUP_MAGIC);
    ctx_hook_remove(&lookup->cancelled);
    token_waiter_cancel(&lookup->waiter);
    token_unref(lookup->token);
    ctx_free(lookup->ctx);
    lookup_plan_unref(lookup->plan);
    mem_free(lookup->target);
    MAGIC_CLEAR(lookup);
    mem_free(lookup);
}

static uint64_t generation(const struct lookup *lookup)
{
    return lookup->token != NULL ? token_generation(lookup->token) : 0;
}

/* Where to note how it ends; NULL: nowhere, or it says something of an upstream that is gone. */
static struct lookup_health *health_of(const struct lookup *lookup)
{
    const struct lookup_way *way = lookup->way;
    const struct lookup_way *present = way->side->present;
    struct upstream_state *state = way->side->state;
    const bool counts = state != NULL && present != NULL &&
                        lookup_health_covers(&state->health, lookup->began) &&
                        way->era.number == present->era.number;

    return counts ? &state->health : NULL;
}

static void finish(struct lookup *lookup, enum lookup_result_kind kind)
{
    struct lookup_health *health = health_of(lookup);

    lookup->result.kind = kind;
    if (health != NULL)
        lookup_health_note(health, &lookup->result, generation(lookup),
                           lookup_health_postcode(lookup->query.postcode.text),
                           loop_now(ctx_loop(lookup->ctx)));
    ctx_hook_remove(&lookup->cancelled); /* what is done with the result may cancel the context */
    lookup->done(lookup->arg, &lookup->result);
    lookup_free(lookup);
}

static void add_duration(struct lookup_stats *stats, int64_t duration)
{
    stats->upstream_duration =
        duration + (stats->upstream_duration < 0 ? 0 : stats->upstream_duration);
}

static enum health_reason awaited(const struct lookup *lookup)
{
    if (!lookup->calling)
        return HEALTH_NO_TOKEN;
    return lookup->query.stats->queued ? HEALTH_QUEUED : HEALTH_TIMED_OUT;
}

/* The derived context was cancelled first, and with it the call: the client has closed it. */
static void on_cancelled(struct ctx_hook *hook, enum ctx_cause cause)
{
    struct lookup *lookup = CONTAINER_OF(hook, struct lookup, cancelled);
    struct lookup_health *health = health_of(lookup);

    if (cause == CTX_DEADLINE && health != NULL)
        lookup_health_timed_out(health, awaited(lookup), generation(lookup), mono_now());
    if (lookup->calling)
        add_duration(lookup->query.stats, mono_diff(mono_now(), lookup->called));
    lookup_free(lookup);
}

/* ---- the steps ---- */

static void take_ticket(struct lookup *lookup, const struct token_ticket *ticket);

static void told(struct token_waiter *waiter, const struct token_ticket *ticket)
{
    struct lookup *lookup = CONTAINER_OF(waiter, struct lookup, waiter);
    MAGIC_OK(lookup, LOOKUP_MAGIC);
    take_ticket(lookup, ticket);
}

static void rejected(struct lookup *lookup, struct mono_time sent)
{
    lookup->repeated = true;
    memset(lookup->result.headers, 0, sizeof(lookup->result.headers)); /* borrowed until here */
    struct token_ticket ticket = token_source_rejected(lookup->way->side->tokens, lookup->ctx,
                                                       lookup->token, sent, &lookup->waiter);
    take_ticket(lookup, &ticket);
}

static void add_up(struct lookup *lookup, const struct upstream_response *reply)
{
    struct lookup_result *result = &lookup->result;
    lookup->calling = false;
    add_duration(lookup->query.stats, reply->duration);
    lookup->query.stats->retries += reply->retries;
    result->status = reply->status;
    result->error = reply->error;
    memcpy(result->headers, reply->headers, sizeof(result->headers));
}

static bool is_accepted(const struct upstream_response *reply)
{
    return judge_has_status(reply) &&
           ((reply->status >= 200 && reply->status < 300) || reply->status == 304);
}

/* An upstream may repeat the token, as the name of a member too. */
static void hide_token(const struct token *token, struct buf *outline)
{
    const char *authorization = token_authorization(token);
    const char *value = authorization + strcspn(authorization, " ") + 1;

    if (outline != NULL && strstr(buf_text(outline), value) != NULL) {
        buf_reset(outline);
        buf_puts(outline, "a body that repeats the token");
    }
}

static void called(void *arg, struct upstream_response *reply)
{
    MAGIC_CAST(struct lookup, lookup, arg, LOOKUP_MAGIC);
    const struct judge_question question = {.upstream = lookup->way->upstream,
                                            .postcode = lookup->query.postcode.text,
                                            .outline = lookup->query.outline};
    struct reason reason;

    add_up(lookup, reply);
    const bool blames_token = judge_response(&question, reply, &lookup->result, &reason);
    hide_token(lookup->token, lookup->query.outline);
    if (blames_token)
        metric_upstream_add(METRIC_TOKEN_REJECTED, lookup->way->upstream->index, 0, 1);
    if (is_accepted(reply) && !blames_token)
        token_source_succeeded(lookup->way->side->tokens, lookup->token, reply->sent);
    if (blames_token && !lookup->repeated) {
        rejected(lookup, reply->sent);
        return;
    }
    lookup->result.alone = blames_token && generation(lookup) == lookup->waiter.rejected_generation;
    finish(lookup, lookup->result.kind);
}

/* Room for all header fields of a lookup. */
#define HEADERS_MAX (8 + CONFIG_HEADERS_MAX)

/* The fields of ours, then those of header.NAME. Gives their number. */
static size_t make_headers(const struct lookup *lookup, struct client_header headers[])
{
    const struct config *config = lookup->plan->config;
    const struct config_upstream *upstream = lookup->way->upstream;
    const struct lookup_query *query = &lookup->query;
    const char *tracestate = ctx_tracestate(lookup->ctx);
    /* The answer is not what a validator of the upstream's body is about. */
    const bool whole = upstream->answer == ANSWER_BODY;
    const bool forward = config->identity_forward_header != NULL && query->user[0] != '\0';
    const struct client_header ours[] = {
        {"Authorization", token_authorization(lookup->token)},
        {"Accept", "application/json"},
        {config->tracker_header, ctx_guid(lookup->ctx)},
        {"traceparent", ctx_traceparent(lookup->ctx)},
        {"tracestate", tracestate[0] == '\0' ? NULL : tracestate},
        {"If-None-Match", whole ? query->if_none_match : NULL},
        {"If-Modified-Since", whole ? query->if_modified_since : NULL},
        {config->identity_forward_header, query->user}, /* the last: not always sent */
    };
    size_t count = ARRAY_LEN(ours) - !forward;

    memcpy(headers, ours, count * sizeof(*ours));
    for (size_t i = 0; i < upstream->header_count; i++)
        headers[count++] =
            (struct client_header){upstream->headers[i].name, upstream->headers[i].value};
    return count;
}

static void call(struct lookup *lookup)
{
    struct client_header headers[HEADERS_MAX];
    const struct client_request request = {
        .target = lookup->target,
        .headers = headers,
        .header_count = make_headers(lookup, headers),
        .max_response = (size_t)lookup->way->upstream->max_response_size,
        .queued = &lookup->query.stats->queued,
    };

    lookup->called = loop_now(ctx_loop(lookup->ctx));
    lookup->calling = true;
    client_call(lookup->way->client, lookup->ctx, &request, called, lookup);
}

static char *join(const char *const parts[], size_t count)
{
    size_t lens[TARGET_PARTS];
    size_t len = 0;

    for (size_t i = 0; i < count; i++)
        len += lens[i] = strlen(parts[i]);
    char *target = mem_alloc(len + 1);
    char *to = target;
    for (size_t i = 0; i < count; i++)
        to = mempcpy(to, parts[i], lens[i]);
    *to = '\0';
    return target;
}

static char *make_target(const struct config_upstream *upstream, const struct lookup_query *query)
{
    const struct config_target *target = &upstream->lookup_target;
    const bool whole = target->text != NULL;
    /* A reload may have brought a target with a query of its own since the request was accepted. */
    const char *own = target->has_query ? NULL : query->query;
    const char *const parts[TARGET_PARTS] = {
        origin_prefix(upstream->address), whole ? target->before : upstream->lookup_path,
        query->postcode.encoded,          whole ? target->behind : "",
        own != NULL ? "?" : "",           own != NULL ? own : "",
    };

    return join(parts, ARRAY_LEN(parts));
}

/*
 * A reload came while the lookup waited, and the token is for the upstream of after: to the one of
 * before it must not go.
 */
static void follow_reload(struct lookup *lookup, const struct lookup_way *present)
{
    struct lookup_plan *before = lookup->plan;

    mem_free(lookup->target);
    lookup->target = make_target(present->upstream, &lookup->query);
    lookup->plan = lookup_plan_ref(lookup->shared->plan);
    lookup->way = present;
    lookup_plan_unref(before);
}

static void take_token(struct lookup *lookup, struct token *token)
{
    const struct lookup_way *present = lookup->way->side->present;
    if (present != NULL && lookup->way->era.number != present->era.number &&
        token_generation(token) >= present->era.first_generation)
        follow_reload(lookup, present);
    token_unref(lookup->token);
    lookup->token = token;
    lookup->query.stats->retries += lookup->repeated;
    call(lookup);
}

static void take_ticket(struct lookup *lookup, const struct token_ticket *ticket)
{
    switch (ticket->kind) {
    case TOKEN_READY:
        take_token(lookup, ticket->token);
        break;
    case TOKEN_PARKED:
        lookup->query.stats->waited_for_token = true;
        break;
    case TOKEN_UNAVAILABLE:
        lookup->result.retry_after = ticket->retry_after;
        lookup->result.cause = ticket->cause;
        finish(lookup, LOOKUP_NO_TOKEN);
        break;
    case TOKEN_REJECTED:
        lookup->result.retry_after = ticket->retry_after;
        lookup->result.alone = ticket->accepted;
        lookup->result.cause =
            ticket->accepted || token_cause_is_none(ticket->cause) ? NULL : ticket->cause;
        finish(lookup, LOOKUP_REJECTED);
        break;
    }
}

/* ---- its beginning ---- */

void lookup_start(const struct lookup_shared *shared, const struct config_route *route,
                  struct ctx *ctx, const struct lookup_query *query, lookup_done *done, void *arg)
{
    struct lookup *lookup = mem_zalloc(sizeof(*lookup));
    MAGIC_SET(lookup, LOOKUP_MAGIC);
    lookup->shared = shared;
    lookup->plan = lookup_plan_ref(shared->plan);
    lookup->way = &shared->plan->ways[route->upstreams[0]];
    lookup->ctx = ctx_derive(ctx);
    lookup->cancelled.cancelled = on_cancelled;
    ctx_hook_add(ctx, &lookup->cancelled);
    lookup->waiter.told = told;
    lookup->done = done;
    lookup->arg = arg;
    lookup->began = loop_now(ctx_loop(ctx));
    lookup->query = *query;
    lookup->result.stats = query->stats;
    *query->stats = (struct lookup_stats){.upstream_duration = -1};
    lookup->target = make_target(lookup->way->upstream, query);

    struct token_ticket ticket =
        token_source_get(lookup->way->side->tokens, lookup->ctx, &lookup->waiter);
    take_ticket(lookup, &ticket);
}
