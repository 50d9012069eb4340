/*
 * The verdict on a 401.
 *
 * A 401 may mean that the token is dead for everybody, that this one postcode is not ours to ask
 * for, or that the upstream is out of its mind. Replacing the token cures the first alone, and a
 * daemon that replaces it at each 401 turns the other two into a storm on the token endpoint. So a
 * token with which somebody else succeeded since is left alone; replacements are 30 s apart and
 * paid for out of the budget; and in between the token is *suspect*: everybody goes on trying it,
 * for a single success tells that it was not the token, and a further 401 gets 502 at once.
 */
#include "base/check.h"
#include "base/log.h"
#include "token/keeper_internal.h"

bool keeper_suspect(struct keeper *keeper, struct mono_time until, struct mono_time now)
{
    if (keeper->suspicion_ended || keeper_is_suspect(keeper, now) || !mono_before(now, until))
        return false;
    keeper->suspect_until = until;
    const struct log_field fields[] = {LOG_MS("for_ms", mono_diff(until, now))};
    keeper_log(keeper, LOG_LEVEL_WARNING, NULL,
               "the upstream rejects the token and no other is available yet; it is suspect",
               fields, ARRAY_LEN(fields));
    return true;
}

/* The token stays, its 401s get 502. */
static enum keeper_verdict keep_suspect(struct keeper *keeper, struct mono_time until,
                                        struct mono_time now)
{
    const bool begins = keeper_suspect(keeper, until, now);
    const struct token_cause cause = keeper_cause(keeper, now);

    if (begins || !token_cause_same(&cause, &keeper->view->cause))
        keeper_publish(keeper, EVICTED_REJECTED, now);
    return KEEPER_KEPT_SUSPECT;
}

/* A request is under way, and it counts as a replacement from its own begin. */
static enum keeper_verdict replacing(struct keeper *keeper)
{
    keeper->flight.rejected = true;
    keeper->replace_again_at = mono_add(keeper->flight.began, KEEPER_REPLACEMENT_INTERVAL);
    return KEEPER_REPLACING;
}

static enum keeper_verdict judge(struct keeper *keeper, const char *guid, struct mono_time now)
{
    if (keeper->flight.under_way)
        return replacing(keeper);
    if (mono_before(now, keeper->replace_again_at))
        return keep_suspect(keeper, keeper->replace_again_at, now);
    if (keeper_failing(keeper) && mono_before(now, keeper->not_before))
        return KEEPER_BACKING_OFF;
    if (!keeper_ask(keeper, TOKEN_WISH_REFUSED, guid, now)) {
        struct mono_time free_at = budget_free_at(&keeper->budget, now);
        return keep_suspect(keeper, mono_min(free_at, mono_add(now, KEEPER_REPLACEMENT_INTERVAL)),
                            now);
    }
    keeper_log(keeper, LOG_LEVEL_WARNING, guid, "the upstream rejected the token; replacing it",
               NULL, 0);
    keeper_trust(keeper);
    return replacing(keeper);
}

enum keeper_verdict keeper_rejected(struct keeper *keeper, uint64_t generation,
                                    struct mono_time sent, const char *guid, struct mono_time now,
                                    struct mono_time *succeeded_at)
{
    MAGIC_OK(keeper, KEEPER_MAGIC);
    enum keeper_verdict verdict = KEEPER_SUCCESSOR;

    *succeeded_at = (struct mono_time){0};
    struct token *present = keeper_present(keeper, now);
    if (present != NULL && token_generation(present) == generation) {
        *succeeded_at = token_last_success(present);
        verdict = mono_before(sent, *succeeded_at) ? KEEPER_STAYS : judge(keeper, guid, now);
    }
    token_unref(present);
    /* A token that has run out leaves the view here, before the worker hears that it is gone. */
    keeper_settle(keeper, now);
    return verdict;
}

void keeper_succeeded(struct keeper *keeper, uint64_t generation, struct mono_time now)
{
    MAGIC_OK(keeper, KEEPER_MAGIC);
    struct token *present = keeper_present(keeper, now);

    if (present != NULL && token_generation(present) == generation &&
        keeper_is_suspect(keeper, now)) {
        keeper_log(keeper, LOG_LEVEL_NOTICE, NULL,
                   "a lookup succeeded with the token; it is no longer suspect", NULL, 0);
        keeper->suspect_until = (struct mono_time){0};
        keeper->suspicion_ended = true;
        keeper_publish(keeper, EVICTED_EXPIRED, now);
    }
    token_unref(present);
    keeper_settle(keeper, now);
}
