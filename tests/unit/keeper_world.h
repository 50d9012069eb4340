/*
 * A world in false time for a keeper: its ports, a token endpoint that does as told, and a lookup's
 * eye on the view. world_run goes from event to event (an answer, a wake-up), so that a day takes
 * as long as its events. At each event, before it happens, the view is looked at: a token becomes
 * unusable at one moment and stays so, so a gap cannot hide between two looks.
 */
#ifndef TESTS_KEEPER_WORLD_H
#define TESTS_KEEPER_WORLD_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/metrics.h"
#include "token/keeper.h"
#include "token/keeper_internal.h"

#define WORLD_KEY "up_auth_token"
#define WORLD_START ((struct mono_time){.ns = 1000 * SECOND})
#define WORLD_FETCHES 16384

/* What a random port may give. */
static const uint32_t randoms[] = {0, UINT32_MAX / 2, UINT32_MAX};

struct world;
typedef struct keeper_result world_endpoint(struct world *world);

struct world {
    struct keeper_settings settings;
    struct keeper *keeper;
    struct store *store;
    struct mono_time now, wake;

    struct token_view *view; /* the last published */
    unsigned views;

    bool pending; /* a request is under way */
    struct mono_time sent;
    char guid[200];                       /* it came with; "" for none */
    enum token_wish wish;                 /* why it was made */
    struct mono_time made[WORLD_FETCHES]; /* requests, since the beginning */
    size_t requests;

    uint32_t random; /* what the port gives */

    world_endpoint *endpoint;
    int64_t latency;
    int64_t lifetime;
    unsigned serial; /* the value of the next token */
    char value[40];
    struct mono_time value_until; /* endpoint_cached: its token's real expiry */
    int64_t retry_after;

    bool must_have_token; /* at every moment */
};

/* Endpoints. */

static inline struct keeper_result world_grant(struct world *world, int64_t lifetime)
{
    return (struct keeper_result){
        .kind = KEEPER_GRANTED,
        .grant = {.type = "Bearer", .value = world->value, .lifetime = lifetime},
    };
}

/* A new token each time. */
static inline struct keeper_result endpoint_fresh(struct world *world)
{
    snprintf(world->value, sizeof(world->value), "value-%u", world->serial++);
    return world_grant(world, world->lifetime);
}

/* The same value each time, for as long again. */
static inline struct keeper_result endpoint_same(struct world *world)
{
    snprintf(world->value, sizeof(world->value), "value-same");
    return world_grant(world, world->lifetime);
}

/* The same token until it has expired, in whole seconds that are left. */
static inline struct keeper_result endpoint_cached(struct world *world)
{
    if (!mono_before(world->sent, world->value_until)) {
        (void)endpoint_fresh(world);
        world->value_until = mono_add(world->sent, world->lifetime);
    }
    int64_t left = mono_diff(world->value_until, world->sent) / SECOND;
    if (left == 0)
        return (struct keeper_result){.kind = KEEPER_FAILED, .reason = "expires_in: 0"};
    return world_grant(world, left * SECOND);
}

/* The same, rounded up: the expiry wanders by up to a second. */
static inline struct keeper_result endpoint_cached_up(struct world *world)
{
    struct keeper_result result = endpoint_cached(world);

    if (result.kind == KEEPER_GRANTED && result.grant.lifetime < world->lifetime)
        result.grant.lifetime += SECOND;
    return result;
}

static inline struct keeper_result endpoint_broken(struct world *world)
{
    return (struct keeper_result){
        .kind = KEEPER_FAILED, .reason = "answered 500", .retry_after = world->retry_after};
}

static inline struct keeper_result endpoint_down(struct world *world)
{
    (void)world;
    return (struct keeper_result){.kind = KEEPER_NO_RESPONSE, .reason = "refused"};
}

static inline struct keeper_result endpoint_denying(struct world *world)
{
    return (struct keeper_result){.kind = KEEPER_REJECTED,
                                  .reason = "responded with 401: invalid_client",
                                  .retry_after = world->retry_after};
}

/* Ports. */

static inline void world_fetch(void *arg, enum token_wish wish, const char *guid)
{
    struct world *world = arg;

    world->wish = wish;

    ck_assert_msg(!world->pending, "two requests at one time");
    ck_assert_uint_lt(world->requests, WORLD_FETCHES);
    world->pending = true;
    world->sent = world->now;
    snprintf(world->guid, sizeof(world->guid), "%s", guid != NULL ? guid : "");
    world->made[world->requests++] = world->now;
}

static inline void world_publish(void *arg, struct token_view *view)
{
    struct world *world = arg;

    if (world->view != NULL)
        ck_assert_uint_eq(view->sequence, world->view->sequence + 1);
    token_view_ref(view);
    token_view_unref(world->view);
    world->view = view;
    world->views++;
}

static inline void world_wake(void *arg, struct mono_time when)
{
    ((struct world *)arg)->wake = when;
}

static inline uint32_t world_random(void *arg)
{
    return ((struct world *)arg)->random;
}

/* Life. */

static inline struct world *world_new(void)
{
    struct world *world = calloc(1, sizeof(*world));

    ck_assert_ptr_nonnull(world);
    world->now = WORLD_START;
    world->wake = MONO_NEVER;
    world->endpoint = endpoint_fresh;
    world->lifetime = HOUR;
    world->latency = 100 * MILLISECOND;
    world->store = store_new(4);
    world->settings = (struct keeper_settings){
        .upstream = "up",
        .store_key = WORLD_KEY,
        .early_expiry = 5 * MINUTE,
        .prefetch = true,
        .budget = 60,
        .workers = 2,
    };
    return world;
}

static inline void world_make(struct world *world)
{
    struct keeper_ports ports = {.arg = world,
                                 .fetch = world_fetch,
                                 .publish = world_publish,
                                 .wake = world_wake,
                                 .random = world_random};

    world->keeper = keeper_new(&world->settings, &ports, world->store);
}

static inline void world_start(struct world *world)
{
    world_make(world);
    keeper_start(world->keeper, world->now);
}

static inline void world_free(struct world *world)
{
    keeper_free(world->keeper);
    token_view_unref(world->view);
    store_free(world->store);
    free(world);
}

/* The token a lookup would use now, or NULL. Borrowed. */
static inline struct token *world_token(struct world *world)
{
    struct token *token = world->view->token;

    return token != NULL && token_usable(token, world->now) ? token : NULL;
}

/* The generation a lookup would use now, or 0. */
static inline uint64_t world_generation(struct world *world)
{
    struct token *token = world_token(world);

    return token != NULL ? token_generation(token) : 0;
}

static inline void world_answer(struct world *world)
{
    struct keeper_result result = world->endpoint(world);

    world->pending = false;
    keeper_fetched(world->keeper, &result, world->sent, world->now);
}

static inline void world_run_until(struct world *world, struct mono_time end)
{
    for (;;) {
        struct mono_time answer =
            world->pending ? mono_add(world->sent, world->latency) : MONO_NEVER;
        struct mono_time next = mono_min(mono_min(answer, world->wake), end);

        if (mono_before(world->now, next))
            world->now = next;
        if (world->must_have_token)
            ck_assert_msg(world_token(world) != NULL, "no token at %lld ms",
                          (long long)(world->now.ns / MILLISECOND));
        if (world->pending && !mono_before(world->now, answer))
            world_answer(world);
        else if (!mono_before(world->now, world->wake))
            keeper_tick(world->keeper, world->now);
        else
            return;
    }
}

static inline void world_run(struct world *world, int64_t duration)
{
    world_run_until(world, mono_add(world->now, duration));
}

static inline struct keeper_status world_status(struct world *world)
{
    struct keeper_status status;

    keeper_status(world->keeper, world->now, &status);
    return status;
}

static inline int64_t evictions(enum keeper_eviction reason)
{
    return metric_upstream_sum(METRIC_TOKEN_EVICTIONS, 0, reason);
}

/* A 401 for the token of the view, sent so long ago. */
static inline enum keeper_verdict world_refused(struct world *world, int64_t ago)
{
    struct mono_time succeeded_at;

    return keeper_rejected(world->keeper, world_generation(world), mono_add(world->now, -ago),
                           "guid-of-401", world->now, &succeeded_at);
}

/* With a token of 24 hours nothing but a 401 causes a request. */
static inline struct world *world_with_token(void)
{
    struct world *world = world_new();

    world->lifetime = 24 * HOUR;
    world_start(world);
    world_run(world, MINUTE);
    ck_assert_uint_eq(world_generation(world), 1);
    return world;
}

#endif
