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

/* Endpoints round the seconds that are left. */
#define ROUNDING (1 * SECOND)

/* The GUID the request went under, as far as it is known. */
static const char *guid_of(const struct keeper *keeper, const struct keeper_result *result)
{
    return result->guid != NULL ? result->guid : keeper->flight.guid;
}

static void note_error(struct keeper *keeper, const char *reason, struct mono_time now)
{
    mem_free(keeper->last_error);
    keeper->last_error = reason != NULL ? mem_strdup(reason) : NULL;
    keeper->last_error_at = now;
}

static void log_obtained(const struct keeper *keeper, const struct token *token, const char *guid)
{
    char lifetime[DURATION_TEXT], early[DURATION_TEXT], fingerprint[TOKEN_FINGERPRINT];

    duration_format_rounded(token_lifetime(token), lifetime);
    duration_format_rounded(mono_diff(token_expires_at(token), token_renew_at(token)), early);
    token_fingerprint(token, fingerprint);
    const struct log_field fields[] = {
        LOG_TEXT("lifetime", lifetime),
        LOG_TEXT("early_expiry", early),
        LOG_INT("generation", (int64_t)token_generation(token)),
        LOG_TEXT("fingerprint", fingerprint),
    };
    keeper_log(keeper, LOG_LEVEL_NOTICE, guid,
               keeper_failing(keeper) ? "token obtained, the token endpoint has recovered"
                                      : "token obtained",
               fields, ARRAY_LEN(fields));
}

static void log_shrunk(struct keeper *keeper, const struct token *token, const char *guid)
{
    struct token_margins margins = token_margins(token_lifetime(token), keeper->early_expiry, 0);
    char configured[DURATION_TEXT], early[DURATION_TEXT];

    if (!margins.shrunk || keeper->shrunk_logged)
        return;
    keeper->shrunk_logged = true;
    duration_format(keeper->early_expiry, configured);
    duration_format_rounded(margins.refresh_window, early);
    const struct log_field fields[] = {
        LOG_TEXT("auth_token_early_expiry", configured),
        LOG_TEXT("applies", early),
    };
    keeper_log(keeper, LOG_LEVEL_NOTICE, guid,
               "the early expiry is over 20 % of the token's lifetime; 20 % is used", fields,
               ARRAY_LEN(fields));
}

static void log_stalled(const struct keeper *keeper, const struct token *token, bool usable,
                        const char *guid)
{
    char lifetime[DURATION_TEXT];

    if (keeper->standing == STANDING_STALLED)
        return;
    duration_format_rounded(token_lifetime(token), lifetime);
    const struct log_field fields[] = {LOG_TEXT("lifetime", lifetime)};
    keeper_log(keeper, LOG_LEVEL_WARNING, guid,
               usable
                   ? "the token endpoint returned a token that expires no later than the one it "
                     "replaces; asking again with a growing wait"
                   : "the token endpoint returned a token that had expired when it arrived; asking "
                     "again with a growing wait",
               fields, ARRAY_LEN(fields));
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
        struct mono_time over = mono_add(token_expires_at(keeper->last), ROUNDING);
        if (mono_diff(over, now) >= KEEPER_PACE && mono_before(over, mono_add(next, 2 * ROUNDING)))
            next = over;
    }
    return next;
}

/* The same value for longer: what is known of the token goes on being true. */
static void carry_over(const struct token *from, struct token *to)
{
    struct mono_time success = token_last_success(from);

    if (success.ns > 0)
        token_succeeded(to, 0, success);
}

/* Makes it the present token. */
static void take(struct keeper *keeper, struct token *token, bool same)
{
    if (same) {
        carry_over(keeper->last, token);
    } else {
        keeper->replacement = keeper->flight.rejected;
        keeper_trust(keeper);
    }
    keeper_use(keeper, token);
}

static bool lasts_longer(const struct keeper *keeper, const struct token *token, bool same)
{
    if (keeper->last == NULL)
        return true;
    return mono_before(mono_add(token_expires_at(keeper->last), same ? ROUNDING : 0),
                       token_expires_at(token));
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

static void granted(struct keeper *keeper, const struct keeper_result *result,
                    struct mono_time sent, struct mono_time now)
{
    const char *guid = guid_of(keeper, result);
    bool insisted = keeper->flight.rejected || keeper->flight.by_hand;
    bool same = keeper->last != NULL && token_same(keeper->last, &result->grant);
    uint64_t generation = same ? keeper->generation : keeper->generation + 1;
    struct token *token =
        token_new(&result->grant, sent, keeper->early_expiry,
                  keeper->ports.random(keeper->ports.arg), generation, keeper->workers);
    token_set_keeper(token, keeper);
    bool longer = lasts_longer(keeper, token, same);
    bool usable = token_usable(token, now);
    bool stalled = !usable || (!longer && !insisted);

    if (usable && (longer || !same))
        take(keeper, token, same);
    if (same && keeper->flight.rejected)
        keeper_suspect(keeper, keeper->replace_again_at, now);
    if (stalled) {
        log_stalled(keeper, token, usable, guid);
        keeper->not_before = after_stall(keeper, now);
        keeper->standing = STANDING_STALLED;
    } else {
        log_obtained(keeper, token, guid);
        log_shrunk(keeper, token, guid);
        backoff_reset(&keeper->backoff);
        keeper->not_before = mono_add(now, KEEPER_PACE);
        keeper->standing = STANDING_FINE;
    }
    note_error(keeper, usable ? NULL : "the token had expired when it arrived", now);
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
    note_error(keeper, result->reason != NULL ? result->reason : "the request failed", now);
    keeper_log(keeper, LOG_LEVEL_WARNING, guid_of(keeper, result),
               result->event != NULL ? result->event : "the token request failed", fields,
               ARRAY_LEN(fields));
}

void keeper_fetched(struct keeper *keeper, const struct keeper_result *result,
                    struct mono_time sent, struct mono_time now)
{
    MAGIC_OK(keeper, KEEPER_MAGIC);
    MUST(keeper->flight.under_way);
    bool good = result->kind == KEEPER_GRANTED;

    keeper->flight.under_way = false;
    keeper->answered++;
    metric_upstream_add(METRIC_TOKEN_REQUESTS, keeper->index, good ? 0 : 1, 1);
    metric_upstream_observe(METRIC_TOKEN_REQUEST_DURATION, keeper->index,
                            mono_diff(now, keeper->flight.began));
    if (keeper->standing == STANDING_FINE)
        keeper->failing_since = now;
    if (good)
        granted(keeper, result, sent, now);
    else
        failed(keeper, result, now);
    keeper_publish(keeper, keeper->flight.rejected ? EVICTED_REJECTED : EVICTED_REPLACED, now);
    keeper_settle(keeper, now);
}
