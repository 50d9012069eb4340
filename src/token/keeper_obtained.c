/*
 * What is done with a token that came, whether it was requested (keeper_response.c) or sent unasked
 * (keeper_fleet.c).
 */
#include "base/check.h"
#include "base/duration.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "token/keeper_internal.h"

void keeper_note_error(struct keeper *keeper, const char *reason, struct mono_time now)
{
    mem_free(keeper->last_error);
    keeper->last_error = reason != NULL ? mem_strdup(reason) : NULL;
    keeper->last_error_at = now;
}

void keeper_count_shared(const struct keeper *keeper)
{
    metric_upstream_add(METRIC_TOKEN_REQUESTS, keeper->index, KEEPER_CELL_SHARED, 1);
}

static const char *obtained_text(const struct keeper *keeper, bool shared)
{
    if (shared)
        return "token obtained from the fleet";
    return keeper_failing(keeper) ? "token obtained, the token endpoint has recovered"
                                  : "token obtained";
}

static void log_obtained(const struct keeper *keeper, const struct token *token, const char *guid,
                         bool shared)
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
    keeper_log(keeper, LOG_LEVEL_NOTICE, guid, obtained_text(keeper, shared), fields,
               ARRAY_LEN(fields));
}

static void log_shrunk(struct keeper *keeper, const struct token *token, const char *guid)
{
    struct token_margins margins = token_margins(token_lifetime(token), &keeper->renewal, 0);
    char configured[DURATION_TEXT], early[DURATION_TEXT];

    if (!margins.shrunk || keeper->shrunk_logged)
        return;
    keeper->shrunk_logged = true;
    duration_format(keeper->renewal.early, configured);
    duration_format_rounded(margins.refresh_window, early);
    const struct log_field fields[] = {
        LOG_TEXT("auth_token_early_expiry", configured),
        LOG_TEXT("applies", early),
    };
    keeper_log(keeper, LOG_LEVEL_NOTICE, guid,
               "the early expiry is over 20 % of the token's lifetime; 20 % is used", fields,
               ARRAY_LEN(fields));
}

/* The same value for longer: what is known of the token goes on being true. */
static void carry_over(const struct token *from, struct token *to)
{
    struct mono_time success = token_last_success(from);

    if (success.ns > 0)
        token_succeeded(to, 0, success);
}

void keeper_take(struct keeper *keeper, struct token *token, bool same, bool replacement)
{
    if (same) {
        carry_over(keeper->last, token);
    } else {
        keeper->replacement = replacement;
        keeper_trust(keeper);
    }
    keeper_use(keeper, token);
}

bool keeper_lasts_longer(const struct keeper *keeper, const struct token *token, bool same)
{
    if (keeper->last == NULL)
        return true;
    return mono_before(mono_add(token_expires_at(keeper->last), same ? KEEPER_ROUNDING : 0),
                       token_expires_at(token));
}

bool keeper_has_had(const struct keeper *keeper, const struct token_grant *grant)
{
    return keeper->last != NULL && token_same(keeper->last, grant);
}

struct token *keeper_make_token(struct keeper *keeper, const struct token_grant *grant,
                                struct mono_time requested, bool same)
{
    const uint32_t jitter = keeper->ports.random(keeper->ports.arg);
    struct token *token =
        token_new(grant, requested, &keeper->renewal, jitter,
                  same ? keeper->generation : keeper->generation + 1, keeper->workers);

    token_set_keeper(token, keeper);
    return token;
}

void keeper_be_fine(struct keeper *keeper, struct mono_time now)
{
    backoff_reset(&keeper->backoff);
    keeper->not_before = mono_add(now, KEEPER_PACE);
    keeper->standing = STANDING_FINE;
    keeper->held_logged = false;
}

void keeper_obtained(struct keeper *keeper, const struct token *token, const char *guid,
                     bool shared, struct mono_time now)
{
    log_obtained(keeper, token, guid, shared);
    log_shrunk(keeper, token, guid);
    keeper_be_fine(keeper, now);
}
