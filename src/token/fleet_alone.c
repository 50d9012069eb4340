/*
 * Requests while the store is out of reach. Nothing tells the members apart then but chance, so
 * chance spreads what they do: a token at hand is used to its end and a successor requested at a
 * random moment of its last minutes (most outages are over before that), a missing one within some
 * seconds. And a lot decides who requests at all, so that all members together make no more
 * requests an hour than `alone` allows, each getting one token in a lifetime.
 */
#include "base/check.h"
#include "base/log.h"
#include "base/metrics.h"
#include "token/fleet_internal.h"

/* Of a token, where none was there to tell. */
#define LIFETIME_GUESS (1 * HOUR)

static int64_t lifetime(const struct fleet *fleet)
{
    return fleet->lifetime > 0 ? fleet->lifetime : LIFETIME_GUESS;
}

/* The part of all members that may make a request in this lifetime. */
static double share(const struct fleet *fleet)
{
    const double hours = (double)lifetime(fleet) / (double)HOUR;
    const double members = fleet->members > 0 ? (double)fleet->members : 1;

    return (double)fleet->alone * hours / members;
}

/* Drawn once for a token, and again when it would have ended. False: we make no request. */
static bool draw(struct fleet *fleet, struct mono_time now)
{
    if (fleet->drawn && (!fleet->lost || mono_before(now, fleet->lot_until)))
        return !fleet->lost;
    const double lot = fleet_chance(fleet);
    fleet->drawn = true;
    fleet->lost = fleet->alone == 0 || lot > share(fleet);
    fleet->lot_until = mono_add(now, lifetime(fleet));
    if (fleet->lost)
        fleet_log(fleet, LOG_LEVEL_WARNING,
                  "the fleet's store is out of reach, and [fleet] alone allows this member no "
                  "request: no token is requested here until it is back");
    return !fleet->lost;
}

static void request(struct fleet *fleet)
{
    metric_upstream_add(METRIC_FLEET_ALONE, fleet->index, 0, 1);
    fleet_log(fleet, LOG_LEVEL_NOTICE,
              "the fleet's store is out of reach: a token is requested without it");
    fleet_request(fleet);
}

/* A random moment of the last part of the token's life, but before it cannot be used any more. */
static struct mono_time moment(const struct fleet *fleet, const struct token *token)
{
    const int64_t margin = mono_diff(token_expires_at(token), token_renew_at(token));
    const int64_t unusable = mono_diff(token_expires_at(token), token_unusable_at(token));
    int64_t window = margin * 6 / 10, end = FLEET_ALONE_END;

    if (window > FLEET_ALONE_WINDOW)
        window = FLEET_ALONE_WINDOW;
    if (end > window / 9)
        end = window / 9;
    if (end < unusable)
        end = unusable;
    if (window < end)
        window = end;
    return mono_add(token_expires_at(token), -window + fleet_spread(fleet, window - end));
}

/* The present token is good; its successor has time. */
static void decide_schedule(struct fleet *fleet, const struct token *token, struct mono_time now)
{
    if (fleet->own_at.ns == 0)
        fleet->own_at = moment(fleet, token);
    if (mono_before(now, fleet->own_at))
        fleet_hold(fleet, KEEPER_HOLD_LATER, mono_diff(fleet->own_at, now));
    else if (draw(fleet, now))
        request(fleet);
    else
        fleet_hold(fleet, KEEPER_HOLD_ALONE, mono_diff(fleet->lot_until, now));
}

/* Callers wait. */
static void decide_urgent(struct fleet *fleet, struct mono_time now)
{
    if (!draw(fleet, now)) {
        fleet_hold(fleet, KEEPER_HOLD_ALONE, mono_diff(fleet->lot_until, now));
        return;
    }
    fleet->want = WANT_OWN;
    fleet->ask_at = mono_add(now, fleet_spread(fleet, FLEET_ALONE_SPREAD));
}

/* After a failure the keeper asks as if on schedule, but a refused token is still of no use. */
static void decide(struct fleet *fleet, struct mono_time now)
{
    struct token *present = fleet->ports.present(fleet->ports.arg);

    if (fleet->wish == TOKEN_WISH_HAND || fleet->wish == TOKEN_WISH_FORGOTTEN)
        request(fleet);
    else if (present != NULL && !fleet->refused && fleet->wish == TOKEN_WISH_SCHEDULE)
        decide_schedule(fleet, present, now);
    else
        decide_urgent(fleet, now);
    token_unref(present);
}

void fleet_decide_alone(struct fleet *fleet, struct mono_time now)
{
    if (fleet->want == WANT_ASK)
        decide(fleet, now);
    if (fleet->want == WANT_OWN && !mono_before(now, fleet->ask_at))
        request(fleet);
}
