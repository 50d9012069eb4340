/*
 * What the store says.
 *
 * A token in it that is newer than what was seen is opened, and goes to the keeper: as the answer
 * to its request where one waits and the token is of use for it, else as an offer. Either way the
 * keeper decides whether to use it; whether it did is seen from its present token.
 *
 * A token of ours that the store has lost goes back under its own generation. That is right only
 * while no other fence was given since: whoever has a later one brings a later token. A token that
 * never had a generation (it was obtained alone, or in an earlier life of the daemon) gets the next
 * one, where the store has nothing newer and nobody has the lease. A token in the store that came
 * after ours was obtained stays, though ours may last longer: else each member would put its own.
 */
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/metrics.h"
#include "token/fleet_internal.h"

/* Endpoints round the seconds that are left. */
#define ROUNDING (1 * SECOND)
/* The slow look comes up to this part earlier or later. */
#define LOOK_JITTER 5

/* ---- a token from the store ---- */

struct found {
    struct sealed_token opened;
    struct mono_time expires_at;
    struct mono_time requested;
    size_t of;
    uint64_t generation;
    bool same; /* it is the present one */
};

static void note_unopened(struct fleet *fleet, struct mono_time now)
{
    metric_upstream_add(METRIC_FLEET_UNOPENED, fleet->index, 0, 1);
    if (!mono_before(now, fleet->unopened_until))
        fleet_log(fleet, LOG_LEVEL_WARNING,
                  "a token in the fleet's store cannot be opened: it is damaged, or a member has "
                  "another [fleet] key_file");
}

/*
 * The token lasts from when the command was sent, at the latest; and not longer than its lifetime,
 * which is under the seal, whatever end the store has for it.
 */
static bool open_found(struct fleet *fleet, const struct fleet_reply *reply, struct found *out)
{
    struct sealed_token opened = {.type = NULL};

    if (!fleet->ports.open(fleet->ports.arg, reply->sealed, reply->sealed_len, fleet->of,
                           fleet->ids[fleet->of], reply->generation, &opened)) {
        sealed_token_fini(&opened);
        return false;
    }
    const int64_t lifetime = opened.grant.lifetime;
    const int64_t lasts = reply->lasts < lifetime ? reply->lasts : lifetime;
    struct token *present = fleet->ports.present(fleet->ports.arg);
    *out = (struct found){
        .opened = opened,
        .expires_at = mono_add(fleet->sent, lasts),
        .of = fleet->of,
        .generation = reply->generation,
        .same = present != NULL && token_same(present, &opened.grant),
    };
    out->requested = mono_add(out->expires_at, -lifetime);
    token_unref(present);
    return true;
}

static bool lasts_longer(const struct fleet *fleet, const struct found *found)
{
    struct token *present = fleet->ports.present(fleet->ports.arg);
    const bool longer =
        present == NULL ||
        mono_before(mono_add(token_expires_at(present), ROUNDING), found->expires_at);

    token_unref(present);
    return longer;
}

/* The keeper's request would take it for a success. */
static bool is_wanted(const struct fleet *fleet, const struct found *found)
{
    if (fleet->want != WANT_ASK || found->same)
        return false;
    return fleet->wish != TOKEN_WISH_SCHEDULE || lasts_longer(fleet, found);
}

/* Whether the keeper uses it now. */
static bool is_used(const struct fleet *fleet, const struct found *found)
{
    struct token *present = fleet->ports.present(fleet->ports.arg);
    const bool used = present != NULL && token_same(present, &found->opened.grant);

    token_unref(present);
    return used;
}

static void give(struct fleet *fleet, const struct found *found)
{
    const struct token_grant *grant = &found->opened.grant;

    if (is_wanted(fleet, found)) {
        const struct keeper_result result = {.kind = KEEPER_SHARED, .grant = *grant};
        fleet->ports.shared(fleet->ports.arg, found->of);
        fleet_answer(fleet, &result, found->requested);
    } else {
        fleet->ports.offer(fleet->ports.arg, grant, found->of, found->requested);
    }
}

/* A token of the other id is of use only where it is wanted. */
static void take_found(struct fleet *fleet, const struct found *found, struct mono_time now)
{
    fleet->seen[found->of] = found->generation;
    if (found->of != fleet->which && !is_wanted(fleet, found))
        return;
    if (!found->same)
        give(fleet, found);
    if (!is_used(fleet, found))
        return;
    fleet_switch(fleet, found->of, now);
    fleet->generation = found->generation;
    if (!found->same)
        fleet_note_token(fleet);
}

/* Asks for another, but not again and again where members cannot read each other's. */
static void pass_unopened(struct fleet *fleet, const struct fleet_reply *reply,
                          struct mono_time now)
{
    note_unopened(fleet, now);
    fleet->seen[fleet->of] = reply->generation;
    if (fleet->want != WANT_ASK || fleet->of != fleet->which)
        return;
    if (mono_before(now, fleet->unopened_until)) {
        fleet_hold(fleet, KEEPER_HOLD_UNOPENED, mono_diff(fleet->unopened_until, now));
        return;
    }
    fleet->unopened_until = mono_add(now, FLEET_UNOPENED_PAUSE);
    fleet->wish = TOKEN_WISH_FIRST;
    fleet->ask_at = now;
}

static void take_sealed(struct fleet *fleet, const struct fleet_reply *reply, struct mono_time now)
{
    struct found found;

    if (reply->sealed == NULL)
        return;
    if (open_found(fleet, reply, &found)) {
        take_found(fleet, &found, now);
        sealed_token_fini(&found.opened);
    } else {
        pass_unopened(fleet, reply, now);
    }
}

/* ---- a token for the store ---- */

/* Good, and not about to be renewed anyway. */
static struct token *restorable(const struct fleet *fleet, struct mono_time now)
{
    struct token *present = fleet->ports.present(fleet->ports.arg);

    if (present != NULL && !fleet->refused && mono_before(now, token_renew_at(present)))
        return present;
    token_unref(present);
    return NULL;
}

/* The fence under which it is put; 0: it is not. */
static uint64_t restore_fence(const struct fleet *fleet, const struct fleet_reply *reply)
{
    const bool lost = reply->generation < fleet->generation;
    const uint64_t highest =
        reply->counter > reply->generation ? reply->counter : reply->generation;

    if (fleet->generation != 0)
        return lost && reply->counter <= fleet->generation ? fleet->generation : 0;
    return reply->lease == 0 && reply->generation <= fleet->own_above ? highest + 1 : 0;
}

static void restore(struct fleet *fleet, const struct fleet_reply *reply, struct mono_time now)
{
    struct token *token = restorable(fleet, now);
    const uint64_t fence = token != NULL ? restore_fence(fleet, reply) : 0;

    if (fence != 0 && fleet->tell == TELL_NOTHING) {
        fleet->tell = TELL_PUT;
        fleet->restores = true;
        fleet->tell_fence = fence;
        fleet->tell_of = fleet->which;
        fleet->tell_clock = (struct fleet_clock){.store = reply->now, .ours = now};
        fleet->tell_requested = token_requested(token);
    }
    token_unref(token);
}

/* ---- what each answer does ---- */

static void note_leader(struct fleet *fleet, const struct fleet_reply *reply)
{
    if (reply->leader != NULL && reply->leader[0] != '\0')
        snprintf(fleet->leader, sizeof(fleet->leader), "%s", reply->leader);
}

/*
 * A generation was told, so that the slow look can begin anew; but for a hint that came while the
 * command was under way, and may be newer than the reply.
 */
static void plan_look(struct fleet *fleet, struct mono_time now)
{
    const int64_t jitter = fleet->look_interval / LOOK_JITTER;

    if (fleet->hinted > fleet->seen[fleet->which])
        return;

    fleet->look_at = mono_add(now, fleet->look_interval - jitter + fleet_spread(fleet, 2 * jitter));
}

/*
 * While the store was out the keeper was put off. It hears that it may want again after what the
 * store has was offered to it.
 */
static void end_hold(struct fleet *fleet)
{
    if (!fleet->held)
        return;
    fleet->held = false;
    fleet->ports.retry(fleet->ports.arg);
}

static void looked(struct fleet *fleet, const struct fleet_reply *reply, struct mono_time now)
{
    take_sealed(fleet, reply, now);
    if (fleet->of != fleet->which)
        return;
    if (reply->members > 0)
        fleet->members = reply->members;
    note_leader(fleet, reply);
    plan_look(fleet, now);
    restore(fleet, reply, now);
    end_hold(fleet);
}

/* The same value as the refused one, or one that does not last longer: asked for again. */
static void newer(struct fleet *fleet, const struct fleet_reply *reply, struct mono_time now)
{
    take_sealed(fleet, reply, now);
    plan_look(fleet, now);
}

static void held(struct fleet *fleet, const struct fleet_reply *reply, struct mono_time now)
{
    note_leader(fleet, reply);
    fleet->ask_at = mono_add(now, reply->wait + fleet_spread(fleet, FLEET_RETURN_SPREAD));
    fleet->looked_aside = false;
}

/* The wait for the answer may have been long: this process may have stood still meanwhile. */
static void yours(struct fleet *fleet, const struct fleet_reply *reply, struct mono_time now)
{
    if (mono_diff(now, fleet->sent) > fleet->lease / 3) {
        metric_upstream_add(METRIC_FLEET_LEADS, fleet->index, FLEET_LEAD_SPENT, 1);
        fleet->ask_at = now;
        return;
    }
    fleet->fence = reply->fence;
    fleet->lead = fleet->of;
    fleet->clock = (struct fleet_clock){.store = reply->now, .ours = now};
    snprintf(fleet->leader, sizeof(fleet->leader), "%s", fleet->member);
    fleet_request(fleet);
}

static void asked(struct fleet *fleet, const struct fleet_reply *reply, struct mono_time now)
{
    const int64_t spread = fleet_spread(fleet, FLEET_RETURN_SPREAD);

    MUST(fleet->want == WANT_ASK);
    metric_upstream_add(METRIC_FLEET_ASKS, fleet->index, reply->answer - FLEET_NEWER, 1);
    if (reply->answer == FLEET_NEWER)
        newer(fleet, reply, now);
    else if (reply->answer == FLEET_HELD)
        held(fleet, reply, now);
    else if (reply->answer == FLEET_RECENT)
        fleet_hold(fleet, KEEPER_HOLD_RECENT, reply->wait);
    else if (reply->answer == FLEET_WAIT)
        fleet_hold(fleet, KEEPER_HOLD_WAIT, reply->wait + spread);
    else if (reply->answer == FLEET_BUDGET)
        fleet_hold(fleet, KEEPER_HOLD_BUDGET, reply->wait + spread);
    else
        yours(fleet, reply, now);
}

/* Ours stays in use where it lasts longer; then it is one without a generation. */
static void put_late(struct fleet *fleet, const struct fleet_reply *reply, struct mono_time now)
{
    metric_upstream_add(METRIC_FLEET_LATE_PUTS, fleet->index, 0, 1);
    fleet_log(fleet, LOG_LEVEL_NOTICE, "the fleet's store has a newer token than ours");
    if (fleet->of == fleet->which) {
        fleet->generation = 0;
        fleet->own_above = 0;
    }
    take_sealed(fleet, reply, now);
}

static void stored(struct fleet *fleet)
{
    if (fleet->of == fleet->which) {
        fleet->generation = fleet->tell_fence;
        fleet->seen[fleet->of] = fleet->tell_fence;
    }
    if (!fleet->restores)
        return;
    metric_upstream_add(METRIC_FLEET_RESTORES, fleet->index, 0, 1);
    fleet_log(fleet, LOG_LEVEL_NOTICE,
              "the token was put into the fleet's store, which had no newer one");
}

static void put(struct fleet *fleet, const struct fleet_reply *reply, struct mono_time now)
{
    if (reply->answer == FLEET_LATE)
        put_late(fleet, reply, now);
    else
        stored(fleet);
    plan_look(fleet, now);
}

_Static_assert(FLEET_ASK_YOURS == FLEET_YOURS - FLEET_NEWER, "the cells are in the answers' order");

static bool fits(enum fleet_verb verb, enum fleet_answer answer)
{
    switch (verb) {
    case FLEET_LOOK:
        return answer == FLEET_LOOKED;
    case FLEET_ASK:
        return answer >= FLEET_NEWER && answer <= FLEET_YOURS;
    case FLEET_PUT:
        return answer == FLEET_STORED || answer == FLEET_LATE;
    case FLEET_FAIL:
        return answer == FLEET_NOTED || answer == FLEET_LATE;
    }
    return false;
}

/* Whoever writes to the store can put a record of before into it, sealed as it was. */
static bool is_old(const struct fleet *fleet, const struct fleet_reply *reply)
{
    return reply->sealed != NULL && reply->generation <= fleet->have;
}

void fleet_replied(struct fleet *fleet, const struct fleet_reply *reply, struct mono_time now)
{
    MAGIC_OK(fleet, FLEET_MAGIC);
    MUST(fleet->busy && fits(fleet->verb, reply->answer));
    if (is_old(fleet, reply)) {
        fleet_log(fleet, LOG_LEVEL_WARNING,
                  "the fleet's store told an old token as a newer one: somebody else writes to it");
        fleet_lost(fleet, now);
        return;
    }
    fleet_enter(fleet);
    fleet->busy = false;
    fleet->reached = now;
    fleet_hear(fleet, now);
    if (fleet->verb == FLEET_LOOK)
        looked(fleet, reply, now);
    else if (fleet->verb == FLEET_ASK)
        asked(fleet, reply, now);
    else if (fleet->verb == FLEET_PUT)
        put(fleet, reply, now);
    fleet_leave(fleet, now);
}

/* ---- hints ---- */

static bool has_good_token(const struct fleet *fleet)
{
    struct token *present = fleet->ports.present(fleet->ports.arg);
    const bool good = present != NULL && !fleet->refused;

    token_unref(present);
    return good;
}

static void hinted_new(struct fleet *fleet, uint64_t generation, struct mono_time now)
{
    if (generation <= fleet->seen[fleet->which])
        return;
    if (generation > fleet->hinted)
        fleet->hinted = generation;
    const int64_t most = has_good_token(fleet) ? FLEET_HINT_SPREAD : FLEET_HINT_SPREAD_URGENT;
    fleet->look_at = mono_min(fleet->look_at, mono_add(now, fleet_spread(fleet, most)));
}

/* Its successor is on the way to everybody. */
static void hinted_gone(struct fleet *fleet, uint64_t generation)
{
    if (generation == 0 || generation != fleet->generation)
        return;
    fleet_give_up(fleet);
    fleet->refused = true;
    fleet->announced = true;
}

static void hinted_leaked(struct fleet *fleet, uint64_t generation)
{
    if (generation == 0 || generation != fleet->generation)
        return;
    fleet_give_up(fleet);
    fleet->generation = 0;
    fleet_note_token(fleet);
    fleet->ports.leaked(fleet->ports.arg);
}

/* Only who waits for the lease of the member that failed. */
static void hinted_wait(struct fleet *fleet, int64_t wait)
{
    const bool by_hand = fleet->wish == TOKEN_WISH_HAND || fleet->wish == TOKEN_WISH_FORGOTTEN;

    if (fleet->want == WANT_ASK && !fleet->busy && !by_hand)
        fleet_hold(fleet, KEEPER_HOLD_WAIT, wait + fleet_spread(fleet, FLEET_RETURN_SPREAD));
}

void fleet_hinted(struct fleet *fleet, const struct fleet_hint *hint, struct mono_time now)
{
    MAGIC_OK(fleet, FLEET_MAGIC);
    fleet_enter(fleet);
    if (hint->kind == FLEET_HINT_NEW)
        hinted_new(fleet, hint->generation, now);
    else if (hint->kind == FLEET_HINT_GONE)
        hinted_gone(fleet, hint->generation);
    else if (hint->kind == FLEET_HINT_LEAKED)
        hinted_leaked(fleet, hint->generation);
    else
        hinted_wait(fleet, hint->wait);
    fleet_leave(fleet, now);
}
