/*
 * It reads from top to bottom: get a token, take a turn, call, judge. Each step either goes on, or
 * leaves something behind that calls the next (a parked waiter, a call under way).
 */
#include "lookup/attempt.h"

#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "lookup/judge.h"
#include "lookup/prepared.h"

uint64_t attempt_generation(const struct attempt *attempt)
{
    return attempt->token != NULL ? token_generation(attempt->token) : 0;
}

enum health_reason attempt_awaits(const struct attempt *attempt)
{
    if (!attempt->calling)
        return attempt->makes_up ? HEALTH_TIMED_OUT : HEALTH_NO_TOKEN;
    return attempt->query->stats->queued ? HEALTH_QUEUED : HEALTH_TIMED_OUT;
}

bool attempt_waits_for_turn(const struct attempt *attempt)
{
    return attempt->turn_waiter.turns != NULL && !attempt->makes_up;
}

static void add_duration(struct lookup_stats *stats, int64_t duration)
{
    stats->upstream_duration =
        duration + (stats->upstream_duration < 0 ? 0 : stats->upstream_duration);
}

void attempt_count_time(struct attempt *attempt, struct mono_time now)
{
    if (attempt->calling)
        add_duration(attempt->query->stats, mono_diff(now, attempt->called));
    attempt->calling = false;
}

static void finish(struct attempt *attempt, enum lookup_result_kind kind)
{
    attempt->result->kind = kind;
    attempt->ended(attempt);
}

/* ---- the call ---- */

static bool has_rate(const struct attempt *attempt)
{
    return attempt->way->upstream->rate != 0 && attempt->way->side->turns != NULL;
}

/*
 * That a kept connection was closed is the ordinary race of HTTP (RFC 9112, section 9.6) and no
 * failure of the upstream, so it is not charged. On the wire it is a call like each other. It is
 * charged first, so that no turn is lost to one that the budget refuses; one that has no turn at
 * once is made up for, and has its charge already.
 */
static bool may_resend(void *arg, bool kept)
{
    struct attempt *attempt = arg;
    const struct lookup_way *way = attempt->way;

    if (attempt->resends >= (unsigned)way->upstream->retries ||
        (!kept && !lookup_way_charge(way, loop_now(ctx_loop(attempt->ctx)))))
        return false;
    attempt->resends++;
    if (has_rate(attempt)) {
        const struct turns_limits limits = lookup_way_limits(way);
        attempt->lacks_turn = !turns_try(way->side->turns, &limits);
    }
    return !attempt->lacks_turn;
}

static void take_ticket(struct attempt *attempt, const struct token_ticket *ticket);

static void get_token(struct attempt *attempt)
{
    struct token_ticket ticket =
        token_source_get(attempt->way->side->tokens, attempt->ctx, &attempt->token_waiter);

    take_ticket(attempt, &ticket);
}

/* What it says is borrowed until here, and another one is waited for. */
static void forget_response(struct attempt *attempt)
{
    struct lookup_result *result = attempt->result;

    memset(result->headers, 0, sizeof(result->headers));
    result->etag = result->last_modified = NULL;
    result->unreadable = false;
    attempt->query->stats->answering = false;
}

static void rejected(struct attempt *attempt, struct mono_time sent)
{
    attempt->repeated = true;
    attempt->uncounted = 1;
    attempt->resends = 0; /* another call, with resends of its own */
    forget_response(attempt);
    struct token_ticket ticket = token_source_rejected(
        attempt->way->side->tokens, attempt->ctx, attempt->token, sent, &attempt->token_waiter);
    take_ticket(attempt, &ticket);
}

static void add_up(struct attempt *attempt, const struct upstream_response *reply)
{
    struct lookup_result *result = attempt->result;

    attempt->calling = false;
    add_duration(attempt->query->stats, reply->duration);
    attempt->query->stats->retries += reply->retries;
    result->status = reply->status;
    result->error = reply->error;
    result->sent = reply->sent;
    result->unreadable = reply->unreadable;
    result->moved = attempt->reloaded;
    memcpy(result->headers, reply->headers, sizeof(result->headers));
    result->etag = reply->headers[CLIENT_ETAG];
    result->last_modified = reply->headers[CLIENT_LAST_MODIFIED];
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

/* It failed, and was not sent again because there was no turn for it at once: it waits for one. */
static bool makes_up(struct attempt *attempt)
{
    if (!attempt->lacks_turn)
        return false;
    attempt->lacks_turn = false;
    attempt->makes_up = true;
    attempt->uncounted = 1;
    attempt->query->stats->answering = false;
    get_token(attempt);
    return true;
}

static void called(void *arg, struct upstream_response *reply)
{
    struct attempt *attempt = arg;
    const struct judge_question question = {.upstream = attempt->way->upstream,
                                            .postcode = attempt->query->postcode.text,
                                            .outline = attempt->query->outline};
    struct lookup_result *result = attempt->result;
    struct reason reason;

    add_up(attempt, reply);
    if (makes_up(attempt))
        return;
    const bool blames_token = judge_response(&question, reply, result, &reason);
    hide_token(attempt->token, attempt->query->outline);
    if (blames_token)
        metric_upstream_add(METRIC_TOKEN_REJECTED, attempt->way->upstream->index, 0, 1);
    if (is_accepted(reply) && !blames_token)
        token_source_succeeded(attempt->way->side->tokens, attempt->token, reply->sent);
    if (blames_token && !attempt->repeated) {
        rejected(attempt, reply->sent);
        return;
    }
    result->alone =
        blames_token && attempt_generation(attempt) == attempt->token_waiter.rejected_generation;
    finish(attempt, result->kind);
}

static void call(struct attempt *attempt)
{
    const struct prepared_parts parts = {
        .config = attempt->plan->config,
        .query = attempt->query,
        .ctx = attempt->ctx,
        .target = attempt->target,
        /* The answer is not what a validator of the upstream's body is about. */
        .validators = attempt->validators && attempt->way->upstream->answer == ANSWER_BODY,
        .kept = !attempt->reloaded,
    };
    const struct prepared_call prepared_call = {.queued = &attempt->query->stats->queued,
                                                .late = &attempt->query->stats->late,
                                                .answering = &attempt->query->stats->answering,
                                                .may_resend = may_resend,
                                                .done = called,
                                                .arg = attempt};
    struct prepared prepared;

    prepared_init(&prepared, attempt->way, attempt->token, &parts);
    attempt->called = loop_now(ctx_loop(attempt->ctx));
    attempt->calling = true;
    attempt->query->stats->retries += attempt->uncounted;
    attempt->uncounted = 0;
    attempt->makes_up = false;
    prepared_send(&prepared, attempt->ctx, &prepared_call);
}

/* ---- its turn ---- */

/* The token may have been replaced meanwhile. */
static void turn_came(struct turn_waiter *waiter)
{
    struct attempt *attempt = CONTAINER_OF(waiter, struct attempt, turn_waiter);

    attempt->turn_came = true;
    get_token(attempt);
}

/* Without a resend the failure of before stands: it says of the upstream what a rate does not. */
static void refuse(struct attempt *attempt, int64_t retry_after)
{
    metric_upstream_add(METRIC_RATE_REFUSED, attempt->way->upstream->index, 0, 1);
    if (attempt->makes_up) {
        finish(attempt, LOOKUP_FAILED);
        return;
    }
    attempt->result->retry_after = retry_after;
    finish(attempt, LOOKUP_NO_TURN);
}

static void take_turn(struct attempt *attempt)
{
    const struct turns_limits limits = lookup_way_limits(attempt->way);
    int64_t retry_after;

    switch (turns_take(attempt->way->side->turns, &limits, attempt->latest, &attempt->turn_waiter,
                       &retry_after)) {
    case TURN_NOW:
        call(attempt);
        break;
    case TURN_PARKED:
        break;
    case TURN_REFUSED:
        refuse(attempt, retry_after);
        break;
    }
}

/* ---- its token ---- */

/*
 * A reload came while the lookup waited, and the token is for the upstream of after: to the one of
 * before it must not go.
 */
static void follow_reload(struct attempt *attempt, const struct lookup_way *present)
{
    struct lookup_plan *before = attempt->plan;

    attempt->reloaded = true;
    mem_free(attempt->target);
    attempt->target = prepared_target(present->upstream, attempt->query);
    attempt->plan = lookup_plan_ref(attempt->shared->plan);
    attempt->way = present;
    lookup_plan_unref(before);
}

static void take_token(struct attempt *attempt, struct token *token)
{
    const struct lookup_way *present = attempt->way->side->present;

    if (present != NULL && attempt->way->era.number != present->era.number &&
        token_generation(token) >= present->era.first_generation)
        follow_reload(attempt, present);
    token_unref(attempt->token);
    attempt->token = token;
    const bool has_turn = attempt->turn_came;

    attempt->turn_came = false;
    if (has_turn || !has_rate(attempt))
        call(attempt);
    else
        take_turn(attempt);
}

static void take_ticket(struct attempt *attempt, const struct token_ticket *ticket)
{
    struct lookup_result *result = attempt->result;

    switch (ticket->kind) {
    case TOKEN_READY:
        take_token(attempt, ticket->token);
        break;
    case TOKEN_PARKED:
        attempt->turn_came = false; /* it does not wait for the token */
        attempt->query->stats->waited_for_token = true;
        break;
    case TOKEN_UNAVAILABLE:
        result->retry_after = ticket->retry_after;
        result->cause = ticket->cause;
        finish(attempt, LOOKUP_NO_TOKEN);
        break;
    case TOKEN_REJECTED:
        result->retry_after = ticket->retry_after;
        result->alone = ticket->accepted;
        result->cause =
            ticket->accepted || token_cause_is_none(ticket->cause) ? NULL : ticket->cause;
        finish(attempt, LOOKUP_REJECTED);
        break;
    }
}

static void told(struct token_waiter *waiter, const struct token_ticket *ticket)
{
    take_ticket(CONTAINER_OF(waiter, struct attempt, token_waiter), ticket);
}

/* ---- life ---- */

void attempt_start(struct attempt *attempt, struct lookup_plan *plan, const struct lookup_way *way,
                   struct ctx *ctx, struct mono_time latest)
{
    attempt->plan = lookup_plan_ref(plan);
    attempt->way = way;
    attempt->ctx = ctx;
    attempt->latest = latest;
    attempt->token_waiter = (struct token_waiter){.told = told};
    attempt->turn_waiter = (struct turn_waiter){.come = turn_came};
    attempt->resends = attempt->uncounted = 0;
    attempt->turn_came = attempt->repeated = attempt->calling = false;
    attempt->lacks_turn = attempt->makes_up = attempt->reloaded = false;
    attempt->target = prepared_target(way->upstream, attempt->query);
    get_token(attempt);
}

void attempt_extend(struct attempt *attempt, struct mono_time latest)
{
    attempt->latest = latest;
}

void attempt_fini(struct attempt *attempt)
{
    if (attempt->plan == NULL)
        return;
    token_waiter_cancel(&attempt->token_waiter);
    turn_cancel(&attempt->turn_waiter);
    token_unref(attempt->token);
    attempt->token = NULL;
    mem_free(attempt->target);
    lookup_plan_unref(attempt->plan);
    attempt->plan = NULL;
}
