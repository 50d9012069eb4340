/*
 * The member's life, what is asked of it, and what it does next. Facts are in
 * token/fleet_internal.h; there is no variable that says what is due.
 */
#include "token/fleet.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "token/fleet_internal.h"

static const char *const state_names[] = {
#define STATE_NAME(id, name) [id] = name,
    FLEET_STATES(STATE_NAME)
#undef STATE_NAME
};

const char *fleet_state_name(enum fleet_state state)
{
    MUST(state < ARRAY_LEN(state_names));
    return state_names[state];
}

/* ---- commands ---- */

static void submit(struct fleet *fleet, struct fleet_command *command, size_t of,
                   struct mono_time now)
{
    command->id = fleet->ids[of];
    command->member = fleet->member;
    fleet->busy = true;
    fleet->verb = command->verb;
    fleet->of = of;
    fleet->have = command->verb == FLEET_PUT ? command->fence - 1 : command->have;
    fleet->sent = now;
    fleet->ports.send(fleet->ports.arg, command);
}

static void send_look(struct fleet *fleet, size_t of, struct mono_time now)
{
    struct fleet_command command = {.verb = FLEET_LOOK, .have = fleet->seen[of]};

    submit(fleet, &command, of, now);
}

/*
 * After a 401 only another token than the refused one is of use: one of ours counts as none. Nor is
 * one of use that was given up before, though the store may have it still.
 */
static uint64_t have(const struct fleet *fleet)
{
    if (fleet->wish != TOKEN_WISH_REFUSED)
        return fleet->seen[fleet->which];
    return fleet->generation > fleet->given_up ? fleet->generation : fleet->given_up;
}

static void send_ask(struct fleet *fleet, struct mono_time now)
{
    struct fleet_command command = {.verb = FLEET_ASK,
                                    .have = have(fleet),
                                    .wish = fleet->wish,
                                    .lease = fleet->lease,
                                    .limit = fleet->budget};

    if (fleet->secrets > 1 && !fleet->looked_aside) {
        fleet->looked_aside = true;
        send_look(fleet, 1 - fleet->which, now);
        return;
    }
    submit(fleet, &command, fleet->which, now);
}

static void send_fail(struct fleet *fleet, struct mono_time now)
{
    struct fleet_command command = {.verb = FLEET_FAIL,
                                    .fence = fleet->tell_fence,
                                    .failure = fleet->failure,
                                    .floor = fleet->floor,
                                    .random = fleet->ports.random(fleet->ports.arg)};

    submit(fleet, &command, fleet->tell_of, now);
}

/* ms of the store's clock at which the token expires, or a little earlier. */
static int64_t expiry_by_store(const struct fleet_clock *clock, const struct token *token)
{
    return clock->store + mono_diff(token_expires_at(token), clock->ours) / MILLISECOND;
}

/* Unless there is another token by now, or it was refused meanwhile. */
static void send_put(struct fleet *fleet, struct mono_time now)
{
    struct token *token = fleet->ports.present(fleet->ports.arg);

    if (token != NULL && token_requested(token).ns == fleet->tell_requested.ns && !fleet->refused) {
        struct secret *sealed = fleet->ports.seal(fleet->ports.arg, token, fleet->tell_of,
                                                  fleet->ids[fleet->tell_of], fleet->tell_fence);
        struct fleet_command command = {.verb = FLEET_PUT,
                                        .fence = fleet->tell_fence,
                                        .sealed = secret_bytes(sealed),
                                        .sealed_len = secret_len(sealed),
                                        .expire_at = expiry_by_store(&fleet->tell_clock, token)};
        submit(fleet, &command, fleet->tell_of, now);
        secret_unref(sealed);
    }
    token_unref(token);
}

static void send_tell(struct fleet *fleet, struct mono_time now)
{
    const enum fleet_tell tell = fleet->tell;

    fleet->tell = TELL_NOTHING;
    if (tell == TELL_PUT)
        send_put(fleet, now);
    else if (tell == TELL_FAIL)
        send_fail(fleet, now);
}

/* ---- what is due ---- */

static bool is_due(struct mono_time at, struct mono_time now)
{
    return !mono_before(now, at);
}

/* A look comes first: it may bring what is asked for. */
static void send_due(struct fleet *fleet, struct mono_time now)
{
    if (!fleet->busy && fleet->tell != TELL_NOTHING && !fleet->deaf)
        send_tell(fleet, now);
    if (!fleet->busy && is_due(fleet->look_at, now)) {
        fleet->look_at = MONO_NEVER;
        fleet->hinted = 0;
        send_look(fleet, fleet->which, now);
    }
    if (!fleet->busy && fleet->want == WANT_ASK && is_due(fleet->ask_at, now) && !fleet->deaf)
        send_ask(fleet, now);
}

static enum fleet_state state_of(const struct fleet *fleet, struct mono_time now)
{
    if (fleet_is_joining(fleet, now))
        return FLEET_JOINING;
    if (!fleet_reachable(fleet))
        return FLEET_ALONE;
    return fleet->want == WANT_END && fleet->fence != 0 ? FLEET_LEADING : FLEET_FOLLOWING;
}

static void note_state(struct fleet *fleet, struct mono_time now)
{
    const enum fleet_state state = state_of(fleet, now);

    if (state == fleet->state)
        return;
    fleet->state = state;
    fleet->since = now;
}

/* When what is due can change by time alone. */
static struct mono_time next(const struct fleet *fleet, struct mono_time now)
{
    struct mono_time when = MONO_NEVER;

    if (fleet->connected && !fleet->busy)
        when = fleet->look_at;
    if (fleet_reachable(fleet) && !fleet->busy && fleet->want == WANT_ASK)
        when = mono_min(when, fleet->ask_at);
    if (fleet_is_joining(fleet, now))
        return fleet->join_until;
    if (!fleet_reachable(fleet) && fleet->want == WANT_OWN)
        when = mono_min(when, fleet->ask_at);
    if (!fleet_reachable(fleet) && fleet->want == WANT_ASK)
        return now; /* wanted by whom a hold was just told to */
    return when;
}

static void settle(struct fleet *fleet, struct mono_time now)
{
    if (fleet->connected)
        send_due(fleet, now);
    if (!fleet_reachable(fleet) && !fleet_is_joining(fleet, now))
        fleet_decide_alone(fleet, now);
}

void fleet_enter(struct fleet *fleet)
{
    fleet->depth++;
}

void fleet_leave(struct fleet *fleet, struct mono_time now)
{
    if (fleet->depth == 1) {
        settle(fleet, now);
        note_state(fleet, now);
        fleet->ports.wake(fleet->ports.arg, next(fleet, now));
    }
    fleet->depth--;
}

/* ---- its life ---- */

struct fleet *fleet_new(const struct fleet_settings *settings, const struct fleet_ports *ports)
{
    struct fleet *fleet = mem_zalloc(sizeof(*fleet));

    MAGIC_SET(fleet, FLEET_MAGIC);
    MUST(settings->secrets >= 1 && settings->secrets <= FLEET_SECRETS);
    fleet->upstream = mem_strdup(settings->upstream);
    fleet->index = settings->index;
    snprintf(fleet->member, sizeof(fleet->member), "%s", settings->member);
    for (size_t i = 0; i < settings->secrets; i++)
        snprintf(fleet->ids[i], sizeof(fleet->ids[i]), "%s", settings->ids[i]);
    fleet->secrets = settings->secrets;
    fleet->which = settings->preferred;
    fleet->lease =
        (int64_t)settings->secrets * settings->auth_timeout + 2 * settings->store_timeout + SECOND;
    fleet->budget = settings->budget;
    fleet->alone = settings->alone;
    fleet->look_interval = settings->look_interval;
    fleet->look_at = MONO_NEVER;
    fleet->state = FLEET_JOINING;
    fleet->ports = *ports;
    return fleet;
}

void fleet_free(struct fleet *fleet)
{
    MAGIC_OK(fleet, FLEET_MAGIC);
    mem_free(fleet->upstream);
    MAGIC_CLEAR(fleet);
    mem_free(fleet);
}

void fleet_start(struct fleet *fleet, struct mono_time now)
{
    MAGIC_OK(fleet, FLEET_MAGIC);
    fleet_enter(fleet);
    fleet->since = now;
    fleet->join_until = mono_add(now, FLEET_JOIN);
    fleet_leave(fleet, now);
}

void fleet_connected(struct fleet *fleet, struct mono_time now)
{
    MAGIC_OK(fleet, FLEET_MAGIC);
    fleet_enter(fleet);
    fleet->connected = true;
    fleet->look_at = now;
    fleet_hear(fleet, now);
    fleet_leave(fleet, now);
}

/* A put that got no reply is made up for by the look at the next connection. */
void fleet_disconnected(struct fleet *fleet, struct mono_time now)
{
    MAGIC_OK(fleet, FLEET_MAGIC);
    fleet_enter(fleet);
    fleet->connected = false;
    fleet->busy = false;
    fleet->tell = TELL_NOTHING;
    fleet->look_at = MONO_NEVER;
    fleet->join_until = (struct mono_time){0};
    fleet_leave(fleet, now);
}

void fleet_lost(struct fleet *fleet, struct mono_time now)
{
    MAGIC_OK(fleet, FLEET_MAGIC);
    MUST(fleet->busy);
    fleet_enter(fleet);
    fleet->busy = false;
    fleet->deaf = true;
    fleet->tell = TELL_NOTHING;
    fleet->look_at = mono_add(now, FLEET_DEAF + fleet_spread(fleet, FLEET_DEAF));
    fleet_leave(fleet, now);
}

/* Somebody else saw the same 401 first: his token is on its way. */
static struct mono_time first_ask(const struct fleet *fleet, struct mono_time now)
{
    if (fleet->wish == TOKEN_WISH_REFUSED && fleet->announced)
        return mono_add(now, FLEET_GONE_PATIENCE + fleet_spread(fleet, FLEET_GONE_PATIENCE));
    return now;
}

/* The keeper's call ends before anything is answered: the rest is for the next turn. */
void fleet_want(struct fleet *fleet, enum token_wish wish, const char *guid, struct mono_time now)
{
    MAGIC_OK(fleet, FLEET_MAGIC);
    MUST(fleet->want == WANT_NOTHING);
    fleet->want = WANT_ASK;
    fleet->wish = wish;
    fleet->ask_at = first_ask(fleet, now);
    if (wish == TOKEN_WISH_REFUSED || wish == TOKEN_WISH_FORGOTTEN)
        fleet_give_up(fleet);
    fleet->refused |= wish == TOKEN_WISH_REFUSED;
    fleet->looked_aside = false;
    fleet->held = false;
    snprintf(fleet->guid, sizeof(fleet->guid), "%s", guid != NULL ? guid : "");
    if (fleet->depth == 0)
        fleet->ports.wake(fleet->ports.arg, now);
}

void fleet_tick(struct fleet *fleet, struct mono_time now)
{
    MAGIC_OK(fleet, FLEET_MAGIC);
    fleet_enter(fleet);
    fleet_leave(fleet, now);
}

/* ---- the end of our own request ---- */

static void tell_put(struct fleet *fleet, struct mono_time sent)
{
    fleet->generation = fleet->fence;
    fleet->seen[fleet->lead] = fleet->fence;
    fleet->tell = TELL_PUT;
    fleet->restores = false;
    fleet->tell_fence = fleet->fence;
    fleet->tell_of = fleet->lead;
    fleet->tell_clock = fleet->clock;
    fleet->tell_requested = sent;
}

/* Of Retry-After no member heeds more than without a fleet, so the fleet does not. */
static void give_back(struct fleet *fleet, enum fleet_failure failure, int64_t floor)
{
    fleet->tell = TELL_FAIL;
    fleet->tell_fence = fleet->fence;
    fleet->tell_of = fleet->lead;
    fleet->failure = failure;
    fleet->floor = floor < KEEPER_RETRY_AFTER_MAX ? floor : KEEPER_RETRY_AFTER_MAX;
}

static void tell_fail(struct fleet *fleet, enum fleet_failure failure, int64_t floor)
{
    metric_upstream_add(METRIC_FLEET_LEADS, fleet->index, FLEET_LEAD_FAILED, 1);
    give_back(fleet, failure, floor);
}

/* Obtained without a lease: the next look tells whether the store has use for it. */
static void keep_own(struct fleet *fleet, struct mono_time now)
{
    fleet->generation = 0;
    fleet->own_above = fleet->seen[fleet->which];
    if (fleet_reachable(fleet))
        fleet->look_at = now;
}

/*
 * Under the id of the secret that failed there is nothing to be had any more. Who waits for our
 * lease there hears of its end, and looks under this one.
 */
static void change_secret(struct fleet *fleet, size_t which, struct mono_time now)
{
    if (fleet->fence != 0)
        give_back(fleet, FLEET_STALLED, 0);
    fleet_switch(fleet, which, now);
}

/* The keeper has it. `taken`: and uses it. */
static void share(struct fleet *fleet, size_t which, bool taken, struct mono_time sent,
                  struct mono_time now)
{
    const bool leads = fleet->fence != 0;

    if (taken && which != fleet->which)
        change_secret(fleet, which, now);
    else if (taken && !leads)
        keep_own(fleet, now);
    else if (taken)
        tell_put(fleet, sent);
    else if (leads)
        tell_fail(fleet, FLEET_STALLED, 0);
    if (taken && leads)
        metric_upstream_add(METRIC_FLEET_LEADS, fleet->index, FLEET_LEAD_GRANTED, 1);
}

static bool is_taken(const struct fleet *fleet, struct mono_time sent)
{
    struct token *present = fleet->ports.present(fleet->ports.arg);
    const bool taken = present != NULL && token_requested(present).ns == sent.ns;

    token_unref(present);
    return taken;
}

/* Without a response nothing was charged at the token endpoint either. */
static enum fleet_failure failure_of(const struct keeper_result *result)
{
    if (result->kind == KEEPER_NO_RESPONSE)
        return FLEET_STALLED;
    return result->kind == KEEPER_REJECTED ? FLEET_CREDENTIALS : FLEET_FAILED;
}

void fleet_fetched(struct fleet *fleet, const struct keeper_result *result, size_t which,
                   struct mono_time sent, struct mono_time now)
{
    MAGIC_OK(fleet, FLEET_MAGIC);
    MUST(fleet->want == WANT_END);
    const enum fleet_failure failure = failure_of(result);
    const int64_t floor = result->retry_after;

    fleet_enter(fleet);
    fleet_answer(fleet, result, sent);
    if (result->kind == KEEPER_GRANTED) {
        const bool taken = is_taken(fleet, sent);
        share(fleet, which, taken, sent, now);
        if (taken)
            fleet_note_token(fleet);
    } else if (fleet->fence != 0) {
        tell_fail(fleet, failure, floor);
    }
    fleet->fence = 0;
    fleet_leave(fleet, now);
}

void fleet_status(const struct fleet *fleet, struct mono_time now, struct fleet_status *out)
{
    MAGIC_OK(fleet, FLEET_MAGIC);
    const enum fleet_state state = state_of(fleet, now);
    *out = (struct fleet_status){
        .state = state,
        .since = state == fleet->state ? fleet->since : now,
        .generation = fleet->generation,
        .member = fleet->member,
        .leader = state == FLEET_LEADING ? fleet->member : fleet->leader,
        .members = fleet->members,
        .reached = fleet->reached,
    };
}
