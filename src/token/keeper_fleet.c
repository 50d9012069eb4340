/*
 * What a fleet adds: that nobody was asked, and what others send unasked.
 *
 * The fleet judges a wish, and while it does, what is wanted may become another one: the upstream
 * rejects the token that was only to be renewed, it runs out, an operator has it forgotten. An
 * answer that says no to the former wish is none to the present one, so that is asked for at once,
 * and the lookups that wait do not hear of it. An answer that brings a token is always good.
 */
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/metrics.h"
#include "token/keeper_internal.h"

/* What each hold means to callers and operators. NULL: nothing went wrong. */
static const struct {
    enum token_cause_kind cause;
    const char *error;
    const char *logged;
} holds[] = {
    [KEEPER_HOLD_LATER] = {TOKEN_CAUSE_NONE, NULL, NULL},
    [KEEPER_HOLD_WAIT] = {TOKEN_CAUSE_FLEET_WAIT,
                          "another member of the fleet got no token: the fleet waits",
                          "another member's token request failed"},
    [KEEPER_HOLD_UNOPENED] = {TOKEN_CAUSE_FLEET_UNOPENED,
                              "the token in the fleet's store cannot be opened here",
                              "a token in the store cannot be opened, and one was requested for "
                              "that less than 30 s ago"},
    [KEEPER_HOLD_RECENT] = {TOKEN_CAUSE_NONE, NULL,
                            "one was requested because of a 401 less than 30 s ago"},
    [KEEPER_HOLD_BUDGET] = {TOKEN_CAUSE_NONE, NULL, "the fleet has used up auth_budget"},
    [KEEPER_HOLD_ALONE] = {TOKEN_CAUSE_FLEET_ALONE,
                           "the fleet's store is out of reach, and [fleet] alone allows no request",
                           "the store is out of reach, and [fleet] alone allows this member none"},
};

/* What is wanted by now of the request that just ended. */
static enum token_wish wish_by_now(const struct keeper *keeper, struct mono_time now)
{
    struct token *present = keeper_present(keeper, now);
    const bool has_token = present != NULL;

    token_unref(present);
    if (keeper->flight.forgot)
        return TOKEN_WISH_FORGOTTEN;
    if (keeper->flight.by_hand)
        return TOKEN_WISH_HAND;
    if (!has_token)
        return TOKEN_WISH_FIRST;
    return keeper->flight.rejected ? TOKEN_WISH_REFUSED : TOKEN_WISH_SCHEDULE;
}

/* A successor came meanwhile, and nobody has complained of that one. */
static bool is_served(const struct keeper_flight *flight)
{
    return flight->offered && !flight->rejected && !flight->by_hand && !flight->forgot;
}

bool keeper_ask_anew(struct keeper *keeper, struct mono_time now)
{
    const struct keeper_flight before = keeper->flight;
    const enum token_wish wish = wish_by_now(keeper, now);

    if (wish == before.wish || before.wish == TOKEN_WISH_FORGOTTEN || is_served(&before))
        return false;
    keeper->forgotten = keeper->forgotten || before.forgot;
    if (!keeper_ask(keeper, wish, before.guid, now))
        return false;
    keeper->flight.rejected = before.rejected;
    keeper->flight.by_hand = before.by_hand;
    return true;
}

/* Once until a token is obtained. */
static void log_held(struct keeper *keeper, const struct keeper_result *result)
{
    const struct log_field fields[] = {LOG_TEXT("reason", holds[result->held].logged),
                                       LOG_MS("next_attempt_ms", result->hold)};

    if (holds[result->held].logged == NULL || keeper->held_logged)
        return;
    keeper->held_logged = true;
    keeper_log(keeper, LOG_LEVEL_NOTICE, keeper->flight.guid, "no token is requested for the fleet",
               fields, ARRAY_LEN(fields));
}

/* The 401s that waited for the request get 502, and so do others for a while. */
static void doubt(struct keeper *keeper, const struct keeper_result *result, struct mono_time now)
{
    int64_t hold = result->hold < KEEPER_PACE ? KEEPER_PACE : result->hold;

    if (hold > KEEPER_REPLACEMENT_INTERVAL)
        hold = KEEPER_REPLACEMENT_INTERVAL;
    keeper->replace_again_at = mono_add(now, hold);
    keeper_suspect(keeper, keeper->replace_again_at, now);
}

static void hold_budget(struct keeper *keeper, struct mono_time now)
{
    if (!keeper->flight.exhausted)
        keeper->exhausted_since = now;
    keeper->exhausted = true;
    metric_upstream_add(METRIC_TOKEN_BUDGET_REFUSED, keeper->index, 0, 1);
}

/*
 * For how long nothing is asked on schedule. That is not charged, so a budget that did not pay for
 * a request of another kind does not hold it.
 */
static int64_t hold_of(const struct keeper *keeper, const struct keeper_result *result)
{
    const enum token_wish wish = keeper->flight.wish;
    const bool free = result->held == KEEPER_HOLD_BUDGET &&
                      (wish == TOKEN_WISH_REFUSED || wish == TOKEN_WISH_HAND);

    return free && result->hold > KEEPER_PACE ? KEEPER_PACE : result->hold;
}

void keeper_held(struct keeper *keeper, const struct keeper_result *result, struct mono_time now)
{
    const enum keeper_hold held = result->held;
    const bool again = keeper->standing == STANDING_HELD && keeper->held == held;

    if (is_served(&keeper->flight))
        return;
    keeper->standing = STANDING_HELD;
    keeper->held = held;
    keeper->not_before = mono_add(now, hold_of(keeper, result));
    keeper->cause = (struct token_cause){.kind = holds[held].cause};
    if (!again)
        keeper_note_error(keeper, holds[held].error, now);
    if (held == KEEPER_HOLD_BUDGET)
        hold_budget(keeper, now);
    if (keeper->flight.wish == TOKEN_WISH_FORGOTTEN)
        keeper->forgotten = true;
    if (keeper->flight.rejected && keeper_failing(keeper))
        keeper->replace_again_at = now; /* nothing was replaced */
    else if (keeper->flight.rejected)
        doubt(keeper, result, now);
    log_held(keeper, result);
}

void keeper_retry(struct keeper *keeper, struct mono_time now)
{
    MAGIC_OK(keeper, KEEPER_MAGIC);
    if (keeper->standing != STANDING_HELD || keeper->flight.under_way)
        return;
    keeper->not_before = now;
    if (keeper->held == KEEPER_HOLD_ALONE && keeper_is_suspect(keeper, now)) {
        keeper->suspect_until = (struct mono_time){0};
        keeper->replace_again_at = now;
    }
    keeper_publish(keeper, EVICTED_EXPIRED, now);
    keeper_settle(keeper, now);
}

/* The present token is being replaced because of a 401, or will be. */
static bool is_rejected(const struct keeper *keeper, struct mono_time now)
{
    return keeper_is_suspect(keeper, now) || (keeper->flight.under_way && keeper->flight.rejected);
}

static bool was_forgotten(const struct keeper *keeper, const struct token *token)
{
    char fingerprint[TOKEN_FINGERPRINT];

    token_fingerprint(token, fingerprint);
    return strcmp(fingerprint, keeper->forgotten_fingerprint) == 0;
}

static bool may_take(const struct keeper *keeper, const struct token *token, bool same,
                     struct mono_time now)
{
    struct token *present = keeper_present(keeper, now);
    const bool has_token = present != NULL;

    token_unref(present);
    return token_usable(token, now) && !was_forgotten(keeper, token) &&
           (keeper_lasts_longer(keeper, token, same) ||
            (!same && (!has_token || is_rejected(keeper, now))));
}

/* Another member's successor of a token that was forgotten here is in the store in its place. */
static void take_offered(struct keeper *keeper, struct token *token, bool same,
                         struct mono_time now)
{
    const bool rejected = is_rejected(keeper, now);

    keeper_take(keeper, token, same, rejected);
    if (!same)
        keeper->flight.rejected = false; /* those who complained have another one now */
    keeper->flight.offered = true;
    keeper->forgotten = false;
    keeper->exhausted = false;
    keeper->cause = (struct token_cause){.kind = TOKEN_CAUSE_NONE};
    keeper_count_shared(keeper);
    keeper_obtained(keeper, token, NULL, true, now);
    keeper_note_error(keeper, NULL, now);
    keeper_publish(keeper, rejected && !same ? EVICTED_REJECTED : EVICTED_REPLACED, now);
}

bool keeper_offer(struct keeper *keeper, const struct token_grant *grant,
                  struct mono_time requested, struct mono_time now)
{
    MAGIC_OK(keeper, KEEPER_MAGIC);
    const bool same = keeper_has_had(keeper, grant);
    struct token *token = keeper_make_token(keeper, grant, requested, same);
    const bool taken = may_take(keeper, token, same, now);

    if (taken)
        take_offered(keeper, token, same, now);
    token_unref(token);
    keeper_settle(keeper, now);
    return taken;
}
