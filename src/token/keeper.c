/*
 * The keeper's steps, and its entries for workers, operators and the wake-up.
 *
 * There is no variable that says in which state the keeper is. What is due, what the workers are
 * told and what /tokens shows are worked out from the facts in token/keeper_internal.h when they
 * are needed, so that no two of them can disagree. Each entry changes some facts and then settles:
 * one function looks at all of them, begins the request that is due, if one is, and plans the one
 * wake-up at which the answer to "what is due" can change by time alone.
 */
#include "token/keeper.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "token/keeper_internal.h"

void keeper_log(const struct keeper *keeper, enum log_level level, const char *guid,
                const char *message, const struct log_field *fields, size_t count)
{
    struct log_field all[8] = {LOG_TEXT("upstream", keeper->upstream)};

    MUST(count < ARRAY_LEN(all));
    for (size_t i = 0; i < count; i++)
        all[i + 1] = fields[i];
    log_fields(level, guid != NULL && guid[0] != '\0' ? guid : NULL, message, all, count + 1);
}

struct token *keeper_present(const struct keeper *keeper, struct mono_time now)
{
    struct secret *secret = store_load(keeper->store, keeper->store_key, now);

    return secret != NULL ? token_from(secret) : NULL;
}

void keeper_use(struct keeper *keeper, struct token *token)
{
    MUST(store_put(keeper->store, keeper->store_key, token_secret(token),
                   token_unusable_at(token)) == ERR_OK);
    token_unref(keeper->last);
    keeper->last = token_ref(token);
    keeper->generation = token_generation(token);
}

void keeper_trust(struct keeper *keeper)
{
    keeper->suspect_until = (struct mono_time){0};
    keeper->suspicion_ended = false;
}

void keeper_drop(struct keeper *keeper)
{
    ERR_IGNORED(store_delete(keeper->store, keeper->store_key)); /* it may have expired already */
    token_unref(keeper->last);
    keeper->last = NULL;
    keeper_trust(keeper);
}

bool keeper_failing(const struct keeper *keeper)
{
    return keeper->standing == STANDING_NO_RESPONSE || keeper->standing == STANDING_DENIED ||
           (keeper->standing == STANDING_HELD &&
            (keeper->held == KEEPER_HOLD_WAIT || keeper->held == KEEPER_HOLD_UNOPENED));
}

bool keeper_is_well(const struct keeper *keeper)
{
    return keeper->standing == STANDING_FINE ||
           (keeper->standing == STANDING_HELD && keeper->held == KEEPER_HOLD_LATER);
}

bool keeper_is_suspect(const struct keeper *keeper, struct mono_time now)
{
    return mono_before(now, keeper->suspect_until);
}

/*
 * The present token is suspect for the time between replacements alone, and it was good before: it
 * was revoked, and nobody has been asked for another yet.
 */
static bool is_paced(const struct keeper *keeper, struct mono_time now)
{
    struct token *present = keeper_present(keeper, now);
    const bool worked = present != NULL && token_last_success(present).ns != 0;

    token_unref(present);
    return worked && keeper_is_suspect(keeper, now) && mono_before(now, keeper->replace_again_at);
}

struct token_cause keeper_cause(const struct keeper *keeper, struct mono_time now)
{
    struct token_cause cause = keeper->cause;

    if (cause.kind == TOKEN_CAUSE_NONE && is_paced(keeper, now))
        cause.kind = TOKEN_CAUSE_PACED;
    else if (cause.kind == TOKEN_CAUSE_NONE && keeper->standing == STANDING_STALLED)
        cause.kind = TOKEN_CAUSE_STALLED; /* read when there is no token any more */
    cause.budget = keeper->exhausted;
    return cause;
}

static struct mono_time later(struct mono_time a, struct mono_time b)
{
    return mono_before(a, b) ? b : a;
}

/*
 * With prefetch on, a token is wanted always; with it off, when a worker said so, or when a fleet
 * is yet to be told of a forget, which the request does. It is asked for when there is none, when
 * the present one is in its refresh window by the keeper's own clock, and again when the last
 * attempt failed.
 */
struct mono_time keeper_due(const struct keeper *keeper, struct mono_time now)
{
    const bool to_tell = keeper->forgotten && keeper->renewal.percent > 0;

    if (keeper->flight.under_way || !(keeper->wanted || keeper->prefetch || to_tell))
        return MONO_NEVER;

    struct mono_time needed = {0};
    struct token *present = keeper_present(keeper, now);
    if (present != NULL && !keeper_failing(keeper))
        needed = token_renew_at(present);
    token_unref(present);
    return later(needed, keeper->not_before);
}

/* Counts a request that the budget did not let through; logs it once in an hour. */
static void note_exhausted(struct keeper *keeper, const char *guid, struct mono_time now)
{
    const struct log_field fields[] = {LOG_INT("auth_budget", keeper->budget.limit)};

    if (!keeper->exhausted)
        keeper->exhausted_since = now;
    keeper->exhausted = true;
    metric_upstream_add(METRIC_TOKEN_BUDGET_REFUSED, keeper->index, 0, 1);
    if (mono_before(now, keeper->exhausted_quiet))
        return;
    keeper->exhausted_quiet = mono_add(now, BUDGET_WINDOW);
    keeper_log(keeper, LOG_LEVEL_WARNING, guid,
               "the budget of token requests is used up: no token is asked for because of a 401, "
               "by hand or after a failed response until an hour has room again",
               fields, ARRAY_LEN(fields));
}

static bool may_charge(struct keeper *keeper, const char *guid, struct mono_time now)
{
    if (!mono_before(now, budget_free_at(&keeper->budget, now)))
        return true;
    note_exhausted(keeper, guid, now);
    return false;
}

/* `guid` is copied first: it may be the flight's own. */
static void take_off(struct keeper *keeper, enum token_wish wish, const char *guid, bool charged,
                     struct mono_time now)
{
    char copy[GUID_MAX + 1];

    snprintf(copy, sizeof(copy), "%s", guid != NULL ? guid : "");
    memcpy(keeper->flight.guid, copy, sizeof(copy));
    keeper->flight.under_way = true;
    keeper->flight.began = now;
    keeper->flight.charged = charged;
    keeper->flight.exhausted = keeper->exhausted;
    keeper->exhausted = false;
    budget_note(&keeper->budget, now, charged);
    keeper->flight.wish = wish;
    keeper->ports.fetch(keeper->ports.arg, wish, copy[0] != '\0' ? copy : NULL);
}

bool keeper_ask(struct keeper *keeper, enum token_wish wish, const char *guid, struct mono_time now)
{
    bool charged = wish == TOKEN_WISH_REFUSED || wish == TOKEN_WISH_HAND;

    MUST(!keeper->flight.under_way);
    const bool tells = keeper->forgotten && keeper->renewal.percent > 0;
    if (keeper->forgotten)
        wish = TOKEN_WISH_FORGOTTEN;
    if (keeper->forgotten || keeper->standing == STANDING_DENIED)
        charged = true;
    if (charged && !tells && !may_charge(keeper, guid, now))
        return false;
    keeper->forgotten = false;
    keeper->flight.rejected = false;
    keeper->flight.by_hand = false;
    keeper->flight.forgot = false;
    keeper->flight.offered = false;
    take_off(keeper, wish, guid, charged, now);
    return true;
}

bool keeper_may_repeat(struct keeper *keeper, const char *guid, struct mono_time now)
{
    MAGIC_OK(keeper, KEEPER_MAGIC);
    MUST(keeper->flight.under_way);
    if (!may_charge(keeper, guid, now))
        return false;
    budget_note(&keeper->budget, now, true);
    return true;
}

static bool same_generation(const struct token *a, const struct token *b)
{
    return a != NULL && b != NULL && token_generation(a) == token_generation(b);
}

void keeper_publish(struct keeper *keeper, enum keeper_eviction reason, struct mono_time now)
{
    struct token_view *before = keeper->view;
    struct token *present = keeper_present(keeper, now);
    bool blocked = keeper->standing == STANDING_STALLED || keeper->standing == STANDING_HELD ||
                   keeper->exhausted;

    if (before->token != NULL && !same_generation(before->token, present))
        metric_upstream_add(METRIC_TOKEN_EVICTIONS, keeper->index,
                            token_usable(before->token, now) ? reason : EVICTED_EXPIRED, 1);

    keeper->view = token_view_new(&(struct token_view){
        .sequence = before->sequence + 1,
        .answered = keeper->answered,
        .token = present,
        .failed = keeper_failing(keeper) || (present == NULL && blocked),
        .retry_at = keeper->not_before,
        .suspect_until = keeper->suspect_until,
        .accepted = keeper->suspicion_ended,
        .cause = keeper_cause(keeper, now),
    });
    if (present != NULL)
        keeper->lacking_since = (struct mono_time){0};
    else if (keeper->lacking_since.ns == 0)
        keeper->lacking_since = now;
    keeper->wanted = false; /* whoever wants more than this view will say so */
    keeper->ports.publish(keeper->ports.arg, keeper->view);
    token_view_unref(before);
}

/* Tells everybody when the token in the last view has run out. */
static void retire(struct keeper *keeper, struct mono_time now)
{
    const struct token *token = keeper->view->token;

    if (token == NULL || token_usable(token, now))
        return;
    if (keeper->prefetch)
        keeper_log(keeper, LOG_LEVEL_WARNING, NULL, "the token expired before another was obtained",
                   NULL, 0);
    keeper_publish(keeper, EVICTED_EXPIRED, now);
}

static enum token_wish scheduled_wish(const struct keeper *keeper, struct mono_time now)
{
    struct token *present = keeper_present(keeper, now);
    const enum token_wish wish = present != NULL ? TOKEN_WISH_SCHEDULE : TOKEN_WISH_FIRST;

    token_unref(present);
    return wish;
}

void keeper_settle(struct keeper *keeper, struct mono_time now)
{
    retire(keeper, now);
    if (!mono_before(now, keeper_due(keeper, now)) &&
        !keeper_ask(keeper, scheduled_wish(keeper, now),
                    keeper->wanted ? keeper->wanted_guid : NULL, now)) {
        keeper->not_before = budget_free_at(&keeper->budget, now);
        keeper_publish(keeper, EVICTED_EXPIRED, now);
    }

    const struct token *token = keeper->view->token;
    struct mono_time unusable_at = token != NULL ? token_unusable_at(token) : MONO_NEVER;
    keeper->ports.wake(keeper->ports.arg, mono_min(keeper_due(keeper, now), unusable_at));
}

static struct token_renewal renewal_of(const struct keeper_settings *settings)
{
    return (struct token_renewal){.early = settings->early_expiry, .percent = settings->renew};
}

struct keeper *keeper_new(const struct keeper_settings *settings, const struct keeper_ports *ports,
                          struct store *store)
{
    struct keeper *keeper = mem_zalloc(sizeof(*keeper));

    MAGIC_SET(keeper, KEEPER_MAGIC);
    keeper->upstream = mem_strdup(settings->upstream);
    keeper->index = settings->index;
    keeper->store_key = mem_strdup(settings->store_key);
    keeper->renewal = renewal_of(settings);
    keeper->prefetch = settings->prefetch;
    keeper->workers = settings->workers;
    keeper->ports = *ports;
    keeper->store = store;
    keeper->view = token_view_new(&(struct token_view){.token = NULL});
    budget_init(&keeper->budget, settings->budget);
    return keeper;
}

size_t keeper_index(const struct keeper *keeper)
{
    MAGIC_OK(keeper, KEEPER_MAGIC);
    return keeper->index;
}

void keeper_free(struct keeper *keeper)
{
    MAGIC_OK(keeper, KEEPER_MAGIC);
    token_view_unref(keeper->view);
    token_unref(keeper->last);
    budget_fini(&keeper->budget);
    mem_free(keeper->last_error);
    mem_free(keeper->upstream);
    mem_free(keeper->store_key);
    MAGIC_CLEAR(keeper);
    mem_free(keeper);
}

bool keeper_restore(struct keeper *keeper, const struct token_grant *grant,
                    struct mono_time requested, struct mono_time now)
{
    MAGIC_OK(keeper, KEEPER_MAGIC);
    uint32_t jitter = keeper->ports.random(keeper->ports.arg);
    struct token *token = token_new(grant, requested, &keeper->renewal, jitter,
                                    keeper->generation + 1, keeper->workers);
    token_set_keeper(token, keeper);
    bool usable = token_usable(token, now);

    if (usable)
        keeper_use(keeper, token);
    token_unref(token);
    return usable;
}

void keeper_start(struct keeper *keeper, struct mono_time now)
{
    MAGIC_OK(keeper, KEEPER_MAGIC);
    keeper_publish(keeper, EVICTED_EXPIRED, now);
    keeper_settle(keeper, now);
}

void keeper_tick(struct keeper *keeper, struct mono_time now)
{
    MAGIC_OK(keeper, KEEPER_MAGIC);
    keeper_settle(keeper, now);
}

void keeper_wanted(struct keeper *keeper, uint64_t sequence, const char *guid, struct mono_time now)
{
    MAGIC_OK(keeper, KEEPER_MAGIC);
    MUST(sequence <= keeper->view->sequence);
    if (sequence < keeper->view->sequence)
        return;
    if (!keeper->wanted) {
        keeper->wanted = true;
        snprintf(keeper->wanted_guid, sizeof(keeper->wanted_guid), "%s", guid);
    }
    keeper_settle(keeper, now);
}

bool keeper_refresh(struct keeper *keeper, struct mono_time now)
{
    MAGIC_OK(keeper, KEEPER_MAGIC);
    bool asked = keeper->flight.under_way || keeper_ask(keeper, TOKEN_WISH_HAND, NULL, now);

    if (asked)
        keeper->flight.by_hand = true;
    keeper_settle(keeper, now);
    return asked;
}

/* Whether there was one. */
static bool forget(struct keeper *keeper, const char *message, struct mono_time now)
{
    struct token *present = keeper_present(keeper, now);
    const bool had = present != NULL;

    if (had)
        token_fingerprint(present, keeper->forgotten_fingerprint);
    token_unref(present);
    if (had && !keeper_failing(keeper)) {
        keeper->standing = STANDING_FINE;
        keeper->not_before = now;
    }
    if (had)
        keeper_log(keeper, LOG_LEVEL_NOTICE, NULL, message, NULL, 0);
    keeper_drop(keeper);
    keeper_publish(keeper, EVICTED_FORGOTTEN, now);
    return had;
}

void keeper_forget(struct keeper *keeper, struct mono_time now)
{
    MAGIC_OK(keeper, KEEPER_MAGIC);
    if (forget(keeper, "token forgotten by hand", now)) {
        keeper->forgotten = !keeper->flight.under_way;
        keeper->flight.forgot = keeper->flight.under_way;
        if (keeper->renewal.percent > 0)
            keeper->not_before = now;
    }
    keeper_settle(keeper, now);
}

void keeper_leaked(struct keeper *keeper, struct mono_time now)
{
    MAGIC_OK(keeper, KEEPER_MAGIC);
    (void)forget(keeper, "token forgotten by hand at another member of the fleet", now);
    keeper_settle(keeper, now);
}

/* The client's credentials are others: what the old ones did is no measure for them. */
static void start_afresh(struct keeper *keeper)
{
    keeper_drop(keeper);
    keeper->standing = STANDING_FINE;
    keeper->held_logged = false;
    backoff_reset(&keeper->backoff);
    keeper->forgotten = false;
    keeper->replace_again_at = (struct mono_time){0};
    mem_free(keeper->last_error);
    keeper->last_error = NULL;
    keeper->cause = (struct token_cause){.kind = TOKEN_CAUSE_NONE};
}

static void take_settings(struct keeper *keeper, const struct keeper_settings *settings)
{
    if (keeper->renewal.early != settings->early_expiry)
        keeper->shrunk_logged = false;
    keeper->renewal = renewal_of(settings);
    keeper->prefetch = settings->prefetch;
    budget_set_limit(&keeper->budget, settings->budget);
}

void keeper_adjust(struct keeper *keeper, const struct keeper_settings *settings,
                   struct mono_time now)
{
    MAGIC_OK(keeper, KEEPER_MAGIC);
    take_settings(keeper, settings);
    if (keeper->exhausted) /* if the budget is as small as before, it will say so again */
        keeper->not_before = now;
    keeper->exhausted = false;
    keeper_publish(keeper, EVICTED_EXPIRED, now);
    keeper_settle(keeper, now);
}

void keeper_reconfigure(struct keeper *keeper, const struct keeper_settings *settings, bool drop,
                        struct mono_time now)
{
    MAGIC_OK(keeper, KEEPER_MAGIC);
    take_settings(keeper, settings);
    keeper->exhausted = false;
    keeper->not_before = now;
    if (drop)
        start_afresh(keeper);
    keeper_publish(keeper, EVICTED_FORGOTTEN, now);
    if (keeper->flight.under_way)
        take_off(keeper, keeper->flight.wish, keeper->flight.guid, false, now);
    keeper_settle(keeper, now);
}

struct token *keeper_token(struct keeper *keeper, struct mono_time now)
{
    MAGIC_OK(keeper, KEEPER_MAGIC);
    return keeper_present(keeper, now);
}
