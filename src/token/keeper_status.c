/*
 * What operators are told. The state has no variable of its own: it is a name for what the facts
 * say at this moment, the most telling one first.
 */
#include "base/check.h"
#include "token/keeper_internal.h"

static const char *const state_names[] = {
#define STATE_NAME(id, name) [id] = name,
    KEEPER_STATES(STATE_NAME)
#undef STATE_NAME
};

const char *keeper_state_name(enum keeper_state state)
{
    return state_names[state];
}

static enum keeper_state state_without_token(const struct keeper *keeper)
{
    if (keeper->flight.under_way)
        return KEEPER_FETCHING;
    if (keeper->exhausted)
        return KEEPER_EXHAUSTED;
    if (keeper_failing(keeper) || keeper->standing == STANDING_STALLED ||
        keeper->standing == STANDING_HELD)
        return KEEPER_BACKOFF;
    return KEEPER_NONE;
}

static enum keeper_state state_with(const struct keeper *keeper, const struct token *token,
                                    struct mono_time now)
{
    if (keeper_is_suspect(keeper, now))
        return KEEPER_SUSPECT;
    if (keeper->flight.under_way)
        return KEEPER_RENEWING;
    if (keeper_failing(keeper) && !mono_before(now, token_renew_at(token)))
        return KEEPER_OVERDUE;
    return KEEPER_VALID;
}

static void describe(struct keeper_status *out, const struct token *token, struct mono_time now)
{
    out->generation = token_generation(token);
    token_fingerprint(token, out->fingerprint);
    out->age = mono_diff(now, token_requested(token));
    out->lifetime = token_lifetime(token);
    out->refresh_window = mono_diff(token_expires_at(token), token_renew_at(token));
    out->expires_in = mono_diff(token_expires_at(token), now);
    out->usable_for = mono_diff(token_unusable_at(token), now);
}

static int64_t until(struct mono_time when, struct mono_time now)
{
    if (when.ns == MONO_NEVER.ns)
        return -1;
    return mono_before(now, when) ? mono_diff(when, now) : 0;
}

/* On schedule; or for the next 401, when the present token is suspect no more. */
static struct mono_time next_request(const struct keeper *keeper, struct mono_time now)
{
    const struct mono_time due = keeper_due(keeper, now);

    return keeper_is_suspect(keeper, now) && !keeper_failing(keeper)
               ? mono_min(due, keeper->suspect_until)
               : due;
}

/* Lookups that want a token get 503 without a request, or wait for one that may end so. */
static bool is_blocked(const struct keeper *keeper, struct mono_time now)
{
    return (keeper->standing != STANDING_FINE || keeper->exhausted) &&
           (keeper->flight.under_way || mono_before(now, keeper->not_before));
}

/*
 * With prefetch off, that there is no token is no fault: a lookup asks for one. After a failure it
 * does so once the wait is over, so the fault ends with the wait: nobody else asks.
 */
static bool is_ready(const struct keeper *keeper, const struct token *present, struct mono_time now)
{
    return present != NULL || (!keeper->prefetch && !is_blocked(keeper, now));
}

/* Without prefetch a failure begins it, and not that there is no token. */
static struct mono_time lacking_since(const struct keeper *keeper, const struct token *present)
{
    if (present != NULL)
        return (struct mono_time){0};
    if (keeper->prefetch || keeper_is_well(keeper) ||
        mono_before(keeper->failing_since, keeper->lacking_since))
        return keeper->lacking_since;
    return keeper->failing_since;
}

void keeper_status(struct keeper *keeper, struct mono_time now, struct keeper_status *out)
{
    MAGIC_OK(keeper, KEEPER_MAGIC);
    struct token *present = keeper_present(keeper, now);

    *out = (struct keeper_status){
        .lacking_since = lacking_since(keeper, present),
        .generation = keeper->generation,
        .replacement = keeper->replacement,
        .ready = is_ready(keeper, present, now),
        .next_request_in = until(next_request(keeper, now), now),
        .requests_last_hour = (unsigned)budget_requests(&keeper->budget, now),
        .charged_last_hour = (unsigned)budget_charged(&keeper->budget, now),
        .budget = keeper->budget.limit,
        .budget_left = (int64_t)budget_left(&keeper->budget, now),
        .exhausted_since =
            keeper->exhausted ? keeper->exhausted_since : (struct mono_time){.ns = 0},
        .fleet_exhausted = keeper->exhausted && keeper->standing == STANDING_HELD &&
                           keeper->held == KEEPER_HOLD_BUDGET,
        .cause = keeper_cause(keeper, now),
        .last_error = keeper->last_error,
    };
    if (present != NULL)
        describe(out, present, now);
    out->state = present != NULL ? state_with(keeper, present, now) : state_without_token(keeper);
    out->state_name = keeper_state_name(out->state);
    if (keeper->last_error != NULL)
        out->last_error_age = mono_diff(now, keeper->last_error_at);
    token_unref(present);
}
