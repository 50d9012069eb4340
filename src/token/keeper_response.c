/*
 * What the end of a token request does.
 *
 * A grant is worth what it lasts longer than what we had. Some endpoints hand out the same token
 * until it has expired, each time with a shorter lifetime: taken at its word, such a token would be
 * early at once, and be asked for again at once. So a renewal that brings nothing that lasts
 * longer *stalls*: it is repeated with the backoff of a failure, uncharged, until the old token's
 * expiry, when the endpoint must have another. Where somebody insisted on another token (a 401, an
 * operator), how long it lasts is no question.
 */
#include "base/check.h"
#include "base/duration.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "token/keeper_internal.h"

/* The GUID the request went under, as far as it is known. */
static const char *guid_of(const struct keeper *keeper, const struct keeper_result *result)
{
    return result->guid != NULL ? result->guid : keeper->flight.guid;
}

static const char *stalled_text(bool usable, bool shared)
{
    if (shared)
        return usable
                   ? "the fleet has a token that expires no later than the one it replaces; "
                     "asking again with a growing wait"
                   : "the fleet's token had expired when it arrived; asking again with a growing "
                     "wait";
    return usable ? "the token endpoint returned a token that expires no later than the one it "
                    "replaces; asking again with a growing wait"
                  : "the token endpoint returned a token that had expired when it arrived; asking "
                    "again with a growing wait";
}

static void log_stalled(const struct keeper *keeper, const struct token *token, bool usable,
                        bool shared, const char *guid)
{
    char lifetime[DURATION_TEXT];

    if (keeper->standing == STANDING_STALLED)
        return;
    duration_format_rounded(token_lifetime(token), lifetime);
    const struct log_field fields[] = {LOG_TEXT("lifetime", lifetime)};
    keeper_log(keeper, LOG_LEVEL_WARNING, guid, stalled_text(usable, shared), fields,
               ARRAY_LEN(fields));
}

/*
 * The next request after one that gained nothing. When the old token is over there must be another,
 * so the wait does not go past that; and close before, an endpoint has no whole second to offer.
 */
static struct mono_time after_stall(struct keeper *keeper, struct mono_time now)
{
    int64_t wait = backoff_next(&keeper->backoff, keeper->ports.random(keeper->ports.arg));
    struct mono_time next = mono_add(now, wait > KEEPER_PACE ? wait : KEEPER_PACE);

    if (keeper->last != NULL) {
        struct mono_time over = mono_add(token_expires_at(keeper->last), KEEPER_ROUNDING);
        if (mono_diff(over, now) >= KEEPER_PACE &&
            mono_before(over, mono_add(next, 2 * KEEPER_ROUNDING)))
            next = over;
    }
    return next;
}

/* What a grant leaves to be said when there is no token, or the present one is rejected. */
static struct token_cause cause_of_grant(const struct keeper *keeper, bool usable, bool same)
{
    enum token_cause_kind kind = TOKEN_CAUSE_NONE;

    if (!usable)
        kind = TOKEN_CAUSE_EXPIRED;
    else if (same && keeper->flight.rejected)
        kind = TOKEN_CAUSE_SAME;
    return (struct token_cause){.kind = kind};
}

static void stalled(struct keeper *keeper, const struct token *token, bool shared, const char *guid,
                    struct mono_time now)
{
    log_stalled(keeper, token, token_usable(token, now), shared, guid);
    keeper->not_before = after_stall(keeper, now);
    keeper->standing = STANDING_STALLED;
}

static void granted(struct keeper *keeper, const struct keeper_result *result,
                    struct mono_time sent, struct mono_time now)
{
    const char *guid = guid_of(keeper, result);
    const struct keeper_flight *flight = &keeper->flight;
    const bool shared = result->kind == KEEPER_SHARED;
    const bool same = keeper_has_had(keeper, &result->grant);
    struct token *token = keeper_make_token(keeper, &result->grant, sent, same);
    const bool longer = keeper_lasts_longer(keeper, token, same);
    const bool usable = token_usable(token, now);
    const bool enough = longer || flight->rejected || flight->by_hand || flight->offered;

    if (usable && (longer || !same))
        keeper_take(keeper, token, same, flight->rejected);
    if (same && flight->rejected)
        keeper_suspect(keeper, keeper->replace_again_at, now);
    if (usable && enough && shared && same && flight->offered)
        keeper_be_fine(keeper, now); /* it was said when it was offered */
    else if (usable && enough)
        keeper_obtained(keeper, token, guid, shared, now);
    else
        stalled(keeper, token, shared, guid, now);
    keeper_note_error(keeper, usable ? NULL : "the token had expired when it arrived", now);
    keeper->cause = cause_of_grant(keeper, usable, same);
    token_unref(token);
}

static int64_t wait_after(struct keeper *keeper, const struct keeper_result *result)
{
    int64_t floor = result->retry_after;
    int64_t wait = KEEPER_REJECTED_WAIT;

    if (result->kind != KEEPER_REJECTED)
        wait = backoff_next(&keeper->backoff, keeper->ports.random(keeper->ports.arg));
    if (floor > KEEPER_RETRY_AFTER_MAX)
        floor = KEEPER_RETRY_AFTER_MAX;
    return wait > floor ? wait : floor;
}

static void failed(struct keeper *keeper, const struct keeper_result *result, struct mono_time now)
{
    int64_t wait = wait_after(keeper, result);
    const struct log_field fields[] = {
        LOG_TEXT("problem", result->reason),
        LOG_MS("next_attempt_ms", wait),
    };

    keeper->standing = result->kind == KEEPER_NO_RESPONSE ? STANDING_NO_RESPONSE : STANDING_DENIED;
    keeper->not_before = mono_add(now, wait);
    keeper->cause = result->cause;
    if (keeper->cause.kind == TOKEN_CAUSE_NONE)
        keeper->cause.kind = TOKEN_CAUSE_FAILED;
    keeper_note_error(keeper, result->reason != NULL ? result->reason : "the request failed", now);
    /* What a forget asked for in the meantime is still to be told to the fleet. */
    if (keeper->flight.forgot && keeper->renewal.percent > 0)
        keeper->forgotten = true;
    keeper_log(keeper, LOG_LEVEL_WARNING, guid_of(keeper, result),
               result->event != NULL ? result->event : "the token request failed", fields,
               ARRAY_LEN(fields));
}

/* In the metrics, and where nobody here made a request, in the budget. */
static void count(struct keeper *keeper, const struct keeper_result *result, struct mono_time now)
{
    const struct keeper_flight *flight = &keeper->flight;

    if (result->kind == KEEPER_SHARED || result->kind == KEEPER_HELD) {
        budget_take_back(&keeper->budget, flight->began, flight->charged);
        if (result->kind == KEEPER_SHARED &&
            !(flight->offered && keeper_has_had(keeper, &result->grant)))
            keeper_count_shared(keeper);
        return;
    }
    metric_upstream_add(METRIC_TOKEN_REQUESTS, keeper->index,
                        result->kind == KEEPER_GRANTED ? KEEPER_CELL_GRANTED : KEEPER_CELL_FAILED,
                        1);
    metric_upstream_observe(METRIC_TOKEN_REQUEST_DURATION, keeper->index,
                            mono_diff(now, flight->began));
}

void keeper_fetched(struct keeper *keeper, const struct keeper_result *result,
                    struct mono_time sent, struct mono_time now)
{
    MAGIC_OK(keeper, KEEPER_MAGIC);
    MUST(keeper->flight.under_way);
    keeper->flight.under_way = false;
    count(keeper, result, now);
    if (result->kind == KEEPER_HELD && keeper_ask_anew(keeper, now)) {
        keeper_settle(keeper, now);
        return;
    }
    keeper->answered++;
    if (keeper_is_well(keeper))
        keeper->failing_since = now;
    if (result->kind == KEEPER_GRANTED || result->kind == KEEPER_SHARED)
        granted(keeper, result, sent, now);
    else if (result->kind == KEEPER_HELD)
        keeper_held(keeper, result, now);
    else
        failed(keeper, result, now);
    keeper_publish(keeper, keeper->flight.rejected ? EVICTED_REJECTED : EVICTED_REPLACED, now);
    keeper_settle(keeper, now);
}
