/* With one upstream, whose 429 is over, this is a few loads. */
#include "lookup/choice.h"

static void skip(struct choice *choice, size_t place, enum failover_reason reason)
{
    choice->skipped[choice->skip_count++] = (struct choice_skip){place, reason};
}

static bool is_held(struct choice *choice, struct upstream_state *state, bool last,
                    struct mono_time now)
{
    const struct hold_state hold = hold_read(&state->hold, now);

    if (hold.held && hold.retry_after < choice->retry_after)
        choice->retry_after = hold.retry_after;
    return hold.held || (hold.unsaid && !last);
}

static bool is_ejected(struct choice *choice, struct upstream_state *state, struct mono_time now,
                       struct mono_time deadline)
{
    const enum breaker_pass pass = breaker_ask(&state->breaker, now, deadline);

    choice->trial = pass == BREAKER_TRIAL;
    return pass == BREAKER_EJECTED_NOW;
}

/* The last one is held, so the first that is only ejected is asked: better than none. */
static void take_ejected(struct choice *choice)
{
    size_t i = 0;

    while (i < choice->skip_count && choice->skipped[i].reason != FAILOVER_EJECTED)
        i++;
    if (i == choice->skip_count)
        return;
    choice->found = true;
    choice->place = choice->skipped[i].place;
    choice->skip_count = i;
}

void choice_make(const struct config_route *route, const struct lookup_plan *plan, size_t from,
                 struct mono_time now, struct mono_time deadline, struct choice *out)
{
    out->found = false;
    out->trial = false;
    out->retry_after = INT64_MAX;
    out->skip_count = 0;
    for (size_t place = from; place < route->upstream_count && !out->found; place++) {
        struct upstream_state *state = lookup_plan_way(plan, route, place)->side->state;
        const bool last = place + 1 == route->upstream_count;

        if (state != NULL && is_held(out, state, last, now)) {
            skip(out, place, FAILOVER_HELD);
        } else if (state != NULL && !last && is_ejected(out, state, now, deadline)) {
            skip(out, place, FAILOVER_EJECTED);
        } else {
            out->found = true;
            out->place = place;
        }
    }
    if (!out->found)
        take_ejected(out);
}

void choice_count(const struct choice *choice, const struct config_route *route,
                  const struct lookup_plan *plan)
{
    const size_t to = lookup_plan_way(plan, route, choice->place)->upstream->index;

    for (size_t i = 0; i < choice->skip_count; i++)
        failover_count(lookup_plan_way(plan, route, choice->skipped[i].place)->upstream->index, to,
                       choice->skipped[i].reason);
}

void choice_drop(const struct choice *choice, const struct config_route *route,
                 const struct lookup_plan *plan, struct mono_time now)
{
    if (choice->trial)
        breaker_abandoned(&lookup_plan_way(plan, route, choice->place)->side->state->breaker, now);
}
