/*
 * A lookup walks the upstreams of its route: choose one, attempt it, and go on to the next one
 * where that may help and is allowed. Most lookups end with the first.
 *
 * Calls hang on a context derived from the request's; when the request's is cancelled, the lookup
 * takes itself down in one place. An upstream that others follow has a share of the time that is
 * left. A timer ends it, which cancels the context and derives another one.
 */
#include "lookup/lookup.h"

#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "lookup/attempt.h"
#include "lookup/choice.h"

#define LOOKUP_MAGIC 0x46494e44u

struct lookup {
    unsigned magic;
    const struct lookup_shared *shared; /* the worker's, as it is at present */
    struct lookup_plan *plan;           /* as it was when the lookup began; a reference */
    const struct config_route *route;   /* of the plan's configuration */
    struct ctx *request;
    struct ctx *ctx; /* derived from it */
    struct ctx_hook cancelled;
    size_t place; /* of the present upstream in the route */
    bool trial;   /* of its breaker */
    struct timer *share;
    struct attempt attempt;
    lookup_done *done;
    void *arg;
    struct lookup_result result;
    struct lookup_query query;
    struct mono_time began;
};

static struct mono_time now_of(const struct lookup *lookup)
{
    return loop_now(ctx_loop(lookup->request));
}

static bool is_last(const struct lookup *lookup)
{
    return lookup->place + 1 == lookup->route->upstream_count;
}

static void lookup_free(struct lookup *lookup)
{
    MAGIC_OK(lookup, LOOKUP_MAGIC);
    ctx_hook_remove(&lookup->cancelled);
    timer_stop(&lookup->share);
    attempt_fini(&lookup->attempt);
    ctx_free(lookup->ctx);
    lookup_plan_unref(lookup->plan);
    MAGIC_CLEAR(lookup);
    mem_free(lookup);
}

/* ---- what it says of an upstream ---- */

/* Where to note how it ends; NULL: nowhere, or it says something of an upstream that is gone. */
static struct lookup_health *health_of(const struct lookup *lookup, const struct lookup_way *way)
{
    const struct lookup_way *present = way->side->present;
    struct upstream_state *state = way->side->state;
    const bool counts = state != NULL && present != NULL &&
                        lookup_health_covers(&state->health, lookup->began) &&
                        way->era.number == present->era.number;

    return counts ? &state->health : NULL;
}

static void note_health(struct lookup *lookup, const struct lookup_way *way)
{
    struct lookup_health *health = health_of(lookup, way);

    if (health != NULL && lookup->result.kind != LOOKUP_NO_TURN)
        lookup_health_note(health, &lookup->result, attempt_generation(&lookup->attempt),
                           lookup_health_postcode(lookup->query.postcode.text), now_of(lookup));
}

static void log_ejected(const struct lookup_way *way, struct mono_time now)
{
    const struct breaker_state state = breaker_read(&way->side->state->breaker);

    log_warning(NULL,
                "upstream %s has failed %u times in a row: routes with another upstream leave it "
                "out for %lld s, then try it with one lookup",
                way->upstream->name, state.failures,
                (long long)((mono_diff(state.until, now) + SECOND / 2) / SECOND));
}

/* The last one is not left out, so what becomes of it there opens no breaker. */
static void note_failure(struct lookup *lookup, const struct lookup_way *way, struct mono_time now)
{
    if (way->side->state != NULL && !is_last(lookup) &&
        breaker_failed(&way->side->state->breaker, way->upstream->eject_after, lookup->trial, now))
        log_ejected(way, now);
    lookup->trial = false;
}

static void note_good(struct lookup *lookup, const struct lookup_way *way)
{
    struct upstream_state *state = way->side->state;

    lookup->trial = false;
    if (state == NULL)
        return;
    if (breaker_good(&state->breaker, lookup->attempt.called))
        log_notice(NULL, "upstream %s answers again, and is asked again", way->upstream->name);
    hold_end(&state->hold);
}

/* It says nothing of the upstream: another lookup makes the trial. */
static void note_nothing(struct lookup *lookup, struct mono_time now)
{
    const struct lookup_way *way = lookup_plan_way(lookup->plan, lookup->route, lookup->place);

    if (lookup->trial)
        breaker_abandoned(&way->side->state->breaker, now);
    lookup->trial = false;
}

/* ---- its end ---- */

static void finish(struct lookup *lookup, const struct lookup_way *way)
{
    note_health(lookup, way);
    ctx_hook_remove(&lookup->cancelled); /* what is done with the result may cancel the context */
    lookup->done(lookup->arg, &lookup->result);
    lookup_free(lookup);
}

/* Its attempt is over, but for what it waits for. */
static void note_time_over(struct lookup *lookup, struct mono_time now)
{
    const struct lookup_way *way = lookup->attempt.way;
    struct lookup_health *health = health_of(lookup, way);

    if (attempt_waits_for_turn(&lookup->attempt)) {
        note_nothing(lookup, now);
        return;
    }
    if (health != NULL)
        lookup_health_timed_out(health, attempt_awaits(&lookup->attempt),
                                attempt_generation(&lookup->attempt), now);
    note_failure(lookup, way, now);
}

/* The derived context was cancelled first, and with it the call: the client has closed it. */
static void on_cancelled(struct ctx_hook *hook, enum ctx_cause cause)
{
    struct lookup *lookup = CONTAINER_OF(hook, struct lookup, cancelled);
    const struct mono_time now = mono_now();

    if (cause == CTX_DEADLINE)
        note_time_over(lookup, now);
    else
        note_nothing(lookup, now);
    attempt_count_time(&lookup->attempt, now);
    lookup_free(lookup);
}

/* ---- from one upstream to the next ---- */

static void begin(struct lookup *lookup, const struct choice *choice);

static bool is_charged(enum failover_reason reason)
{
    return reason < FAILOVER_RATE;
}

/* False: the budget of the one it would go to allows no more now. */
static bool charge(struct lookup *lookup, const struct choice *choice, enum failover_reason reason,
                   struct mono_time now)
{
    const struct lookup_way *to = lookup_plan_way(lookup->plan, lookup->route, choice->place);

    if (!is_charged(reason) || lookup_way_charge(to, now))
        return true;
    lookup->result.over_budget = true;
    choice_drop(choice, lookup->route, lookup->plan, now);
    return false;
}

/* False: there is no other upstream to go to, or it may not. Else it is counted. */
static bool find_next(struct lookup *lookup, enum failover_reason reason, struct choice *choice)
{
    const struct mono_time now = now_of(lookup);

    if (is_last(lookup))
        return false;
    choice_make(lookup->route, lookup->plan, lookup->place + 1, now, ctx_deadline(lookup->request),
                choice);
    if (!choice->found || !charge(lookup, choice, reason, now))
        return false;
    failover_count(lookup_plan_way(lookup->plan, lookup->route, lookup->place)->upstream->index,
                   lookup_plan_way(lookup->plan, lookup->route, choice->place)->upstream->index,
                   reason);
    choice_count(choice, lookup->route, lookup->plan);
    lookup->query.stats->failovers++;
    return true;
}

static void go_on(struct lookup *lookup, const struct choice *choice)
{
    attempt_fini(&lookup->attempt);
    lookup->result = (struct lookup_result){.stats = lookup->query.stats};
    begin(lookup, choice);
}

/* Whether its time goes to another one is decided here: if not, it has all that is left. */
static void share_over(void *arg)
{
    MAGIC_CAST(struct lookup, lookup, arg, LOOKUP_MAGIC);
    const struct mono_time now = now_of(lookup);
    struct choice choice;

    lookup->share = NULL;
    if (!find_next(lookup, FAILOVER_TIMEOUT, &choice)) {
        attempt_extend(&lookup->attempt, ctx_deadline(lookup->request));
        return;
    }
    note_time_over(lookup, now);
    attempt_count_time(&lookup->attempt, now);
    ctx_cancel(lookup->ctx, CTX_DEADLINE);
    attempt_fini(&lookup->attempt);
    ctx_free(lookup->ctx);
    lookup->ctx = ctx_derive(lookup->request);
    go_on(lookup, &choice);
}

/* Why the next one may be asked; FAILOVER_REASON_COUNT: this is the lookup's result. */
static enum failover_reason reason_of(const struct lookup_result *result)
{
    switch (result->kind) {
    case LOOKUP_FAILED:
        return FAILOVER_NO_CONNECTION;
    case LOOKUP_BUSY:
        return FAILOVER_STATUS;
    case LOOKUP_UPSTREAM_STATUS:
        return result->status == 502 || result->status == 504 ? FAILOVER_STATUS
                                                              : FAILOVER_REASON_COUNT;
    case LOOKUP_RATE_LIMITED:
        return FAILOVER_RATE_LIMITED;
    case LOOKUP_NO_TOKEN:
        return FAILOVER_NO_TOKEN;
    case LOOKUP_NO_TURN:
        return FAILOVER_RATE;
    default:
        return FAILOVER_REASON_COUNT;
    }
}

/* A full queue and an error of our own say nothing of the upstream. */
static bool is_ours(const struct lookup_result *result)
{
    return result->kind == LOOKUP_FAILED &&
           (result->error == CLIENT_QUEUE_FULL || result->error == CLIENT_INTERNAL);
}

static void note_result(struct lookup *lookup, const struct lookup_way *way,
                        enum failover_reason reason)
{
    const struct mono_time now = now_of(lookup);

    if (reason == FAILOVER_RATE || is_ours(&lookup->result)) {
        note_nothing(lookup, now);
    } else if (reason == FAILOVER_RATE_LIMITED) {
        note_nothing(lookup, now);
        if (way->side->state != NULL)
            hold_begin(&way->side->state->hold, lookup->result.headers[CLIENT_RETRY_AFTER], now,
                       wall_now());
    } else if (reason != FAILOVER_REASON_COUNT) {
        note_failure(lookup, way, now);
    } else {
        note_good(lookup, way);
    }
}

static void attempt_ended(struct attempt *attempt)
{
    struct lookup *lookup = CONTAINER_OF(attempt, struct lookup, attempt);
    const struct lookup_way *way = attempt->way;
    const enum failover_reason reason = reason_of(&lookup->result);
    struct choice choice;

    MAGIC_OK(lookup, LOOKUP_MAGIC);
    timer_stop(&lookup->share);
    note_result(lookup, way, reason);
    if (reason != FAILOVER_REASON_COUNT && find_next(lookup, reason, &choice)) {
        note_health(lookup, way);
        go_on(lookup, &choice);
    } else {
        finish(lookup, way);
    }
}

/* With others behind it, an upstream has its share of the time that is left. */
static struct mono_time begin_share(struct lookup *lookup)
{
    const struct mono_time now = now_of(lookup);
    const struct mono_time deadline = ctx_deadline(lookup->request);
    const int64_t behind = (int64_t)(lookup->route->upstream_count - lookup->place - 1);
    const int64_t share = mono_diff(deadline, now) / (behind + 1);

    if (behind == 0 || deadline.ns == MONO_NEVER.ns)
        return deadline;
    lookup->share = timer_start(ctx_loop(lookup->request), share, share_over, lookup);
    return mono_add(now, share);
}

static void begin(struct lookup *lookup, const struct choice *choice)
{
    const struct lookup_way *way = lookup_plan_way(lookup->plan, lookup->route, choice->place);

    lookup->place = choice->place;
    lookup->trial = choice->trial;
    lookup->query.stats->upstream = way->upstream->index;
    lookup->query.stats->queued = false;
    lookup->query.stats->late = false;
    lookup->query.stats->answering = false;
    attempt_start(&lookup->attempt, lookup->plan, way, lookup->ctx, begin_share(lookup));
}

/* ---- its beginning ---- */

/* All are held by their 429: the same is said again, and nobody is called. */
static void end_held(struct lookup *lookup, const struct choice *choice)
{
    const size_t last = lookup->route->upstream_count - 1;
    const struct lookup_way *way = lookup_plan_way(lookup->plan, lookup->route, last);

    lookup->query.stats->upstream = way->upstream->index;
    lookup->result.kind = LOOKUP_RATE_LIMITED;
    lookup->result.status = 429;
    lookup->result.retry_after = choice->retry_after;
    finish(lookup, way);
}

static void begin_first(struct lookup *lookup)
{
    const struct mono_time now = now_of(lookup);
    struct choice choice;

    choice_make(lookup->route, lookup->plan, 0, now, ctx_deadline(lookup->request), &choice);
    if (!choice.found) {
        end_held(lookup, &choice);
        return;
    }
    const struct lookup_way *way = lookup_plan_way(lookup->plan, lookup->route, choice.place);

    choice_count(&choice, lookup->route, lookup->plan);
    if (way->side->state != NULL)
        retry_budget_lookup(&way->side->state->retries, now);
    begin(lookup, &choice);
}

void lookup_start(const struct lookup_shared *shared, const struct config_route *route,
                  struct ctx *ctx, const struct lookup_query *query, lookup_done *done, void *arg)
{
    struct lookup *lookup = mem_zalloc(sizeof(*lookup));
    MAGIC_SET(lookup, LOOKUP_MAGIC);
    lookup->shared = shared;
    lookup->plan = lookup_plan_ref(shared->plan);
    lookup->route = route;
    lookup->request = ctx;
    lookup->ctx = ctx_derive(ctx);
    lookup->cancelled.cancelled = on_cancelled;
    ctx_hook_add(ctx, &lookup->cancelled);
    lookup->done = done;
    lookup->arg = arg;
    lookup->began = loop_now(ctx_loop(ctx));
    lookup->query = *query;
    lookup->result.stats = query->stats;
    lookup->attempt.shared = shared;
    lookup->attempt.query = &lookup->query;
    lookup->attempt.result = &lookup->result;
    lookup->attempt.ended = attempt_ended;
    /* A validator is good with the upstream that sent it, and another one may answer. */
    lookup->attempt.validators = route->upstream_count == 1;
    *query->stats = (struct lookup_stats){.upstream_duration = -1};
    begin_first(lookup);
}
