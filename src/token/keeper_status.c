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

static enum keeper_state state_without_token(const struct keeper *keeper)
{
    if (keeper->flight.under_way)
        return KEEPER_FETCHING;
    if (keeper->exhausted)
        return KEEPER_EXHAUSTED;
    if (keeper_failing(keeper) || keeper->standing == STANDING_STALLED)
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

void keeper_status(struct keeper *keeper, struct mono_time now, struct keeper_status *out)
{
    MAGIC_OK(keeper, KEEPER_MAGIC);
    struct token *present = keeper_present(keeper, now);

    *out = (struct keeper_status){
        .lacking_since = present != NULL ? (struct mono_time){0} : keeper->lacking_since,
        .generation = keeper->generation,
        .ready = present != NULL || (!keeper->prefetch && !keeper_failing(keeper)),
        .next_request_in = until(keeper_due(keeper, now), now),
        .requests_last_hour = (unsigned)budget_requests(&keeper->budget, now),
        .charged_last_hour = (unsigned)budget_charged(&keeper->budget, now),
        .budget_left = (int64_t)budget_left(&keeper->budget, now),
        .cause = keeper_cause(keeper),
        .last_error = keeper->last_error,
    };
    if (present != NULL)
        describe(out, present, now);
    out->state = present != NULL ? state_with(keeper, present, now) : state_without_token(keeper);
    out->state_name = state_names[out->state];
    if (keeper->last_error != NULL)
        out->last_error_age = mono_diff(now, keeper->last_error_at);
    token_unref(present);
}
