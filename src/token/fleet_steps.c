/*
 * The steps that more than one file of the fleet takes: how the keeper's request ends, and what is
 * changed together with another token or id.
 */
#include "base/check.h"
#include "base/log.h"
#include "token/fleet_internal.h"

void fleet_log(const struct fleet *fleet, enum log_level level, const char *message)
{
    const struct log_field fields[] = {LOG_TEXT("upstream", fleet->upstream)};

    log_fields(level, NULL, message, fields, ARRAY_LEN(fields));
}

double fleet_chance(const struct fleet *fleet)
{
    return (double)fleet->ports.random(fleet->ports.arg) / (double)UINT32_MAX;
}

int64_t fleet_spread(const struct fleet *fleet, int64_t most)
{
    return (int64_t)((double)most * fleet_chance(fleet));
}

bool fleet_reachable(const struct fleet *fleet)
{
    return fleet->connected && !fleet->deaf;
}

bool fleet_is_joining(const struct fleet *fleet, struct mono_time now)
{
    return !fleet->connected && mono_before(now, fleet->join_until);
}

void fleet_answer(struct fleet *fleet, const struct keeper_result *result, struct mono_time sent)
{
    MUST(fleet->want != WANT_NOTHING);
    fleet->want = WANT_NOTHING;
    fleet->ports.answer(fleet->ports.arg, result, sent);
}

void fleet_hold(struct fleet *fleet, enum keeper_hold held, int64_t hold)
{
    const struct keeper_result result = {.kind = KEEPER_HELD, .held = held, .hold = hold};

    fleet->held = held == KEEPER_HOLD_LATER || held == KEEPER_HOLD_ALONE;
    fleet_answer(fleet, &result, (struct mono_time){0});
}

void fleet_request(struct fleet *fleet)
{
    fleet->want = WANT_END;
    fleet->ports.fetch(fleet->ports.arg, fleet->guid[0] != '\0' ? fleet->guid : NULL);
}

void fleet_give_up(struct fleet *fleet)
{
    if (fleet->generation > fleet->given_up)
        fleet->given_up = fleet->generation;
}

void fleet_note_token(struct fleet *fleet)
{
    struct token *present = fleet->ports.present(fleet->ports.arg);

    if (present != NULL)
        fleet->lifetime = token_lifetime(present);
    token_unref(present);
    fleet->refused = false;
    fleet->announced = false;
    fleet->own_at = (struct mono_time){0};
    fleet->drawn = false;
}

void fleet_switch(struct fleet *fleet, size_t which, struct mono_time now)
{
    if (which == fleet->which)
        return;
    fleet->which = which;
    fleet->generation = 0;
    fleet->given_up = 0;
    fleet->own_above = fleet->seen[which];
    fleet->look_at = now;
    fleet->ports.follow(fleet->ports.arg, fleet->ids[which]);
}

void fleet_hear(struct fleet *fleet, struct mono_time now)
{
    fleet->deaf = false;
    if (fleet->want != WANT_OWN)
        return;
    fleet->want = WANT_ASK;
    fleet->ask_at = now;
}
