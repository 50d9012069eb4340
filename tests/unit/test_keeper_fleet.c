/* The keeper in a fleet, in false time: tokens of other members, and no answer for their sake. */
#include "keeper_world.h"

#include "base/check.h"
#include "base/log.h"
#include "suite.h"

/* What the "endpoint", which is the fleet, says when it holds. */
static struct keeper_result hold;

static struct keeper_result fleet_holding(struct world *world)
{
    (void)world;
    return hold;
}

static void holds(struct world *world, enum keeper_hold held, int64_t duration)
{
    hold = (struct keeper_result){.kind = KEEPER_HELD, .held = held, .hold = duration};
    world->endpoint = fleet_holding;
}

/* Another member's token, that is so old. */
static int64_t shared_age;

static struct keeper_result fleet_sharing(struct world *world)
{
    struct keeper_result result = endpoint_fresh(world);

    result.kind = KEEPER_SHARED;
    world->sent = mono_add(world->now, -shared_age);
    return result;
}

static struct keeper_result fleet_sharing_same(struct world *world)
{
    struct keeper_result result = world_grant(world, world->lifetime);

    result.kind = KEEPER_SHARED;
    return result;
}

/* Its present token, of a day, was asked for a minute ago; it renews at half of a lifetime. */
static struct world *fleet_world(bool prefetch)
{
    struct world *world = world_new();

    world->settings.renew = 50;
    world->settings.prefetch = prefetch;
    world->lifetime = 24 * HOUR;
    world_start(world);
    if (!prefetch)
        keeper_wanted(world->keeper, world->view->sequence, "guid-of-first", world->now);
    world_run(world, MINUTE);
    ck_assert_uint_eq(world_generation(world), 1);
    shared_age = 0;
    return world;
}

static bool offer(struct world *world, const char *value, int64_t lifetime, int64_t age)
{
    const struct token_grant grant = {.type = "Bearer", .value = value, .lifetime = lifetime};

    return keeper_offer(world->keeper, &grant, mono_add(world->now, -age), world->now);
}

static int64_t requests_counted(int cell)
{
    return metric_upstream_sum(METRIC_TOKEN_REQUESTS, 0, (size_t)cell);
}

static int64_t durations_observed(void)
{
    return metric_upstream_sum(METRIC_TOKEN_REQUEST_DURATION, 0, METRIC_HISTOGRAM_COUNT);
}

static void want(struct world *world)
{
    keeper_wanted(world->keeper, world->view->sequence, "guid-of-wanted", world->now);
}

/* ---- shared ---- */

START_TEST(renews_at_half_of_the_lifetime)
{
    struct world *world = fleet_world(true);

    world->endpoint = fleet_sharing;
    world_run_until(world, mono_add(WORLD_START, 12 * HOUR - 1));
    ck_assert_uint_eq(world->requests, 1);
    ck_assert_int_eq(world_status(world).refresh_window, 12 * HOUR);
    world_run(world, SECOND);
    ck_assert_uint_eq(world->requests, 2);
    ck_assert_int_eq(world->wish, TOKEN_WISH_SCHEDULE);
    ck_assert_uint_eq(world_generation(world), 2);
    world_free(world);
}
END_TEST

START_TEST(a_shared_token_is_nobodys_request)
{
    struct world *world = fleet_world(true);
    const int64_t observed = durations_observed();

    shared_age = HOUR;
    world->endpoint = fleet_sharing;
    world_run(world, 12 * HOUR);
    ck_assert_uint_eq(world_generation(world), 2);
    ck_assert_int_eq(requests_counted(0), 1);
    ck_assert_int_eq(requests_counted(1), 0);
    ck_assert_int_eq(requests_counted(2), 1);
    ck_assert_int_eq(durations_observed(), observed);
    ck_assert_uint_eq(world_status(world).requests_last_hour, 0);
    ck_assert_int_eq(world->view->cause.kind, TOKEN_CAUSE_NONE);
    /* It is as old as the other member says. */
    ck_assert_int_eq(world_status(world).age,
                     mono_diff(world->now, token_requested(world_token(world))));
    ck_assert_int_ge(world_status(world).age, HOUR);
    world_free(world);
}
END_TEST

START_TEST(a_shared_replacement_is_not_charged)
{
    struct world *world = fleet_world(true);
    const uint64_t answered = world->view->answered;

    world->endpoint = fleet_sharing;
    ck_assert_int_eq(world_refused(world, SECOND), KEEPER_REPLACING);
    ck_assert_int_eq(world->wish, TOKEN_WISH_REFUSED);
    ck_assert_uint_eq(world_status(world).charged_last_hour, 1);
    world_run(world, SECOND);
    ck_assert_uint_eq(world_generation(world), 2);
    ck_assert_uint_eq(world->view->answered, answered + 1);
    ck_assert_uint_eq(world_status(world).charged_last_hour, 0);
    ck_assert_uint_eq(world_status(world).requests_last_hour, 1); /* the first */
    ck_assert(world_status(world).replacement);
    ck_assert_int_eq(evictions(EVICTED_REJECTED), 1);
    /* The 30 s count as after any replacement. */
    ck_assert_int_eq(world_refused(world, 0), KEEPER_KEPT_SUSPECT);
    world_free(world);
}
END_TEST

START_TEST(the_same_token_after_a_401_is_suspect)
{
    struct world *world = fleet_world(true);

    world->endpoint = fleet_sharing_same;
    ck_assert_int_eq(world_refused(world, SECOND), KEEPER_REPLACING);
    world_run(world, SECOND);
    ck_assert_uint_eq(world_generation(world), 1);
    ck_assert_int_eq(world_status(world).state, KEEPER_SUSPECT);
    ck_assert_int_eq(world->view->cause.kind, TOKEN_CAUSE_SAME);
    world_free(world);
}
END_TEST

/* ---- held ---- */

static const struct {
    enum keeper_hold held;
    enum token_cause_kind cause;
    bool failed, budget;
    enum keeper_state state; /* without a token */
} kinds[] = {
    {KEEPER_HOLD_LATER, TOKEN_CAUSE_NONE, false, false, KEEPER_BACKOFF},
    {KEEPER_HOLD_WAIT, TOKEN_CAUSE_FLEET_WAIT, true, false, KEEPER_BACKOFF},
    {KEEPER_HOLD_UNOPENED, TOKEN_CAUSE_FLEET_UNOPENED, true, false, KEEPER_BACKOFF},
    {KEEPER_HOLD_RECENT, TOKEN_CAUSE_NONE, false, false, KEEPER_BACKOFF},
    {KEEPER_HOLD_BUDGET, TOKEN_CAUSE_NONE, false, true, KEEPER_EXHAUSTED},
    {KEEPER_HOLD_ALONE, TOKEN_CAUSE_FLEET_ALONE, false, false, KEEPER_BACKOFF},
};

/* With a token that is to be renewed. */
START_TEST(held_with_a_token)
{
    struct world *world = fleet_world(true);
    const uint64_t answered = world->view->answered;

    holds(world, kinds[_i].held, 20 * SECOND);
    world_run_until(world, mono_add(WORLD_START, 12 * HOUR + SECOND));
    ck_assert_uint_eq(world->requests, 2);
    ck_assert_uint_eq(world->view->answered, answered + 1);
    ck_assert_ptr_nonnull(world->view->token);
    ck_assert_int_eq(world->view->failed, kinds[_i].failed);
    ck_assert_int_eq(world->view->cause.kind, kinds[_i].cause);
    ck_assert_int_eq(world->view->cause.budget, kinds[_i].budget);
    ck_assert_int_eq(world->view->suspect_until.ns, 0);
    ck_assert(world_status(world).ready);
    ck_assert_int_eq(world_status(world).fleet_exhausted, kinds[_i].budget);
    ck_assert_uint_eq(world_status(world).requests_last_hour, 0);
    ck_assert_int_eq(requests_counted(0) + requests_counted(1) + requests_counted(2), 1);
    ck_assert_int_eq(metric_upstream_sum(METRIC_TOKEN_BUDGET_REFUSED, 0, 0), kinds[_i].budget);
    /* And again when the time is over, not before. */
    ck_assert_int_eq(world_status(world).next_request_in, 19 * SECOND + world->latency);
    world->endpoint = fleet_sharing;
    world_run(world, 19 * SECOND);
    ck_assert_uint_eq(world->requests, 2);
    world_run(world, SECOND);
    ck_assert_uint_eq(world->requests, 3);
    ck_assert_uint_eq(world_generation(world), 2);
    ck_assert(!world->view->failed);
    ck_assert(token_cause_is_none(&world->view->cause));
    ck_assert_ptr_null(world_status(world).last_error);
    world_free(world);
}
END_TEST

/* Without one lookups get 503 until the hold is over. */
static void held_without(enum keeper_hold held, size_t kind, bool prefetch)
{
    struct world *world = world_new();

    world->settings.renew = 50;
    world->settings.prefetch = prefetch;
    holds(world, held, 20 * SECOND);
    world_start(world);
    want(world);
    world_run(world, SECOND);
    ck_assert_uint_eq(world->requests, 1);
    ck_assert_int_eq(world->wish, TOKEN_WISH_FIRST);
    ck_assert(world->view->failed);
    ck_assert_int_eq(world->view->retry_at.ns,
                     mono_add(WORLD_START, world->latency + 20 * SECOND).ns);
    ck_assert_int_eq(world->view->cause.kind, kinds[kind].cause);
    ck_assert_int_eq(world_status(world).state, kinds[kind].state);
    ck_assert(!world_status(world).ready);
    ck_assert_int_ne(world_status(world).lacking_since.ns, 0);
    world->endpoint = fleet_sharing;
    world_run(world, 30 * SECOND);
    if (!prefetch) {
        ck_assert_uint_eq(world->requests, 1);
        ck_assert(world_status(world).ready);
        want(world);
        world_run(world, SECOND);
    }
    ck_assert_uint_eq(world->requests, 2);
    ck_assert_uint_eq(world_generation(world), 1);
    world_free(world);
}

START_TEST(held_without_a_token)
{
    held_without(kinds[_i].held, (size_t)_i, true);
}
END_TEST

START_TEST(held_without_a_token_or_prefetch)
{
    held_without(kinds[_i].held, (size_t)_i, false);
}
END_TEST

/* Without prefetch, a token is lacking since something went wrong. */
START_TEST(lacking_since_the_fleet_waits)
{
    struct world *world = world_new();

    world->settings.renew = 50;
    world->settings.prefetch = false;
    world_start(world);
    world_run(world, MINUTE);
    holds(world, KEEPER_HOLD_LATER, MINUTE);
    want(world);
    world_run(world, HOUR);
    ck_assert_int_eq(world_status(world).lacking_since.ns, WORLD_START.ns);
    holds(world, KEEPER_HOLD_WAIT, HOUR);
    want(world);
    world_run(world, world->latency);
    ck_assert_int_eq(world_status(world).lacking_since.ns, world->now.ns);
    world_free(world);
}
END_TEST

/* A 401 that is held: 502, and the next ones too, until the hold is over. */
static void held_after_401(enum keeper_hold held, enum token_cause_kind cause, int64_t duration,
                           int64_t suspect_for)
{
    struct world *world = fleet_world(true);

    holds(world, held, duration);
    ck_assert_int_eq(world_refused(world, SECOND), KEEPER_REPLACING);
    world_run(world, world->latency);
    const struct mono_time ended = world->now;
    ck_assert_uint_eq(world_generation(world), 1);
    ck_assert(!world->view->failed);
    ck_assert_int_eq(world->view->suspect_until.ns, mono_add(ended, suspect_for).ns);
    ck_assert_int_eq(world->view->cause.kind, cause);
    ck_assert_int_eq(world_status(world).state, KEEPER_SUSPECT);
    ck_assert_uint_eq(world_status(world).charged_last_hour, 0);
    world_run(world, suspect_for - 1);
    ck_assert_int_eq(world_refused(world, 0), KEEPER_KEPT_SUSPECT);
    ck_assert_uint_eq(world->requests, 2);
    world_run(world, 1);
    ck_assert_int_eq(world_refused(world, 0), KEEPER_REPLACING);
    ck_assert_uint_eq(world->requests, 3);
    world_free(world);
}

START_TEST(recent_after_a_401)
{
    held_after_401(KEEPER_HOLD_RECENT, TOKEN_CAUSE_NONE, 12 * SECOND, 12 * SECOND);
}
END_TEST

START_TEST(budget_after_a_401)
{
    held_after_401(KEEPER_HOLD_BUDGET, TOKEN_CAUSE_NONE, 10 * MINUTE, 30 * SECOND);
}
END_TEST

START_TEST(alone_after_a_401)
{
    held_after_401(KEEPER_HOLD_ALONE, TOKEN_CAUSE_FLEET_ALONE, HOUR, 30 * SECOND);
}
END_TEST

START_TEST(later_after_a_401)
{
    held_after_401(KEEPER_HOLD_LATER, TOKEN_CAUSE_NONE, MILLISECOND, SECOND);
}
END_TEST

/* It was good: the caller is told when another one is asked for. */
START_TEST(recent_after_a_401_for_a_token_that_worked)
{
    struct world *world = fleet_world(true);

    token_succeeded(world_token(world), 1, mono_add(world->now, -SECOND));
    holds(world, KEEPER_HOLD_RECENT, 12 * SECOND);
    ck_assert_int_eq(world_refused(world, 0), KEEPER_REPLACING);
    world_run(world, SECOND);
    ck_assert_int_eq(world->view->cause.kind, TOKEN_CAUSE_PACED);
    ck_assert_int_eq(world_status(world).next_request_in, 11 * SECOND + world->latency);
    world_free(world);
}
END_TEST

START_TEST(waiting_after_a_401)
{
    struct world *world = fleet_world(true);

    holds(world, KEEPER_HOLD_WAIT, 10 * SECOND);
    ck_assert_int_eq(world_refused(world, SECOND), KEEPER_REPLACING);
    world_run(world, SECOND);
    /* Those that waited get 503, and so do others, without a word to the fleet. */
    ck_assert(world->view->failed);
    ck_assert_int_eq(world->view->suspect_until.ns, 0);
    ck_assert_int_eq(world->view->cause.kind, TOKEN_CAUSE_FLEET_WAIT);
    ck_assert_int_eq(world_refused(world, 0), KEEPER_BACKING_OFF);
    ck_assert_uint_eq(world->requests, 2);
    /* It is made up for. */
    world->endpoint = fleet_sharing;
    world_run(world, 10 * SECOND);
    ck_assert_uint_eq(world->requests, 3);
    ck_assert_uint_eq(world_generation(world), 2);
    world_free(world);
}
END_TEST

/* Nothing is wrong: a 401 is heard at once. */
START_TEST(a_401_while_nothing_is_wrong)
{
    struct world *world = fleet_world(true);

    holds(world, KEEPER_HOLD_LATER, 6 * HOUR);
    world_run_until(world, mono_add(WORLD_START, 12 * HOUR + SECOND));
    ck_assert_uint_eq(world->requests, 2);
    ck_assert_int_eq(world_status(world).state, KEEPER_VALID);
    world->endpoint = fleet_sharing;
    ck_assert_int_eq(world_refused(world, 0), KEEPER_REPLACING);
    ck_assert_int_eq(world->wish, TOKEN_WISH_REFUSED);
    world_free(world);
}
END_TEST

/* A wait that goes on is one failure, and not one for each time that the fleet is asked. */
START_TEST(an_error_of_a_long_wait)
{
    struct world *world = world_new();

    world->settings.renew = 50;
    holds(world, KEEPER_HOLD_WAIT, MINUTE);
    world_start(world);
    world_run(world, 10 * MINUTE);
    ck_assert_uint_eq(world->requests, 10);
    ck_assert_ptr_nonnull(world_status(world).last_error);
    ck_assert_int_eq(world_status(world).last_error_age, 10 * MINUTE - world->latency);
    holds(world, KEEPER_HOLD_BUDGET, MINUTE);
    world_run(world, MINUTE);
    ck_assert_ptr_null(world_status(world).last_error);
    world_free(world);
}
END_TEST

/* The fleet's budget is not ours: it is asked again, and says since when it is used up. */
START_TEST(the_fleets_budget_is_used_up_for_long)
{
    struct world *world = fleet_world(true);

    holds(world, KEEPER_HOLD_BUDGET, MINUTE);
    ck_assert_int_eq(world_refused(world, SECOND), KEEPER_REPLACING);
    world_run(world, SECOND);
    const struct mono_time since = world_status(world).exhausted_since;
    ck_assert_int_ne(since.ns, 0);
    world_run(world, 40 * SECOND);
    ck_assert_int_eq(world_refused(world, SECOND), KEEPER_REPLACING);
    world_run(world, SECOND);
    ck_assert_int_eq(world_status(world).exhausted_since.ns, since.ns);
    ck_assert_int_eq(world_status(world).budget_left, 60);
    world_free(world);
}
END_TEST

/* What is on schedule is not charged, and waits for no budget. */
START_TEST(a_renewal_while_the_fleets_budget_is_used_up)
{
    for (int by_hand = 0; by_hand < 2; by_hand++) {
        struct world *world = fleet_world(true);
        world_run_until(world, mono_add(WORLD_START, 12 * HOUR - 10 * MINUTE));
        holds(world, KEEPER_HOLD_BUDGET, HOUR);
        if (by_hand)
            ck_assert(keeper_refresh(world->keeper, world->now));
        else
            ck_assert_int_eq(world_refused(world, SECOND), KEEPER_REPLACING);
        world_run(world, SECOND);
        ck_assert_uint_eq(world->requests, 2);
        world->endpoint = fleet_sharing;
        world_run(world, 10 * MINUTE);
        ck_assert_uint_eq(world->requests, 3);
        ck_assert_int_eq(world->wish, TOKEN_WISH_SCHEDULE);
        ck_assert_uint_eq(world_generation(world), 2);
        ck_assert_int_eq(world_status(world).exhausted_since.ns, 0);
        world_free(world);
    }
}
END_TEST

/* But one after a failure is charged. */
START_TEST(a_renewal_that_the_fleets_budget_does_not_allow)
{
    struct world *world = fleet_world(true);

    holds(world, KEEPER_HOLD_BUDGET, HOUR);
    world_run_until(world, mono_add(WORLD_START, 13 * HOUR - SECOND));
    ck_assert_uint_eq(world->requests, 2);
    world_run(world, 2 * SECOND);
    ck_assert_uint_eq(world->requests, 3);
    world_free(world);
}
END_TEST

/* ---- what is wanted becomes another thing while the fleet judges ---- */

START_TEST(a_401_during_a_renewal_that_is_held)
{
    struct world *world = fleet_world(true);
    const uint64_t answered = world->view->answered;

    holds(world, KEEPER_HOLD_LATER, HOUR);
    world_run_until(world, mono_add(WORLD_START, 12 * HOUR));
    ck_assert_int_eq(world->wish, TOKEN_WISH_SCHEDULE);
    ck_assert_int_eq(world_refused(world, SECOND), KEEPER_REPLACING);
    ck_assert_uint_eq(world->requests, 2);
    /* The fleet did not know of the 401. It is told, and nobody hears of the hold. */
    world_run(world, world->latency);
    ck_assert_uint_eq(world->requests, 3);
    ck_assert_int_eq(world->wish, TOKEN_WISH_REFUSED);
    ck_assert_uint_eq(world->view->answered, answered);
    ck_assert_uint_eq(world_status(world).charged_last_hour, 1);
    world->endpoint = fleet_sharing;
    world_run(world, world->latency);
    ck_assert_uint_eq(world->view->answered, answered + 1);
    ck_assert_uint_eq(world_generation(world), 2);
    ck_assert(world_status(world).replacement);
    world_free(world);
}
END_TEST

START_TEST(by_hand_during_a_request_that_is_held)
{
    struct world *world = fleet_world(true);

    holds(world, KEEPER_HOLD_WAIT, HOUR);
    ck_assert_int_eq(world_refused(world, SECOND), KEEPER_REPLACING);
    ck_assert(keeper_refresh(world->keeper, world->now));
    ck_assert_uint_eq(world->requests, 2);
    world_run(world, world->latency);
    ck_assert_uint_eq(world->requests, 3);
    ck_assert_int_eq(world->wish, TOKEN_WISH_HAND);
    /* Held again it ends, with what the 401 waits for. */
    world_run(world, SECOND);
    ck_assert_uint_eq(world->requests, 3);
    ck_assert(world->view->failed);
    ck_assert_uint_eq(world_status(world).charged_last_hour, 0);
    world_free(world);
}
END_TEST

START_TEST(the_token_ends_during_a_request_that_is_held)
{
    struct world *world = fleet_world(true);

    world->latency = 13 * HOUR; /* longer than the token lasts */
    holds(world, KEEPER_HOLD_LATER, HOUR);
    world_run_until(world, mono_add(WORLD_START, 25 * HOUR));
    ck_assert_uint_eq(world->requests, 3);
    ck_assert_int_eq(world->wish, TOKEN_WISH_FIRST);
    ck_assert_ptr_null(world->view->token);
    world_free(world);
}
END_TEST

/* The budget of our own has no room for the other wish: then the hold is what there is to tell. */
START_TEST(a_401_that_cannot_be_paid_for_during_a_renewal)
{
    struct world *world = world_new();

    world->settings.renew = 50;
    world->settings.budget = 0;
    world->lifetime = 24 * HOUR;
    world_start(world);
    world_run(world, MINUTE);
    holds(world, KEEPER_HOLD_LATER, HOUR);
    world_run_until(world, mono_add(WORLD_START, 12 * HOUR));
    ck_assert_int_eq(world_refused(world, SECOND), KEEPER_REPLACING);
    world_run(world, SECOND);
    ck_assert_uint_eq(world->requests, 2);
    ck_assert(world->view->cause.budget);
    ck_assert_int_eq(world_status(world).state, KEEPER_SUSPECT);
    world_free(world);
}
END_TEST

/* ---- offered ---- */

START_TEST(an_offer_that_lasts_longer)
{
    struct world *world = fleet_world(true);
    const uint64_t answered = world->view->answered;

    ck_assert(offer(world, "offered", 24 * HOUR, 0));
    ck_assert_uint_eq(world_generation(world), 2);
    ck_assert_uint_eq(world->view->answered, answered);
    ck_assert_int_eq(requests_counted(2), 1);
    ck_assert_int_eq(evictions(EVICTED_REPLACED), 1);
    /* Its own time counts for the renewal. */
    world_run_until(world, mono_add(WORLD_START, 12 * HOUR + 30 * SECOND));
    ck_assert_uint_eq(world->requests, 1);
    world_run(world, MINUTE);
    ck_assert_uint_eq(world->requests, 2);
    world_free(world);
}
END_TEST

START_TEST(an_offer_that_lasts_no_longer)
{
    struct world *world = fleet_world(true);
    const unsigned views = world->views;

    ck_assert(!offer(world, "offered", 24 * HOUR, MINUTE));
    ck_assert(!offer(world, world->value, 24 * HOUR, MINUTE));
    ck_assert(!offer(world, "offered", HOUR, HOUR - SECOND)); /* as good as over */
    ck_assert_uint_eq(world_generation(world), 1);
    ck_assert_uint_eq(world->views, views);
    ck_assert_int_eq(requests_counted(2), 0);
    world_free(world);
}
END_TEST

START_TEST(an_offer_while_the_token_is_suspect)
{
    struct world *world = fleet_world(true);

    holds(world, KEEPER_HOLD_RECENT, 20 * SECOND);
    (void)world_refused(world, 0);
    world_run(world, SECOND);
    ck_assert_int_eq(world_status(world).state, KEEPER_SUSPECT);
    ck_assert(!offer(world, world->value, 24 * HOUR, MINUTE));
    ck_assert(offer(world, "offered", HOUR, 0));
    ck_assert_uint_eq(world_generation(world), 2);
    ck_assert_int_eq(world_status(world).state, KEEPER_VALID);
    ck_assert(world_status(world).replacement);
    ck_assert_int_eq(evictions(EVICTED_REJECTED), 1);
    world_free(world);
}
END_TEST

START_TEST(an_offer_without_a_token_ends_the_waits)
{
    struct world *world = world_new();

    world->settings.renew = 50;
    holds(world, kinds[_i].held, 20 * MINUTE);
    world_start(world);
    world_run(world, SECOND);
    ck_assert(world->view->failed);
    ck_assert(!offer(world, "offered", HOUR, HOUR - SECOND)); /* it is over */
    ck_assert(offer(world, "offered", HOUR, MINUTE));
    ck_assert(!world->view->failed);
    ck_assert(token_cause_is_none(&world->view->cause));
    ck_assert_int_eq(world_status(world).state, KEEPER_VALID);
    ck_assert_int_eq(world_status(world).exhausted_since.ns, 0);
    ck_assert_int_eq(world_status(world).next_request_in, 29 * MINUTE);
    world_free(world);
}
END_TEST

/* The request goes on, and brings the same token once more: all is well. */
START_TEST(an_offer_during_a_request)
{
    struct world *world = fleet_world(true);

    world->endpoint = fleet_sharing_same;
    (void)world_refused(world, 0);
    snprintf(world->value, sizeof(world->value), "offered");
    ck_assert(offer(world, "offered", HOUR, 0)); /* though it lasts less */
    ck_assert_uint_eq(world_generation(world), 2);
    ck_assert(world_status(world).replacement);
    ck_assert_int_eq(world_status(world).state, KEEPER_RENEWING);
    world->lifetime = HOUR;
    world_run(world, SECOND);
    ck_assert_uint_eq(world_generation(world), 2);
    ck_assert_int_eq(world_status(world).state, KEEPER_VALID);
    ck_assert_int_eq(world->keeper->standing, STANDING_FINE);
    ck_assert_int_eq(requests_counted(2), 1);
    ck_assert_int_gt(world_status(world).next_request_in, 25 * MINUTE);
    world_free(world);
}
END_TEST

/* The same, and then the request is held: that was about the token before. */
START_TEST(an_offer_during_a_request_that_is_held)
{
    struct world *world = fleet_world(true);
    const uint64_t answered = world->view->answered;

    holds(world, KEEPER_HOLD_WAIT, MINUTE);
    (void)world_refused(world, 0);
    ck_assert(offer(world, "offered", 24 * HOUR, 0));
    world_run(world, SECOND);
    ck_assert_uint_eq(world->requests, 2);
    ck_assert_uint_eq(world->view->answered, answered + 1);
    ck_assert(!world->view->failed);
    ck_assert_int_eq(world->view->suspect_until.ns, 0);
    ck_assert_int_eq(world_status(world).state, KEEPER_VALID);
    world_free(world);
}
END_TEST

/* ---- tried again, and forgotten ---- */

START_TEST(retried_at_once)
{
    struct world *world = world_new();

    world->settings.renew = 50;
    holds(world, KEEPER_HOLD_ALONE, HOUR);
    world_start(world);
    world_run(world, SECOND);
    ck_assert_uint_eq(world->requests, 1);
    world->endpoint = fleet_sharing;
    keeper_retry(world->keeper, world->now);
    ck_assert_uint_eq(world->requests, 2);
    world_run(world, SECOND);
    ck_assert_uint_eq(world_generation(world), 1);
    /* With nothing held it says nothing. */
    unsigned views = world->views;
    keeper_retry(world->keeper, world->now);
    ck_assert_uint_eq(world->requests, 2);
    ck_assert_uint_eq(world->views, views);
    /* Nor while a request is under way. */
    holds(world, KEEPER_HOLD_RECENT, MINUTE);
    (void)world_refused(world, 0);
    world_run(world, 2 * MINUTE);
    (void)world_refused(world, 0);
    ck_assert_uint_eq(world->requests, 4);
    views = world->views;
    keeper_retry(world->keeper, world->now);
    ck_assert_uint_eq(world->views, views);
    world_free(world);
}
END_TEST

/* With prefetch off nobody asks, but lookups may again. */
START_TEST(retried_without_prefetch)
{
    struct world *world = world_new();

    world->settings.renew = 50;
    world->settings.prefetch = false;
    holds(world, KEEPER_HOLD_WAIT, HOUR);
    world_start(world);
    want(world);
    world_run(world, SECOND);
    ck_assert(world->view->failed);
    keeper_retry(world->keeper, world->now);
    ck_assert_uint_eq(world->requests, 1);
    ck_assert(!mono_before(world->now, world->view->retry_at));
    want(world);
    ck_assert_uint_eq(world->requests, 2);
    world_free(world);
}
END_TEST

START_TEST(retried_after_a_401)
{
    struct world *world = fleet_world(true);

    holds(world, KEEPER_HOLD_ALONE, HOUR);
    (void)world_refused(world, 0);
    world_run(world, SECOND);
    ck_assert_int_eq(world_refused(world, 0), KEEPER_KEPT_SUSPECT);
    keeper_retry(world->keeper, world->now);
    ck_assert_int_eq(world->view->suspect_until.ns, 0);
    ck_assert_int_eq(world_refused(world, 0), KEEPER_REPLACING);
    world_free(world);
}
END_TEST

START_TEST(leaked_at_another_member)
{
    struct world *world = fleet_world(true);

    keeper_leaked(world->keeper, world->now);
    ck_assert_ptr_null(world->view->token);
    ck_assert_int_eq(evictions(EVICTED_FORGOTTEN), 1);
    ck_assert_uint_eq(world->requests, 2);
    ck_assert_int_eq(world->wish, TOKEN_WISH_FIRST);
    ck_assert_uint_eq(world_status(world).charged_last_hour, 0);
    world_run(world, SECOND);
    ck_assert_uint_eq(world_generation(world), 2);
    world_free(world);
}
END_TEST

/* The others are told by the request, so that it does not wait for a lookup. */
START_TEST(forgotten_here)
{
    struct world *world = fleet_world(false);

    holds(world, KEEPER_HOLD_BUDGET, MINUTE);
    keeper_forget(world->keeper, world->now);
    ck_assert_uint_eq(world->requests, 2);
    ck_assert_int_eq(world->wish, TOKEN_WISH_FORGOTTEN);
    /* An offer may be the very token. */
    ck_assert(!offer(world, "value-0", 24 * HOUR, 0));
    world_run(world, SECOND);
    ck_assert(!offer(world, "value-0", 24 * HOUR, 0));
    world->endpoint = fleet_sharing;
    world_run(world, MINUTE);
    ck_assert_uint_eq(world->requests, 3);
    ck_assert_int_eq(world->wish, TOKEN_WISH_FORGOTTEN);
    ck_assert_uint_eq(world_generation(world), 2);
    ck_assert_uint_eq(world_status(world).charged_last_hour, 0);
    world_free(world);
}
END_TEST

/* What others obtain meanwhile is another token, and nothing has to be told any more then. */
START_TEST(forgotten_here_and_offered_another)
{
    struct world *world = fleet_world(true);

    holds(world, KEEPER_HOLD_BUDGET, HOUR);
    keeper_forget(world->keeper, world->now);
    world_run(world, SECOND);
    ck_assert(offer(world, "another", 24 * HOUR, 0));
    ck_assert_uint_eq(world_generation(world), 2);
    world_run(world, 11 * HOUR);
    ck_assert_uint_eq(world->requests, 2);
    world_run(world, 2 * HOUR);
    ck_assert_int_eq(world->wish, TOKEN_WISH_SCHEDULE);
    /* Nor is the former one wanted then. */
    ck_assert(!offer(world, "value-0", 24 * HOUR, 0));
    world_free(world);
}
END_TEST

/* And while the fleet is asked. */
START_TEST(forgotten_here_and_offered_another_at_once)
{
    struct world *world = fleet_world(true);

    holds(world, KEEPER_HOLD_BUDGET, HOUR);
    keeper_forget(world->keeper, world->now);
    ck_assert(offer(world, "another", 24 * HOUR, 0));
    world_run(world, SECOND);
    ck_assert_uint_eq(world_generation(world), 2);
    ck_assert_int_eq(world_status(world).state, KEEPER_VALID);
    ck_assert_uint_eq(world->requests, 2);
    world_free(world);
}
END_TEST

/* The others are to hear of it, whatever is left for requests of our own. */
START_TEST(forgotten_here_past_the_budget)
{
    struct world *world = world_new();

    world->settings.renew = 50;
    world->settings.budget = 0;
    world_start(world);
    world_run(world, MINUTE);
    keeper_forget(world->keeper, world->now);
    ck_assert_uint_eq(world->requests, 2);
    ck_assert_int_eq(world->wish, TOKEN_WISH_FORGOTTEN);
    world_run(world, SECOND);
    ck_assert_uint_eq(world_generation(world), 2);
    world_free(world);
}
END_TEST

START_TEST(forgotten_during_a_request_that_is_held)
{
    struct world *world = fleet_world(true);

    holds(world, KEEPER_HOLD_LATER, HOUR);
    world_run_until(world, mono_add(WORLD_START, 12 * HOUR));
    ck_assert_int_eq(world->wish, TOKEN_WISH_SCHEDULE);
    keeper_forget(world->keeper, world->now);
    ck_assert_uint_eq(world->requests, 2);
    world_run(world, world->latency);
    ck_assert_uint_eq(world->requests, 3);
    ck_assert_int_eq(world->wish, TOKEN_WISH_FORGOTTEN);
    ck_assert_uint_eq(world_status(world).charged_last_hour, 1);
    world_free(world);
}
END_TEST

START_TEST(forgotten_during_a_request_that_fails)
{
    struct world *world = fleet_world(true);

    world->endpoint = endpoint_down;
    world_run_until(world, mono_add(WORLD_START, 12 * HOUR));
    keeper_forget(world->keeper, world->now);
    ck_assert_uint_eq(world->requests, 2);
    world_run(world, world->latency);
    ck_assert_uint_eq(world->requests, 3);
    ck_assert_int_eq(world->wish, TOKEN_WISH_FORGOTTEN);
    /* That told them. */
    world_run(world, world->latency);
    ck_assert_uint_eq(world->requests, 4);
    ck_assert_int_eq(world->wish, TOKEN_WISH_FIRST);
    world_free(world);
}
END_TEST

/* It does not wait for the end of a wait either. */
START_TEST(forgotten_while_the_fleet_waits)
{
    struct world *world = fleet_world(false);

    holds(world, KEEPER_HOLD_WAIT, HOUR);
    (void)world_refused(world, 0);
    world_run(world, SECOND);
    ck_assert_uint_eq(world->requests, 2);
    keeper_forget(world->keeper, world->now);
    ck_assert_uint_eq(world->requests, 3);
    ck_assert_int_eq(world->wish, TOKEN_WISH_FORGOTTEN);
    world_free(world);
}
END_TEST

/* ---- the log ---- */

static unsigned occurrences(const char *text, const char *what)
{
    unsigned count = 0;

    for (; (text = strstr(text, what)) != NULL; text += strlen(what))
        count++;
    return count;
}

/* A store that is out for hours is one line, and so is another one after a token. */
START_TEST(logs_once_until_a_token)
{
    struct world *world = fleet_world(true);
    FILE *file = tmpfile();
    static char text[1 << 16];

    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(log_start(fileno(file)), ERR_OK);
    log_configure(LOG_LEVEL_NOTICE, LOG_FORMAT_TEXT);
    holds(world, KEEPER_HOLD_LATER, MINUTE);
    world_run_until(world, mono_add(WORLD_START, 14 * HOUR));
    holds(world, KEEPER_HOLD_ALONE, MINUTE);
    world_run(world, HOUR);
    holds(world, KEEPER_HOLD_WAIT, MINUTE);
    world_run(world, HOUR);
    ck_assert(offer(world, "offered", 24 * HOUR, MINUTE));
    world->endpoint = fleet_sharing_same; /* a request goes on, and brings the same */
    ck_assert(keeper_refresh(world->keeper, world->now));
    snprintf(world->value, sizeof(world->value), "offered-again");
    ck_assert(offer(world, world->value, 24 * HOUR, 0));
    world_run(world, SECOND);
    holds(world, KEEPER_HOLD_WAIT, MINUTE);
    world_run(world, 13 * HOUR);
    keeper_leaked(world->keeper, world->now);
    world_free(world);
    log_stop();
    rewind(file);
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    ck_assert_uint_eq(occurrences(text, "no token is requested for the fleet"), 2);
    ck_assert_uint_eq(occurrences(text, "alone allows"), 1);
    ck_assert_uint_eq(occurrences(text, "token obtained from the fleet"), 2);
    ck_assert_uint_eq(occurrences(text, "by hand at another member"), 1);
    ck_assert_uint_eq(occurrences(text, "WARNING"), 0);
    ck_assert_uint_eq(occurrences(text, "offered"), 0);
}
END_TEST

static void add_held(TCase *tc)
{
    tcase_add_loop_test(tc, held_with_a_token, 0, (int)ARRAY_LEN(kinds));
    tcase_add_loop_test(tc, held_without_a_token, 0, (int)ARRAY_LEN(kinds));
    tcase_add_loop_test(tc, held_without_a_token_or_prefetch, 0, (int)ARRAY_LEN(kinds));
    tcase_add_test(tc, lacking_since_the_fleet_waits);
    tcase_add_test(tc, recent_after_a_401);
    tcase_add_test(tc, budget_after_a_401);
    tcase_add_test(tc, alone_after_a_401);
    tcase_add_test(tc, later_after_a_401);
    tcase_add_test(tc, recent_after_a_401_for_a_token_that_worked);
    tcase_add_test(tc, waiting_after_a_401);
    tcase_add_test(tc, a_401_while_nothing_is_wrong);
    tcase_add_test(tc, an_error_of_a_long_wait);
    tcase_add_test(tc, the_fleets_budget_is_used_up_for_long);
    tcase_add_test(tc, a_renewal_while_the_fleets_budget_is_used_up);
    tcase_add_test(tc, a_renewal_that_the_fleets_budget_does_not_allow);
    tcase_add_test(tc, a_401_during_a_renewal_that_is_held);
    tcase_add_test(tc, by_hand_during_a_request_that_is_held);
    tcase_add_test(tc, the_token_ends_during_a_request_that_is_held);
    tcase_add_test(tc, a_401_that_cannot_be_paid_for_during_a_renewal);
}

static void add_offered(TCase *tc)
{
    tcase_add_test(tc, an_offer_that_lasts_longer);
    tcase_add_test(tc, an_offer_that_lasts_no_longer);
    tcase_add_test(tc, an_offer_while_the_token_is_suspect);
    tcase_add_loop_test(tc, an_offer_without_a_token_ends_the_waits, 0, (int)ARRAY_LEN(kinds));
    tcase_add_test(tc, an_offer_during_a_request);
    tcase_add_test(tc, an_offer_during_a_request_that_is_held);
}

static Suite *suite(void)
{
    Suite *s = suite_create("keeper in a fleet");
    TCase *tc = tcase_create("keeper in a fleet");

    tcase_add_test(tc, renews_at_half_of_the_lifetime);
    tcase_add_test(tc, a_shared_token_is_nobodys_request);
    tcase_add_test(tc, a_shared_replacement_is_not_charged);
    tcase_add_test(tc, the_same_token_after_a_401_is_suspect);
    add_held(tc);
    add_offered(tc);
    tcase_add_test(tc, retried_at_once);
    tcase_add_test(tc, retried_without_prefetch);
    tcase_add_test(tc, retried_after_a_401);
    tcase_add_test(tc, leaked_at_another_member);
    tcase_add_test(tc, forgotten_here);
    tcase_add_test(tc, forgotten_here_and_offered_another);
    tcase_add_test(tc, forgotten_here_and_offered_another_at_once);
    tcase_add_test(tc, forgotten_here_past_the_budget);
    tcase_add_test(tc, forgotten_during_a_request_that_is_held);
    tcase_add_test(tc, forgotten_during_a_request_that_fails);
    tcase_add_test(tc, forgotten_while_the_fleet_waits);
    tcase_add_test(tc, logs_once_until_a_token);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    log_configure(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    return run_suite(suite());
}
